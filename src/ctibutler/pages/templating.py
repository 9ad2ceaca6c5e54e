"""Templates as answers: the environment, what every page has, and redirects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.responses import RedirectResponse, Response

import ctibutler
from ctibutler.answers.releases import ReadFrom
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.matrices import matrix_form
from ctibutler.pages import addresses, static_files
from ctibutler.pages.headers import PAGE_HEADERS, policy_of_drawing
from ctibutler.pages.text import as_words
from ctibutler.stix.markup import readable_text

HTML = "text/html"
# What may not stand in a document (HTML, 13.2.3.5): control characters and those that are none.
_NO_CHARACTER = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef"
    + "".join(chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)


@dataclass(frozen=True)
class OtherRelease:
    """A release in the box that switches releases: this page there, or None if it has no such page."""

    label: str
    address: str | None


@dataclass(frozen=True)
class Scope:
    """The release that a page is about, this page in the others, newest first, and where the release was read from."""

    kb: KnowledgeBase
    label: str
    latest: str
    others: Sequence[OtherRelease]
    read_from: ReadFrom

    @property
    def is_latest(self) -> bool:
        """Whether it is the latest installed release."""
        return self.label == self.latest

    @property
    def in_latest(self) -> str | None:
        """This page in the latest release."""
        return next((other.address for other in self.others if other.label == self.latest), None)


@dataclass(frozen=True)
class Form:
    """Another form of a page: the extension of its address, and the address."""

    extension: str
    address: str


@dataclass(frozen=True)
class Frame:
    """What surrounds the content of a page. `active` is the word of the page in the navigation; `text` what the search field
    holds; `scripts` are modules of ours that only this page loads; a `wide` page takes the whole window."""

    title: str
    canonical: str
    scope: Scope | None = None
    forms: Sequence[Form] = ()
    active: str = ""
    text: str = ""
    wide: bool = False
    scripts: Sequence[str] = field(default=())


@lru_cache
def environment() -> Environment:
    """Return the environment of all templates."""
    made = Environment(
        loader=PackageLoader("ctibutler.pages"),
        autoescape=select_autoescape(default=True, disabled_extensions=("md",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["short_title"] = short_title
    made.filters["number"] = lambda count: f"{count:,}"
    made.filters["date"] = lambda moment: str(moment)[:10]
    made.globals.update(
        static=static_files.address_of,
        addresses=addresses,
        version=ctibutler.__version__,
        has_matrix=has_matrix,
        plain=readable_text,
        words=lambda made_text: " ".join(as_words(str(made_text)).split()),
    )
    return made


def has_matrix(kb: KnowledgeBase) -> bool:
    """Return whether there is a page with the matrix of a knowledge base."""
    return matrix_form(kb) is not None


def short_title(kb: KnowledgeBase) -> str:
    """Return the title of a knowledge base for narrow places: `ATT&CK Enterprise`."""
    return kb.title.removeprefix("MITRE ").replace(" for ", " ")


def page(name: str, frame: Frame, code: int = 200, /, **context: Any) -> Response:
    """Return a template as an answer, with the headers of every page."""
    text = _NO_CHARACTER.sub("\ufffd", environment().get_template(name).render(frame=frame, **context))
    headers = dict(PAGE_HEADERS) if code == 200 else {**PAGE_HEADERS, "Cache-Control": "no-cache"}
    return Response(text, code, headers, HTML)


def redirect(address: str, status: int = 302) -> Response:
    """Return an answer that leads to another address. One that leads to what is latest must not be kept."""
    return RedirectResponse(address, status, {**PAGE_HEADERS, "Cache-Control": "no-cache"})


def markdown(name: str, context: Mapping[str, Any]) -> Response:
    """Return a template of Markdown as an answer."""
    text = environment().get_template(name).render(**context)
    return Response(text, media_type="text/markdown", headers=dict(PAGE_HEADERS))


def other_form(content: bytes, media_type: str) -> Response:
    """Return another form of a page, made from its answer."""
    return Response(content, media_type=media_type, headers=dict(PAGE_HEADERS))


def drawing(name: str, **context: Any) -> Response:
    """Return a template of SVG as an answer that stands alone, with the rules and colours that it needs."""
    style = static_files.drawing_style()
    text = environment().get_template(name).render(style=style, **context)
    headers = {**PAGE_HEADERS, "Content-Security-Policy": policy_of_drawing(style)}
    return Response(text, media_type="image/svg+xml", headers=headers)


def forms_of(address: str, *extensions: str, query: str = "") -> list[Form]:
    """Return the other forms of the page at an address without an extension."""
    return [Form(extension, f"{address}{extension}{'?' + query if query else ''}") for extension in extensions]

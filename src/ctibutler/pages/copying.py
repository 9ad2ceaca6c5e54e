"""The forms in which the id of an object can be copied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ctibutler.answers.object_view import ObjectView
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.sigma import sigma_tag


@dataclass(frozen=True)
class CopyForm:
    """A text to copy. `address` is the one in it, without the name of the server, which a page does not know."""

    title: str
    text: str
    address: str = ""


def copy_forms(kb: KnowledgeBase, view: ObjectView, name: str, address: str) -> Iterator[CopyForm]:
    """Yield the forms beside the plain id: links in Markdown and in MediaWiki's markup, and the tag of Sigma rules if there is
    one."""
    told = f"{view.external_id} {name}"
    markdown = re.sub(r"([\\\[\]])", r"\\\1", told)
    wiki = told.replace("[", "&#91;").replace("]", "&#93;")
    yield CopyForm("Markdown", f"[{markdown}]({address})", address)
    yield CopyForm("MediaWiki", f"[{address} {wiki}]", address)
    if tag := sigma_tag(kb, view.type, view.properties):
        yield CopyForm("Sigma tag", tag)

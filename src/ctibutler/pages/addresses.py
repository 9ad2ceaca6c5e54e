"""The addresses of pages, made and read. Nothing else joins paths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlencode

from ctibutler.knowledge_bases.declaration import KnowledgeBase

EXTENSIONS: Final = (".layer.json", ".stix.json", ".json", ".atom", ".csv", ".svg", ".md")
"""The other forms of a page, the longest first. Anything else is part of an id."""

PAGE_WORDS: Final = ("objects", "matrix", "changes", "compare")
"""What can follow a release in an address and is no id."""

ROOT_WORDS: Final = (
    "search", "palette.json", "index.json", "data", "desk", "help", "static", "api", "v1", "sign-in", "sign-out",
)  # fmt: skip
"""What an address can begin with that is neither a knowledge base nor an id."""

_FOR_PEOPLE: Final = [["search"], ["data"], ["help"], ["desk"], ["sign-in"], ["sign-out"]]

HOME: Final = "/"
API: Final = "/help/api"
_LABEL: Final = re.compile(r"v?\d+(?:[._]\d+)*(?:[-_.]?[a-z]+\d*)?", re.IGNORECASE)


def is_label(text: str) -> bool:
    """Return whether a part of an address has the form of a release's label."""
    return text.lower() == "latest" or _LABEL.fullmatch(text) is not None


def of_release(slug: str, label: str) -> str:
    """Return the address of a release."""
    return f"/{slug}/{quote(label, safe='')}/"


def in_release(slug: str, label: str, word: str, extension: str = "", **query: object) -> str:
    """Return the address of a page about a release: `objects`, `matrix`."""
    return _asked(f"{of_release(slug, label)}{word}{extension}", query)


def of_object(slug: str, label: str, object_id: str, part: str = "", extension: str = "", **query: object) -> str:
    """Return the address of an object, or of a page about it: `relations`, `graph`, `stix`."""
    below = f"/{part}" if part else ""
    return _asked(f"{of_release(slug, label)}{quote(object_id, safe=':+')}{below}{extension}", query)


def can_be_read(object_id: str) -> bool:
    """Return whether an id can stand in an address: it is no word of a page, and does not end as another form of one."""
    lower = object_id.lower()
    return lower not in PAGE_WORDS and not lower.endswith(EXTENSIONS) and "/" not in lower and lower not in (".", "..")


def search(text: str = "", **query: object) -> str:
    """Return the address of a search."""
    return _asked("/search", {"text": text, **query})


def desk(slug: str, *, source: str = "", target: str = "") -> str:
    """Return the address of the migration desk, with its knowledge base and releases filled in."""
    return _asked("/desk", {"kb": slug, "from": source, "to": target})


def api_of(kb: KnowledgeBase, *parts: str) -> str:
    """Return the path of a route of the API."""
    return "/api/v1/" + "".join(f"{quote(part, safe=':+')}/" for part in (kb.slug, *parts))


def api_for(address: str) -> str:
    """Return the address of the page that shows the request to the API which the form of a page at this address answers."""
    return _asked(f"{API}/request", {"page": address})


def query_of(**values: object) -> str:
    """Return a query string; a list is joined with commas."""
    return urlencode({name: _written(value) for name, value in values.items() if value not in (None, "", False, [])})


def without_extension(text: str, allowed: Sequence[str] = EXTENSIONS) -> tuple[str, str]:
    """Return the last part of a path, and its extension if it has one of these."""
    for extension in EXTENSIONS:
        if extension in allowed and text.lower().endswith(extension) and len(text) > len(extension):
            return text[: -len(extension)], extension
    return text, ""


def is_for_programs_too(path: str) -> bool:
    """Return whether pages of other origins may read what a path leads to: another form of a page, the index, and what an id or
    an unknown word at the root leads to."""
    if path.startswith("/static/"):
        return False
    words = [word for word in path.lower().split("/") if word]
    return path.rstrip("/").lower().endswith(EXTENSIONS) or (len(words) < 2 and words[-1:] not in _FOR_PEOPLE)


def _asked(path: str, query: dict[str, object]) -> str:
    written = query_of(**query)
    return f"{path}?{written}" if written else path


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

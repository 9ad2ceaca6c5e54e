"""Which kind of file something is, judged by its content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration.items import Item, Items, Reading, Replacements, Written
from ctibutler.migration.json_spans import whole_value
from ctibutler.migration.kinds import bundle, delimited, elastic, id_list, layer, plain_text, sigma, workbook
from ctibutler.migration.texts import BOM, decoded

Read = Callable[[bytes, Reading], list[Item]]
Write = Callable[[bytes, Reading, Items, Replacements], Written]


@dataclass(frozen=True)
class FileKind:
    """A kind of file: bytes → items; items and their replacements → bytes."""

    name: str
    media_type: str
    read: Read
    write: Write


KINDS: Mapping[str, FileKind] = {
    kind.name: kind
    for kind in (
        FileKind("layer", "application/json", layer.read, layer.write),
        FileKind("stix", "application/stix+json;version=2.1", bundle.read, bundle.write),
        FileKind("elastic", "application/toml", elastic.read, elastic.write),
        FileKind("sigma", "application/yaml", sigma.read, sigma.write),
        FileKind("csv", "text/csv", partial(delimited.read, name="csv"), partial(delimited.write, name="csv")),
        FileKind(
            "tsv",
            "text/tab-separated-values",
            partial(delimited.read, name="tsv"),
            partial(delimited.write, name="tsv"),
        ),
        FileKind(
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            workbook.read,
            workbook.write,
        ),
        FileKind("list", "text/plain", id_list.read, id_list.write),
        FileKind("text", "text/plain", plain_text.read, plain_text.write),
    )
}
"""By name, in the order in which a file is tried."""


def kind_named(name: str) -> FileKind:
    """Return the kind of file of this name.

    Raises InvalidRequest for any other.
    """
    if name not in KINDS:
        raise InvalidRequest.of("format", f"`{name[:40]}` is none of {', '.join(KINDS)}.")
    return KINDS[name]


def recognised(content: bytes, kb: KnowledgeBase) -> FileKind:
    """Return the kind of a file: the first of `KINDS` that it can be.

    Raises UnreadableFile if it is one that is broken, or no text.
    """
    if workbook.is_workbook(content):
        return KINDS["xlsx"]
    text = decoded(content)
    return KINDS[_json_kind(text) or _text_kind(text, kb)]


def _json_kind(text: str) -> str | None:
    """What a JSON text is, if it is a layer or a bundle. One that says that it is, but is broken, is an error."""
    begins = text.lstrip(BOM + " \t\r\n")[:1]
    if begins not in ("{", "["):
        return None
    # A note that begins with a bracket is a text. What says that it is JSON of a kind has to be.
    if not any(word in text for word in ('"techniques"', '"versions"', '"objects"', '"external_references"', "[[[[")):
        return None
    value, _ = whole_value(text)
    if layer.is_layer(value):
        return "layer"
    return "stix" if bundle.is_bundle(value) else None


def _text_kind(text: str, kb: KnowledgeBase) -> str:
    if elastic.looks_like_rule(text):
        return "elastic"
    if sigma.looks_like_rules(text):
        return "sigma"
    for name in ("csv", "tsv"):
        if delimited.is_table(text, name):
            return name
    return "list" if id_list.is_list(text, kb) else "text"

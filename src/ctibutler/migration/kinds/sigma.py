"""Sigma rules: the tags of each YAML document, in the spelling that stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from ctibutler.errors import UnreadableFile
from ctibutler.migration.ids import in_case_of, read_id
from ctibutler.migration.items import Item, Items, Joined, Named, Reading, Replacements, Written
from ctibutler.migration.texts import BOM, Lines, decoded, spliced

_LOADER: Final[Any] = getattr(yaml, "CLoader", yaml.Loader)
"""Only its events are used: they construct nothing and expand no alias. libyaml's are about ten times as fast."""

MOST_DEPTH = 64
MOST_NODES = 1_000_000
"""So many values may a document have, with every alias expanded as other programs expand it."""

_SIGN = re.compile(r"^(?:detection|tags)[ \t]*:", re.MULTILINE)
_CORE = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_CORE + name for name in ("str", "int", "float", "bool", "null", "seq", "map", "timestamp"))


@dataclass(frozen=True, slots=True)
class _Tag:
    value: str
    start: int
    end: int
    document: int


def looks_like_rules(text: str) -> bool:
    """Whether a text may be a Sigma rule: a line begins with `detection:` or `tags:`."""
    return _SIGN.search(text) is not None


def read(content: bytes, reading: Reading) -> list[Item]:
    """Return the tags that belong to the knowledge base, each document's as one context.

    Raises UnreadableFile if the file is no YAML, nests too deeply, or has aliases that explode or tags that construct objects.
    """
    text = decoded(content)
    lines = Lines(text)
    items = []
    for tag in _tags(text):
        prefix, dot, rest = tag.value.partition(".")
        if not dot or not _is_ours(reading, prefix):
            continue
        place = lines.place(tag.start)
        written = text[tag.start : tag.end]
        found = read_id(reading.kb, _as_id(reading, prefix, rest))
        item = Item(
            found or rest.lower().replace("_", "-"),
            written,
            place,
            tag.start,
            tag.end,
            context=tag.document,
            slot=tag.document,
            is_slug=found is None,
            form=rest,
        )
        items.append(item)
    return items


def write(content: bytes, reading: Reading, items: Items, replacements: Replacements) -> Written:
    """Return the rules with their tags replaced. A tag that would stand twice in its rule goes with its line."""
    text = decoded(content)
    edits: list[tuple[int, int, str]] = []
    joined: list[Joined] = []
    for slot in dict.fromkeys(item.slot for item in items):
        numbers = [number for number, item in enumerate(items) if item.slot == slot]
        changed = [number for number in numbers if number in replacements and replacements[number].mark is None]
        if not changed:
            continue
        # What stays is there already, wherever it stands.
        holders = {_value(items[number]).lower(): number for number in reversed(numbers) if number not in changed}
        for number in changed:
            item, new = items[number], []
            for one in replacements[number].new:
                value = _spelled(item, one)
                if value.lower() in holders:
                    joined.append(Joined(number, holders[value.lower()]))
                else:
                    holders[value.lower()] = number
                    new.append(value)
            edits += _edits(text, item, new)
    return Written(spliced(text, edits).encode(), tuple(joined))


def _is_ours(reading: Reading, prefix: str) -> bool:
    return prefix.lower() in (*reading.kb.names, reading.kb.family)


def _as_id(reading: Reading, prefix: str, rest: str) -> str:
    """What a tag names: `t1059.001` of `attack.t1059.001`, `CWE-79` of `cwe.79`."""
    return f"{prefix}-{rest}" if rest.isdecimal() and read_id(reading.kb, f"{prefix}-{rest}") else rest


def _value(item: Item) -> str:
    return item.written.strip("'\"")


def _spelled(item: Item, new: Named) -> str:
    """The tag of another object, in the spelling of this one."""
    value = _value(item)
    prefix = value[: len(value) - len(item.form)]
    if new.slug is not None and item.is_slug:
        return prefix + (new.slug.replace("-", "_") if "_" in item.form else new.slug)
    if item.form.isdecimal():
        return prefix + new.id.rpartition("-")[2]
    return prefix + in_case_of(item.form, new.id)


def _edits(text: str, item: Item, new: list[str]) -> Iterator[tuple[int, int, str]]:
    quote = item.written[0] if item.written[:1] in ("'", '"') else ""
    if new:
        line_start = text.rfind("\n", 0, item.start) + 1
        lead = text[line_start : item.start]
        first, *others = [f"{quote}{value}{quote}" for value in new]
        if others and lead.strip() == "-":
            line_end = "\r\n" if text.find("\r\n", item.end, item.end + 200) != -1 else "\n"
            first += "".join(f"{line_end}{lead}{other}" for other in others)
        elif others:
            first = ", ".join((first, *others))
        yield item.start, item.end, first
        return
    start, end = _whole_line(text, item)
    yield start, end, ""


def _whole_line(text: str, item: Item) -> tuple[int, int]:
    """What goes with a tag: its line in a block list, the comma beside it in one in brackets."""
    start = text.rfind("\n", 0, item.start) + 1
    end = text.find("\n", item.end)
    end = len(text) if end == -1 else end + 1
    rest = text[item.end : end].strip()
    if text[start : item.start].strip() == "-" and (not rest or rest.startswith("#")):
        return start, end
    after = item.end
    while after < len(text) and text[after] in " \t\r\n":
        after += 1
    if text.startswith(",", after):
        after += 1
        while after < len(text) and text[after] in " \t":
            after += 1
        return item.start, after
    before = item.start
    while before > 0 and text[before - 1] in " \t\r\n":
        before -= 1
    return (before - 1 if text[before - 1 : before] == "," else before), item.end


def _tags(text: str) -> list[_Tag]:
    """The texts in the list `tags` at the top of each document.

    Raises UnreadableFile.
    """
    # libyaml does not count the mark, PyYAML's own reader does.
    skipped = 1 if text.startswith(BOM) else 0
    try:
        return list(_walk(text[skipped:], skipped))
    except yaml.MarkedYAMLError as failure:
        mark = failure.problem_mark or failure.context_mark
        where = "" if mark is None else f"line {mark.line + 1}: "
        raise UnreadableFile(f"{where}not YAML: {failure.problem or failure.context}") from None
    except yaml.reader.ReaderError as failure:
        raise UnreadableFile(f"not YAML: a character that YAML does not allow, at {failure.position}") from None


def _walk(text: str, skipped: int) -> Iterator[_Tag]:
    number, document = -1, _Document()
    events = _LOADER(text)
    try:
        while True:
            event = events.get_event()
            kind = type(event)
            if kind is yaml.StreamEndEvent:
                return
            if kind is yaml.DocumentStartEvent:
                number, document = number + 1, _Document()
            elif kind is yaml.ScalarEvent:
                if document.is_tag(event):
                    yield _Tag(event.value, event.start_mark.index + skipped, event.end_mark.index + skipped, number)
            else:
                document.take(event)
    finally:
        events.dispose()


class _Document:
    """What is open of a document, and how large it is."""

    def __init__(self) -> None:
        self._sizes = [0]
        self._anchors: dict[str, int] = {}
        self._open: list[str | None] = []
        self._has_keys = False
        self._is_key = True
        self._key = ""
        self._in_tags = False

    def is_tag(self, event: Any) -> bool:
        """Take a text or number, and return whether it is one in the list `tags` at the top.

        Raises UnreadableFile.
        """
        if event.tag is not None:
            _refuse_tag(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = 1
        # By itself, no text is too much: only aliases repeat.
        self._sizes[-1] += 1
        depth = len(self._open)
        if depth == 1 and self._has_keys:
            self._pair(event.value, is_list=False)
        return depth == 2 and self._in_tags

    def take(self, event: Any) -> None:
        """Take any other event.

        Raises UnreadableFile.
        """
        if isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            if len(self._open) == 2:
                self._in_tags = False
            anchor, size = self._open.pop(), self._sizes.pop()
            if anchor:
                self._anchors[anchor] = size
            self._grow(size, event)
        elif isinstance(event, yaml.AliasEvent):
            if len(self._open) == 1 and self._has_keys:
                self._pair("", is_list=False)
            self._grow(self._anchors.get(event.anchor or "", 1), event)

    def _begin(self, event: Any) -> None:
        _refuse_tag(event)
        depth = len(self._open)
        is_list = isinstance(event, yaml.SequenceStartEvent)
        if depth == 0:
            self._has_keys = not is_list
        elif depth == 1 and self._has_keys:
            self._pair("", is_list)
        if depth >= MOST_DEPTH:
            raise UnreadableFile(f"line {_line(event)}: nested more than {MOST_DEPTH} deep")
        self._open.append(event.anchor)
        self._sizes.append(1)

    def _pair(self, value: str, is_list: bool) -> None:
        """Keys and values take turns in the map at the top."""
        if self._is_key:
            self._key = value
        else:
            self._in_tags = is_list and self._key == "tags"
        self._is_key = not self._is_key

    def _grow(self, size: int, event: Any) -> None:
        self._sizes[-1] += size
        if self._sizes[-1] > MOST_NODES:
            line = _line(event)
            raise UnreadableFile(f"line {line}: its aliases expand to more than {MOST_NODES:,} values")


def _refuse_tag(event: Any) -> None:
    if event.tag is not None and event.tag != "!" and event.tag not in _PLAIN_TAGS:
        line = _line(event)
        raise UnreadableFile(f"line {line}: the tag `{event.tag[:60]}` could construct an object, as no rule needs")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1

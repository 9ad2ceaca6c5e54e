"""Elastic's detection rules: the tables below `rule.threat`, and the tags that name tactics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ctibutler.errors import UnreadableFile
from ctibutler.migration.ids import field_id
from ctibutler.migration.items import (
    WHOLE_FILE,
    Item,
    Items,
    Joined,
    Named,
    Reading,
    Replacement,
    Replacements,
    Written,
)
from ctibutler.migration.texts import Edit, Lines, decoded, spliced
from ctibutler.migration.toml_spans import Statement, quoted, refuse_broken, statements, strings_in, unquoted

_SIGN: Final = re.compile(r"^[ \t]*\[\[[ \t]*rule\.threat[ \t]*\]\]", re.MULTILINE)
_THREAT: Final = "rule.threat"
_TACTIC: Final = "rule.threat.tactic"
_TECHNIQUE: Final = "rule.threat.technique"
_SUB: Final = "rule.threat.technique.subtechnique"
_TAG: Final = "Tactic: "
TABLE: Final = "table"
TAG: Final = "tag"


@dataclass(slots=True)
class _Table:
    """One table: its lines without the blank ones after them, its values by key, the tables below it."""

    start: int
    end: int
    values: dict[str, tuple[int, int]] = field(default_factory=dict)
    below: list[_Table] = field(default_factory=list)

    def raw(self, text: str) -> str:
        return text[self.start : self.end].rstrip()


@dataclass(slots=True)
class _Block:
    """A `[[rule.threat]]` with its tables."""

    head: _Table
    techniques: list[_Table] = field(default_factory=list)
    tactic: _Table | None = None
    tactic_first: bool = False
    end: int = 0


@dataclass(frozen=True, slots=True)
class _Tag:
    start: int
    end: int
    name: str


def looks_like_rule(text: str) -> bool:
    """Whether a text has a table `[[rule.threat]]`."""
    return _SIGN.search(text) is not None


def read(content: bytes, reading: Reading) -> list[Item]:
    """Return the tactics, techniques and sub-techniques of each threat that names the knowledge base, and the tags that name
    tactics.

    Raises UnreadableFile if the file is no TOML.
    """
    text = decoded(content)
    refuse_broken(text)
    blocks, tags = _parsed(text)
    lines = Lines(text)
    items: list[Item] = []
    for number, block in enumerate(blocks):
        if not _is_ours(text, block, reading):
            continue
        for table in _tables(block):
            start, end = table.values["id"]
            written = unquoted(text[start:end])
            found = field_id(reading.kb, written)
            place = lines.place(start)
            items.append(
                Item(
                    found or written,
                    written,
                    place,
                    start,
                    end,
                    number,
                    readable=found is not None,
                    form=TABLE,
                    leads=not table.below,
                )
            )
    if items:
        for tag in tags:
            slug = tag.name.lower().replace(" ", "-")
            items.append(
                Item(slug, tag.name, lines.place(tag.start), tag.start, tag.end, WHOLE_FILE, is_slug=True, form=TAG)
            )
    return items


def write(content: bytes, reading: Reading, items: Items, replacements: Replacements) -> Written:
    """Return the rule with the tables of its threats rewritten where something in them changed. All else keeps its bytes."""
    text = decoded(content)
    blocks, _ = _parsed(text)
    numbers = {item.start: number for number, item in enumerate(items)}
    edits: list[Edit] = []
    joined: list[Joined] = []
    for block in blocks:
        own = [numbers[table.values["id"][0]] for table in _tables(block) if table.values["id"][0] in numbers]
        if any(_changes(replacements.get(number)) for number in own):
            writer = _Writer(text, block, reading, items, replacements, numbers)
            edits.append((block.head.start, block.end, writer.text_now()))
            joined += writer.joined
    tag_edits, met = _tag_edits(text, items, replacements)
    return Written(spliced(text, [*edits, *tag_edits]).encode(), (*joined, *met))


def _changes(replacement: Replacement | None) -> bool:
    return replacement is not None and replacement.mark is None


def _parsed(text: str) -> tuple[list[_Block], list[_Tag]]:
    blocks: list[_Block] = []
    tags: list[_Tag] = []
    table: _Table | None = None
    inside = ""
    for statement in statements(text):
        if statement.brackets:
            inside = statement.key
            table = _begun(text, blocks, statement)
        elif table is not None:
            table.values[statement.key] = (statement.value_start, statement.value_end)
            table.end = statement.end
            blocks[-1].end = statement.end
        elif inside == "rule" and statement.key == "tags":
            for start, end, value in strings_in(text, statement.value_start, statement.value_end):
                if value.startswith(_TAG):
                    tags.append(_Tag(start, end, value[len(_TAG) :]))
    return blocks, tags


def _begun(text: str, blocks: list[_Block], statement: Statement) -> _Table | None:
    """The table that a header begins; None if it is not below a threat."""
    table = _Table(statement.start, statement.end)
    if statement.key == _THREAT and statement.brackets > 1:
        blocks.append(_Block(table, end=statement.end))
        return table
    if not blocks or not statement.key.startswith(_THREAT + "."):
        return None
    block = blocks[-1]
    block.end = statement.end
    if statement.key == _TACTIC:
        block.tactic, block.tactic_first = table, not block.techniques
    elif statement.key == _TECHNIQUE:
        block.techniques.append(table)
    elif statement.key == _SUB and block.techniques:
        block.techniques[-1].below.append(table)
    else:
        line = text.count("\n", 0, statement.start) + 1
        raise UnreadableFile(f"line {line}: a table [{statement.key[:60]}] below a threat, which is not known here")
    return table


def _is_ours(text: str, block: _Block, reading: Reading) -> bool:
    """Whether the framework is that of the knowledge base: `MITRE ATT&CK` of the family `attack`."""
    start, end = block.head.values.get("framework", (0, 0))
    framework = re.sub(r"[^a-z0-9]", "", unquoted(text[start:end]).lower()) if end else ""
    family = (reading.kb.family or reading.kb.slug).replace("-", "")
    # `ATT&CK` is `attck` without the sign.
    return framework in (f"mitre{family}", f"mitre{family.replace('attack', 'attck')}")


def _tables(block: _Block) -> Iterator[_Table]:
    found = [each for table in block.techniques for each in (table, *table.below)]
    if block.tactic is not None:
        found.append(block.tactic)
    return (table for table in sorted(found, key=lambda each: each.start) if "id" in table.values)


class _Writer:
    """One threat, written anew."""

    def __init__(
        self,
        text: str,
        block: _Block,
        reading: Reading,
        items: Items,
        replacements: Replacements,
        numbers: Mapping[int, int],
    ) -> None:
        self._text, self._block, self._reading = text, block, reading
        self._items, self._replacements, self._numbers = items, replacements, numbers
        self._line_end = "\r\n" if "\r\n" in text[block.head.start : block.end] else "\n"
        self.joined: list[Joined] = []

    def text_now(self) -> str:
        """Return the tables of the threat; several threats if its tactic became several."""
        techniques = self._techniques()
        tactics = self._tactics()
        if len(tactics) < 2:
            return self._threat(techniques, tactics[0] if tactics else None)
        parts: dict[str, dict[str, dict[str, str]]] = {one.id: {} for one, _ in tactics}
        for object_id, subs in techniques.items():
            # The technique that only carries sub-techniques goes where they go.
            for sub, raw in subs.items():
                if sub == object_id and len(subs) > 1:
                    continue
                own = self._reading.tactics_of.get(sub, ())
                for goal in [one.id for one, _ in tactics if one.id in own] or [tactics[0][0].id]:
                    parts[goal].setdefault(object_id, {object_id: subs[object_id]})[sub] = raw
        written = [self._threat(parts[one.id], (one, raw)) for one, raw in tactics if parts[one.id]]
        return self._line_end.join(written)

    def _threat(self, techniques: Mapping[str, Mapping[str, str]], tactic: tuple[Named, str] | None) -> str:
        tables = [raw for subs in techniques.values() for raw in subs.values()]
        if tactic is not None:
            tables.insert(0 if self._block.tactic_first else len(tables), tactic[1])
        blank = self._line_end * 2
        return blank.join([self._block.head.raw(self._text), *tables]) + self._line_end

    def _tactics(self) -> list[tuple[Named, str]]:
        table = self._block.tactic
        if table is None:
            return []
        replacement = self._replacement(table)
        if replacement is None or not replacement.new:
            return [(Named(self._id(table)), table.raw(self._text))]
        return [(one, self._rewritten(table, one, "[rule.threat.tactic]")) for one in replacement.new]

    def _techniques(self) -> dict[str, dict[str, str]]:
        """Technique → itself and its sub-techniques → their tables, in the order in which they are written."""
        found: dict[str, dict[str, str]] = {}
        holders: dict[str, int] = {}
        structural: list[tuple[int, str]] = []
        for table in self._block.techniques:
            new_ids = [] if table.below else self._new(table)
            for one in new_ids:
                self._put(found, holders, table, one, table)
            subs = [(sub, one) for sub in table.below for one in self._new(sub)]
            for sub, one in subs:
                self._put(found, holders, sub, one, table)
            if table.below and "id" in table.values and table.values["id"][0] in self._numbers:
                structural.append((self._numbers[table.values["id"][0]], subs[0][1].id if subs else ""))
        for number, into in structural:
            old = self._items[number].id
            if old not in found and into in holders:
                self.joined.append(Joined(number, holders[into]))
        if self._was_sorted():
            return {key: dict(sorted(found[key].items())) for key in sorted(found)}
        return found

    def _put(
        self,
        found: dict[str, dict[str, str]],
        holders: dict[str, int],
        table: _Table,
        one: Named,
        above: _Table,
    ) -> None:
        number = self._numbers.get(table.values["id"][0], -1)
        if one.id in holders:
            self.joined.append(Joined(number, holders[one.id]))
            return
        holders[one.id] = number
        parent, dot, _ = one.id.rpartition(".")
        if not dot:
            raw = self._rewritten(table, one, "[[rule.threat.technique]]")
            found.setdefault(one.id, {})[one.id] = raw
            return
        if parent not in found:
            named = Named(parent, self._reading.names.get(parent))
            found[parent] = {parent: self._rewritten(above, named, "[[rule.threat.technique]]")}
        found[parent][one.id] = self._rewritten(table, one, "[[rule.threat.technique.subtechnique]]")

    def _new(self, table: _Table) -> Sequence[Named]:
        replacement = self._replacement(table)
        return [Named(self._id(table))] if replacement is None else replacement.new

    def _replacement(self, table: _Table) -> Replacement | None:
        number = self._numbers.get(table.values["id"][0])
        replacement = None if number is None else self._replacements.get(number)
        return replacement if _changes(replacement) else None

    def _id(self, table: _Table) -> str:
        start, end = table.values["id"]
        return unquoted(self._text[start:end])

    def _was_sorted(self) -> bool:
        ids = [self._id(table) for table in self._block.techniques if "id" in table.values]
        return ids == sorted(ids)

    def _rewritten(self, table: _Table, new: Named, header: str) -> str:
        """The table of another object, with every line that does not name the object as it is."""
        old = self._id(table)
        raw = table.raw(self._text)
        if new.id == old and raw.startswith(header) and (new.name is None or "name" not in table.values):
            return raw
        edits: list[Edit] = []
        for key, (start, end) in table.values.items():
            own = self._text[start:end]
            if key == "id":
                edits.append((start, end, quoted(new.id, own)))
            elif key == "name" and new.name:
                edits.append((start, end, quoted(new.name, own)))
            elif key == "reference":
                path, new_path = old.replace(".", "/"), new.id.replace(".", "/")
                edits.append((start, end, own.replace(path, new_path)))
        moved = [(start - table.start, end - table.start, value) for start, end, value in edits]
        first, line_end, rest = spliced(raw, moved).partition("\n")
        return header + ("\r" if first.endswith("\r") else "") + line_end + rest


def _tag_edits(text: str, items: Items, replacements: Replacements) -> tuple[list[Edit], list[Joined]]:
    """The tags that name tactics, each once."""
    numbers = [number for number, item in enumerate(items) if item.form == TAG]
    changed = [number for number in numbers if _changes(replacements.get(number))]
    holders = {items[number].written: number for number in reversed(numbers) if number not in changed}
    edits: list[Edit] = []
    joined: list[Joined] = []
    for number in changed:
        item, new = items[number], []
        for one in replacements[number].new:
            name = one.name or one.id
            if name in holders:
                joined.append(Joined(number, holders[name]))
            else:
                holders[name] = number
                new.append(quoted(_TAG + name, text[item.start : item.end]))
        if new:
            lead = text[text.rfind("\n", 0, item.start) + 1 : item.start]
            between = f",\n{lead}" if not lead.strip() else ", "
            edits.append((item.start, item.end, between.join(new)))
        else:
            edits.append((*_with_comma(text, item.start, item.end), ""))
    return edits, joined


def _with_comma(text: str, start: int, end: int) -> tuple[int, int]:
    comma = re.compile(r"[ \t]*,[ \t]*(?:\r?\n[ \t]*)?").match(text, end)
    return (start, comma.end()) if comma is not None else (start, end)

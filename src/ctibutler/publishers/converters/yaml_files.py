"""YAML from publishers, read safely: maps, lists and texts, within limits.

Scalars are texts: `2026.10` stays `2026.10`, and dates stay as written. Only an unquoted `null`, `~` or an empty value is None.
Maps and lists know their lines, so that messages can say where something is wrong.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from ctibutler.errors import MalformedFile

MAX_BYTES: Final = 16 * 1024 * 1024
"""ATLAS 2026.09 has 0.9 MB."""

MAX_DEPTH: Final = 20
"""The deepest nesting of maps and lists. ATLAS has six levels."""

_NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
# libyaml is about ten times as fast. PyYAML without it reads the same.
_LOADER: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class YamlMap(dict[str, "YamlValue"]):
    """A map. `lines` has the line of each key, counted from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


class YamlList(list["YamlValue"]):
    """A list. `lines` has the line of each item, counted from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


YamlValue = YamlMap | YamlList | str | None


def read_yaml(content: bytes, name: str) -> YamlValue:
    """Read the single document in a YAML file. `name` is what messages call the file.

    Raises MalformedFile, with the line, if the file is too large, is not YAML or UTF-8, nests too deeply, repeats a key, or
    has tags or aliases: a tag can run code, and a few aliases can expand to gigabytes.
    """
    if len(content) > MAX_BYTES:
        raise MalformedFile(f"{name}: {len(content):,} bytes exceed the limit of {MAX_BYTES:,}")
    _refuse_other_files(content, name)
    try:
        return _document(content.decode("utf-8-sig"), name)
    except UnicodeDecodeError as failure:
        raise MalformedFile(f"{name}: not UTF-8 at byte {failure.start}") from None
    except yaml.MarkedYAMLError as failure:
        line = "" if failure.problem_mark is None else f"line {failure.problem_mark.line + 1}: "
        raise MalformedFile(f"{name}: {line}not YAML: {failure.problem}") from None
    except yaml.YAMLError as failure:
        raise MalformedFile(f"{name}: not YAML: {str(failure)[:200]}") from None


def kind(value: object) -> str:
    """Describe a value in a message."""
    match value:
        case dict():
            return "a map"
        case list():
            return "a list"
        case None:
            return "nothing"
        case _:
            text = str(value)
            return f"`{text[:60]}{'…' if len(text) > 60 else ''}`"


def _refuse_other_files(content: bytes, name: str) -> None:
    """Raise MalformedFile for what web servers send instead of a YAML file, which YAML would read as a text."""
    if content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        raise MalformedFile(f"{name}: expected YAML, found a web page")
    target = content.strip()
    if target.endswith((b".yaml", b".yml")) and len(target.split()) == 1:
        shown = target[-100:].decode("utf-8", "replace")
        raise MalformedFile(f"{name}: a symbolic link to {shown}, sent as text instead of the file")


def _document(text: str, name: str) -> YamlValue:
    builder = _Builder(name)
    for event in yaml.parse(text, Loader=_LOADER):
        builder.take(event)
    return builder.root[0] if builder.root else None


class _Builder:
    """Builds values from parser events, one at a time, so that an unwanted file is refused before it can grow."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.root: YamlList = YamlList()
        self._open: list[YamlMap | YamlList] = [self.root]
        # The key whose value comes next, for each open map.
        self._keys: list[str | None] = [None]
        self._documents = 0

    def take(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise self._refusal(event, "expected one document, found a second one")
            case yaml.AliasEvent():
                raise self._refusal(event, f"the alias *{str(event.anchor)[:60]}: aliases are not allowed")
            case yaml.ScalarEvent():
                self._refuse_tag(event)
                self._scalar(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._refuse_tag(event)
                self._begin(event, YamlMap() if isinstance(event, yaml.MappingStartEvent) else YamlList())
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
                self._keys.pop()

    def _scalar(self, event: Any) -> None:
        holder = self._open[-1]
        if isinstance(holder, YamlMap) and self._keys[-1] is None:
            if event.value in holder:
                raise self._refusal(
                    event, f"the key `{event.value[:60]}` is already on line {holder.lines[event.value]}"
                )
            holder.lines[event.value] = _line(event)
            holder[event.value] = None
            self._keys[-1] = event.value
            return
        unquoted = event.implicit[0]
        self._add(event, None if unquoted and event.value in _NULLS else event.value)

    def _begin(self, event: Any, value: YamlMap | YamlList) -> None:
        if len(self._open) > MAX_DEPTH:
            raise self._refusal(event, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(self._open[-1], YamlMap) and self._keys[-1] is None:
            raise self._refusal(event, f"{kind(value)} is the key of a map; expected a text")
        self._add(event, value)
        self._open.append(value)
        self._keys.append(None)

    def _add(self, event: Any, value: YamlValue) -> None:
        holder, key = self._open[-1], self._keys[-1]
        if isinstance(holder, YamlList):
            holder.append(value)
            holder.lines.append(_line(event))
        else:
            assert key is not None
            holder[key] = value
            self._keys[-1] = None

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            raise self._refusal(event, f"the tag {str(event.tag)[:60]}: tags are not allowed")

    def _refusal(self, event: Any, sentence: str) -> MalformedFile:
        return MalformedFile(f"{self._name}: line {_line(event)}: {sentence}")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1

"""What changed between two states of an object, by what the changed properties are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from ctibutler.comparing.differences import Content
from ctibutler.comparing.words import text_words
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.property_classes import PROPERTY_CLASSES, PropertyClass
from ctibutler.stix.canonical import EMPTY_JSON, comparable
from ctibutler.stix.objects import canonical

ChangeClass = PropertyClass | Literal["format", "model", "vocabulary"]
CHANGE_CLASSES: Final[tuple[ChangeClass, ...]] = (*PROPERTY_CLASSES, "format", "model", "vocabulary")
"""What a change is about: the class of its property, or one of three that explain it away. `format`: markup, citations,
punctuation, case or white space · `model`: the release gave this property to all such objects, or took it from them ·
`vocabulary`: the release renamed a word."""

PARENTS: Final = "parents"
"""The property that stands for an object's relationships to those above it."""

# A change of the data model: this share of the objects that have a property gained or lost it, and so many.
_MODEL_SHARE = 0.8
_FEWEST_OF_MODEL = 10
# A word of a vocabulary: so many objects have it.
_FEWEST_OF_WORD = 5

_decode = msgspec.json.Decoder().decode

Pair = tuple[Content, Content]
Named = tuple[str, str]
"""A STIX type and a property."""


def value_of(content: Content, name: str) -> object:
    """Return the decoded value of a property; None if the object does not have it."""
    raw = content.get(name)
    return None if raw is None else _decode(raw)


def has(content: Content, name: str) -> bool:
    """Return whether an object has a property with a value that means something."""
    raw = content.get(name)
    return raw is not None and bytes(raw) not in EMPTY_JSON


@dataclass(frozen=True, slots=True)
class ReleaseWide:
    """What a release changed for all objects of a type.

    `model`: properties → how many objects gained or lost it, of how many that have it in either release. `removed` and `added`:
    property → words of lists that only one of the two releases uses.
    """

    model: Mapping[Named, tuple[int, int]] = field(default_factory=dict)
    removed: Mapping[Named, frozenset[str]] = field(default_factory=dict)
    added: Mapping[Named, frozenset[str]] = field(default_factory=dict)


def release_wide(
    kb: KnowledgeBase,
    pairs: Mapping[str, Sequence[Pair]],
    before: Mapping[str, Sequence[Content]],
    after: Mapping[str, Sequence[Content]],
) -> ReleaseWide:
    """Return what changed for all objects, from the live ones of each type: in both releases, in the old and the new one."""
    model: dict[Named, tuple[int, int]] = {}
    listed: set[Named] = set()
    for stix_type, both in pairs.items():
        having: Counter[str] = Counter()
        changing: Counter[str] = Counter()
        for old, new in both:
            for name in old.keys() | new.keys():
                raw_old, raw_new = old.get(name), new.get(name)
                if raw_old == raw_new:
                    having[name] += has(old, name)
                    continue
                had, got = has(old, name), has(new, name)
                having[name] += had or got
                changing[name] += had != got
                if name.endswith("_refs"):  # objects are no words
                    continue
                if had and got and bytes(raw_old or b"").startswith(b'["') and bytes(raw_new or b"").startswith(b'["'):
                    listed.add((stix_type, name))
        for name, number in changing.items():
            if number >= _FEWEST_OF_MODEL and number >= _MODEL_SHARE * having[name]:
                model[stix_type, name] = (number, having[name])
    removed, added = {}, {}
    for stix_type, name in sorted(listed):
        old_words, new_words = [_words(side.get(stix_type, ()), name) for side in (before, after)]
        gone = frozenset(word for word, n in old_words.items() if n >= _FEWEST_OF_WORD and word not in new_words)
        come = frozenset(word for word, n in new_words.items() if n >= _FEWEST_OF_WORD and word not in old_words)
        if gone:
            removed[stix_type, name] = gone
        if come:
            added[stix_type, name] = come
    return ReleaseWide(
        {named: counts for named, counts in sorted(model.items()) if kb.class_of(named[1]) != "housekeeping"},
        removed,
        added,
    )


def _words(contents: Iterable[Content], name: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for content in contents:
        value = value_of(content, name)
        if isinstance(value, list):
            found.update({word for word in value if isinstance(word, str)})
    return found


def changed_classes(
    kb: KnowledgeBase, stix_type: str, old: Content, new: Content, wide: ReleaseWide
) -> dict[str, ChangeClass]:
    """Return property → class of what differs between two states of an object of this type."""
    changed = [name for name, raw in old.items() if new.get(name) != raw]
    changed += [name for name in new if name not in old]
    values: dict[str, tuple[object, object]] = {}
    for name in changed:
        before, after = comparable(name, value_of(old, name)), comparable(name, value_of(new, name))
        if before != after and canonical(before) != canonical(after):
            values[name] = (before, after)
    found = {name: _class_of(kb, stix_type, name, *pair, wide) for name, pair in values.items()}
    texts = [name for name in kb.text_properties if name in values and found[name] == "meaning"]
    if len(kb.text_properties) > 1 and texts and words_of_texts(kb, old) == words_of_texts(kb, new):
        found |= dict.fromkeys(texts, "format")
    return found


def _class_of(
    kb: KnowledgeBase, stix_type: str, name: str, before: object, after: object, wide: ReleaseWide
) -> ChangeClass:
    declared = kb.class_of(name)
    if declared in ("housekeeping", "status"):
        return declared
    if (stix_type, name) in wide.model and (before is None) != (after is None):
        return "model"
    if _same_words(before, after):
        return "format"
    if isinstance(before, list) and isinstance(after, list) and _only_vocabulary(stix_type, name, before, after, wide):
        return "vocabulary"
    return declared


def _only_vocabulary(stix_type: str, name: str, before: list[object], after: list[object], wide: ReleaseWide) -> bool:
    if not all(isinstance(word, str) for word in (*before, *after)):
        return False
    gone, come = set(map(str, before)) - set(map(str, after)), set(map(str, after)) - set(map(str, before))
    removed, added = wide.removed.get((stix_type, name), frozenset()), wide.added.get((stix_type, name), frozenset())
    return gone <= removed and come <= added


def _same_words(before: object, after: object) -> bool:
    """Whether two values differ only by markup, citations, punctuation, case and white space."""
    if isinstance(before, str) and isinstance(after, str):
        return text_words(before) == text_words(after)
    if isinstance(before, list) and isinstance(after, list):
        if all(isinstance(value, str) for value in (*before, *after)):
            old, new = [sorted(text_words(str(value)) for value in values) for values in (before, after)]
            return old == new
        return _worded(before) == _worded(after)
    if isinstance(before, dict) and isinstance(after, dict):
        return _worded(before) == _worded(after)
    return False


def _worded(value: object) -> object:
    if isinstance(value, str):
        return text_words(value)
    if isinstance(value, list):
        return [_worded(item) for item in value]
    if isinstance(value, dict):
        return {name: _worded(item) for name, item in value.items()}
    return value


def text_of(kb: KnowledgeBase, content: Content) -> str:
    """Return the text of an object: its declared text properties, a paragraph each."""
    values = [value_of(content, name) for name in kb.text_properties]
    return "\n\n".join(value for value in values if isinstance(value, str) and value)


def words_of_texts(kb: KnowledgeBase, content: Content) -> list[str]:
    """Return the words of an object's text."""
    return text_words(text_of(kb, content))

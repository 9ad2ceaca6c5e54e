"""What changed between two states of an object, by what the changed properties are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from ctibutler.comparing.differences import Content
from ctibutler.comparing.values import decoded, differing, is_list_of_texts, is_other, means_something
from ctibutler.comparing.words import text_words
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.property_classes import PROPERTY_CLASSES, PropertyClass
from ctibutler.stix.objects import canonical

ChangeClass = Literal[PropertyClass, "format", "model", "vocabulary"]
CHANGE_CLASSES: Final[tuple[ChangeClass, ...]] = (*PROPERTY_CLASSES, "format", "model", "vocabulary")
"""What a change is about: the class of its property, or one of three that explain it away. `format`: markup, citations,
punctuation, case or white space · `model`: the release gave this property to all such objects, or took it from them ·
`vocabulary`: the release renamed a word."""

EDITING: Final = frozenset(("name", "place", "meaning", "detection"))
"""Changes of these classes are edits."""
TELLING: Final = frozenset((*EDITING, "status", "sources", "model", "vocabulary"))
"""Changes of these classes under an unchanged `modified` are silent edits."""

PARENTS: Final = "parents"
"""The property that stands for an object's relationships to those above it."""

# A change of the data model: this share of the objects that have a property gained or lost it, and so many.
_MODEL_SHARE = 0.8
_FEWEST_OF_MODEL = 10
# A word of a vocabulary: so many objects have it.
_FEWEST_OF_WORD = 5

# Their changes are told as they are: neither is markup, nor does a release give or take them.
_BARE: Final = ("housekeeping", "status")

Pair = tuple[Content, Content]
Named = tuple[str, str]
"""A STIX type and a property."""


def value_of(content: Content, name: str) -> object:
    """Return the decoded value of a property; None if the object does not have it."""
    raw = content.get(name)
    return None if raw is None else decoded(raw)


def properties_of(content: Content) -> dict[str, object]:
    """Return the decoded properties of an object."""
    return {name: decoded(raw) for name, raw in content.items()}


def has(content: Content, name: str) -> bool:
    """Return whether an object has a property with a value that means something."""
    return means_something(content.get(name))


@dataclass(frozen=True, slots=True)
class ModelChange:
    """How many objects lost a property, and how many gained it, of how many that have it in either release."""

    lost: int
    gained: int
    of: int


@dataclass(frozen=True, slots=True)
class ReleaseWide:
    """What a release changed for all objects of a type.

    `model` are the properties that such objects gained or lost. `removed` and `added`: property → words of lists that only one
    of the two releases uses. `renamed`: property → how many objects changed by such words alone.
    """

    model: Mapping[Named, ModelChange] = field(default_factory=dict)
    removed: Mapping[Named, frozenset[str]] = field(default_factory=dict)
    added: Mapping[Named, frozenset[str]] = field(default_factory=dict)
    renamed: Mapping[Named, int] = field(default_factory=dict)


def release_wide(
    kb: KnowledgeBase,
    pairs: Mapping[str, Sequence[Pair]],
    before: Mapping[str, Sequence[Content]],
    after: Mapping[str, Sequence[Content]],
) -> ReleaseWide:
    """Return what changed for all objects, from the live ones of each type: in both releases, in the old and the new one."""
    model: dict[Named, ModelChange] = {}
    listed: set[Named] = set()
    for stix_type, both in pairs.items():
        changing, lists = _changing(both)
        listed |= {(stix_type, name) for name in lists}
        for name, number in changing.items():
            if number >= _FEWEST_OF_MODEL and kb.class_of(name) != "housekeeping":
                change = _change_of_model(name, both)
                if number >= _MODEL_SHARE * change.of:
                    model[stix_type, name] = change
    removed, added = {}, {}
    for stix_type, name in sorted(listed):
        old_words, new_words = [_words(side.get(stix_type, ()), name) for side in (before, after)]
        gone = frozenset(word for word, n in old_words.items() if n >= _FEWEST_OF_WORD and word not in new_words)
        come = frozenset(word for word, n in new_words.items() if n >= _FEWEST_OF_WORD and word not in old_words)
        if gone:
            removed[stix_type, name] = gone
        if come:
            added[stix_type, name] = come
    wide = ReleaseWide(dict(sorted(model.items())), removed, added)
    return replace(
        wide, renamed={named: _renamed(pairs[named[0]], named, wide) for named in sorted({*removed, *added})}
    )


def _change_of_model(name: str, pairs: Iterable[Pair]) -> ModelChange:
    counts = Counter((has(old, name), has(new, name)) for old, new in pairs)
    return ModelChange(counts[True, False], counts[False, True], counts.total() - counts[False, False])


def changed_names(old: Content, new: Content) -> list[str]:
    """Return the properties whose bytes differ."""
    found = new.get
    changed = [name for name, raw in old.items() if found(name) != raw]
    return [*changed, *(name for name in new if name not in old)]


def _changing(pairs: Iterable[Pair]) -> tuple[Counter[str], set[str]]:
    """Property → how many objects gained or lost it, and the properties that are lists of texts in both, and others."""
    changing: Counter[str] = Counter()
    listed: set[str] = set()
    for old, new in pairs:
        for name in changed_names(old, new):
            before, after = old.get(name), new.get(name)
            if means_something(before) != means_something(after):
                changing[name] += 1
            elif is_list_of_texts(before) and is_list_of_texts(after):
                listed.add(name)
    # References to objects are no words.
    return changing, {name for name in listed if not name.endswith("_refs")}


def _renamed(pairs: Iterable[Pair], named: Named, wide: ReleaseWide) -> int:
    """How many objects changed a list by words alone that only one of the two releases uses."""
    stix_type, name = named
    number = 0
    for old, new in pairs:
        pair = differing(name, old[name], new[name]) if name in old and name in new else None
        before, after = pair or (None, None)
        if isinstance(before, list) and isinstance(after, list):
            number += _only_vocabulary(stix_type, name, before, after, wide)
    return number


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
    found: dict[str, ChangeClass] = {}
    for name in changed_names(old, new):
        before, after = old.get(name), new.get(name)
        declared = kb.class_of(name)
        if declared in _BARE:
            if is_other(name, before, after):
                found[name] = declared
        elif (stix_type, name) in wide.model and means_something(before) != means_something(after):
            found[name] = "model"
        elif (pair := differing(name, before, after)) is not None:
            found[name] = _class_of(stix_type, name, declared, *pair, wide)
    texts = [name for name in kb.text_properties if found.get(name) == "meaning"]
    if len(kb.text_properties) > 1 and texts and words_of_texts(kb, old) == words_of_texts(kb, new):
        found |= dict.fromkeys(texts, "format")
    return found


def _class_of(
    stix_type: str, name: str, declared: PropertyClass, before: object, after: object, wide: ReleaseWide
) -> ChangeClass:
    if before is not None and after is not None and _same_words(before, after):
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
        return before == after or text_words(before) == text_words(after)
    if isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            return False
        if all(isinstance(value, str) for value in (*before, *after)):
            old, new = [sorted(list(text_words(value)) for value in values) for values in (before, after)]
            return old == new
        pairs = [sorted(values, key=canonical) for values in (before, after)]
        return all(map(_same_words, *pairs))
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_same_words(before[name], after[name]) for name in before)
    return type(before) is type(after) and before == after


def text_of(kb: KnowledgeBase, content: Content) -> str:
    """Return the text of an object: its declared text properties, a paragraph each."""
    values = [value_of(content, name) for name in kb.text_properties]
    return "\n\n".join(value for value in values if isinstance(value, str) and value)


def words_of_texts(kb: KnowledgeBase, content: Content) -> Sequence[str]:
    """Return the words of an object's text."""
    return text_words(text_of(kb, content))

"""Texts as words: whether two say the same, how alike they are, and what differs between them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final, NamedTuple

from ctibutler.catalog.folding import words_of
from ctibutler.catalog.text import stem
from ctibutler.stix.markup import plain_text, without_markup

DIFFERENT_TEXT: Final = 0.5
"""Below this similarity, texts are about different things if their names are too: of ATLAS's 28 renamed techniques, the least
similar has 0.76; of the number that went to another technique (AML.T0018.001), the texts have 0.25."""

_TOKEN: Final = re.compile(r"[^\W_]+|\n|[^\S\n]+|[\W_]")
_WORD_OR_MARK: Final = re.compile(r"[^\W_]+|[^\w\s]|_")
_TAG: Final = re.compile(r"</?[A-Za-z][\w:]*(?:\s[^<>]*)?/?>")
# Runs that fewer equal words separate are told as one change.
_FEWEST_EQUAL: Final = 2

WordDiff = tuple[tuple[str, str], ...]
"""Parts of two texts, each after `=`, `-` or `+`: those after `=` and `-` make the old text, after `=` and `+` the new one."""


class EditedWords(NamedTuple):
    """How many words were added to texts, and how many were removed."""

    added: int
    removed: int


def normal(text: str) -> str:
    """Return a text without citations, links' targets, tags and code marks."""
    return unicodedata.normalize("NFKC", plain_text(_TAG.sub(" ", text) if "<" in text else text))


# A text is asked for a few times in a row: whether it is the same as another one, and how similar they are.
@lru_cache(maxsize=64)
def text_words(text: str) -> Sequence[str]:
    """Return the folded words of a text, without citations and markup."""
    plain = without_markup(_TAG.sub(" ", text) if "<" in text else text)
    return words_of(plain if plain.isascii() else unicodedata.normalize("NFKC", plain))


def similarity(before: Sequence[str], after: Sequence[str]) -> float | None:
    """Return how alike two texts are, by their words: 1 for the same words, 0 for none in common, None if either is empty."""
    if not before or not after:
        return None
    # Most of two texts is the same at their beginnings and ends.
    first = _same_first(before, after)
    last = _same_last(before[first:], after[first:])
    rest = [Counter(words[first : len(words) - last]) for words in (before, after)]
    common = first + last + (rest[0] & rest[1]).total()
    return round(2 * common / (len(before) + len(after)), 4)


def _same_first(before: Sequence[str], after: Sequence[str]) -> int:
    """How many words two texts have in common at their beginning."""
    low, high = 0, min(len(before), len(after))
    while low < high:
        middle = (low + high + 1) // 2
        if before[low:middle] == after[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _same_last(before: Sequence[str], after: Sequence[str]) -> int:
    """How many words two texts have in common at their end."""
    return _same_first(before[::-1], after[::-1])


def stems(name: str) -> frozenset[str]:
    """Return the stems of the words of a name."""
    return frozenset(map(stem, words_of(name)))


def word_diff(before: str, after: str) -> WordDiff:
    """Return what differs between the normal forms of two texts, word by word."""
    old, new = [_TOKEN.findall(normal(text)) for text in (before, after)]
    parts = [
        part for part in _joined(list(SequenceMatcher(None, old, new, autojunk=False).get_opcodes()), old) if any(part)
    ]
    found: list[tuple[str, str]] = []
    for first_old, last_old, first_new, last_new, is_equal in parts:
        if is_equal:
            found.append(("=", "".join(old[first_old:last_old])))
            continue
        if first_old < last_old:
            found.append(("-", "".join(old[first_old:last_old])))
        if first_new < last_new:
            found.append(("+", "".join(new[first_new:last_new])))
    return tuple(found)


def edited_words(before: str, after: str) -> EditedWords:
    """Return how many words the parts of `word_diff` after `+` and `-` have, in a twentieth of the time: blanks, of which texts
    are full, are not compared. Of 205 texts that were edited from Enterprise 15.1 to 18.1, six have one or two words more or
    less so."""
    old, new = [_WORD_OR_MARK.findall(normal(text)) for text in (before, after)]
    first = _same_first(old, new)
    last = _same_last(old[first:], new[first:])
    old, new = old[first : len(old) - last], new[first : len(new) - last]
    opcodes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    # What is the same at both ends keeps words in between apart from them.
    ends = ("equal", 0, 0, 0, 0), ("equal", len(old), len(old), len(new), len(new))
    changes = [part for part in _joined([ends[0], *opcodes, ends[1]], old) if not part[-1]]
    return EditedWords(
        added=sum(_count(new[first_new:last_new]) for _, _, first_new, last_new, _ in changes),
        removed=sum(_count(old[first_old:last_old]) for first_old, last_old, _, _, _ in changes),
    )


def _count(tokens: Sequence[str]) -> int:
    return sum(token[0].isalnum() for token in tokens)


def _joined(
    opcodes: Sequence[tuple[str, int, int, int, int]], old: Sequence[str]
) -> Iterator[tuple[int, int, int, int, bool]]:
    """Changes with too little between them as one: ranges of both texts, and whether they are equal."""
    pending: list[int] | None = None
    for place, (kind, first_old, last_old, first_new, last_new) in enumerate(opcodes):
        between = kind == "equal" and 0 < place < len(opcodes) - 1
        short = between and _count(old[first_old:last_old]) < _FEWEST_EQUAL
        if kind == "equal" and not short:
            if pending:
                yield pending[0], pending[1], pending[2], pending[3], False
                pending = None
            yield first_old, last_old, first_new, last_new, True
        elif pending:
            pending[1], pending[3] = last_old, last_new
        else:
            pending = [first_old, last_old, first_new, last_new]
    if pending:
        yield pending[0], pending[1], pending[2], pending[3], False

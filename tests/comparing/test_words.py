"""Texts as words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctibutler.comparing.words import edited_words, normal, similarity, stems, text_words, word_diff


def test_citations_markup_and_case_are_not_words() -> None:
    old = "Uses [PowerShell](https://attack.mitre.org/techniques/T1059/001)(Citation: One 2020) in <code>memory</code>."
    assert text_words(old) == ["uses", "powershell", "in", "memory"]
    assert text_words("uses powershell IN  memory") == text_words(old)


def test_similarity_counts_words_that_both_texts_have() -> None:
    assert similarity(["a", "b", "b"], ["b", "b", "c"]) == round(4 / 6, 4)
    assert similarity(["a"], ["a"]) == 1
    assert similarity(["a"], ["b"]) == 0
    assert similarity([], ["a"]) is None


def test_names_have_a_stem_in_common_whatever_the_form_of_the_word() -> None:
    assert stems("Compromised Accounts") & stems("compromise account")
    assert not stems("Inject Payload") & stems("Embed Malware")


def test_a_word_diff_joins_changes_with_one_equal_word_between_them() -> None:
    assert word_diff("the quick fox is old today", "the slow fox was old today") == (
        ("=", "the "),
        ("-", "quick fox is"),
        ("+", "slow fox was"),
        ("=", " old today"),
    )
    assert word_diff("same", "same") == (("=", "same"),)
    assert word_diff("", "new") == (("+", "new"),)


_TEXTS = st.lists(st.sampled_from(["a ", "b", "c.", "\n", "dé ", "(Citation: x)", "_", "<b>", "№"])).map("".join)


@given(_TEXTS, _TEXTS)
def test_a_word_diff_rebuilds_both_texts(before: str, after: str) -> None:
    parts = word_diff(before, after)
    assert "".join(text for sign, text in parts if sign in "=-") == normal(before)
    assert "".join(text for sign, text in parts if sign in "=+") == normal(after)


@pytest.mark.parametrize(
    ("before", "after", "added", "removed"),
    [
        ("the quick fox is old today", "the slow fox was old today", 3, 3),
        ("one two three", "one two three", 0, 0),
        ("It uses `cmd` (Citation: A).", "It uses cmd.", 0, 0),
        ("", "four new words here", 4, 0),
        ("gone entirely", "", 0, 2),
        ("kept. Then this too.", "kept. Then, at last, this too.", 2, 0),
    ],
)
def test_edited_words_are_counted_as_they_are_read(before: str, after: str, added: int, removed: int) -> None:
    assert edited_words(before, after) == (added, removed)

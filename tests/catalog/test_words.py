"""Words of texts."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from ctibutler.catalog.folding import folded, words_of


@given(st.text(alphabet=st.characters(max_codepoint=127)) | st.text())
def test_words_are_the_longest_runs_of_letters_and_digits_of_the_folded_text(text: str) -> None:
    assert words_of(text) == re.findall(r"[^\W_]+", folded(text))

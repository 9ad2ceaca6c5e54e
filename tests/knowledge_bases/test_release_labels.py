"""Labels of releases."""

from __future__ import annotations

import pytest

from ctibutler.knowledge_bases.release_labels import is_next


@pytest.mark.parametrize(
    ("earlier", "label", "expected"),
    [
        ("16.1", "17.0", True),
        ("17.0", "17.1", True),
        ("16.1", "17.1", False),
        ("14.1", "17.0", False),
        ("5.1.1", "5.2.0", True),
        ("5.1.1", "5.3.0", False),
        ("17.1", "16.1", False),
        ("17.1", "17.1", False),
        ("5.6.0", "2026.05", False),
        ("12.0-beta", "12.1", False),
    ],
)
def test_a_label_is_the_next_one_if_no_number_fits_between(earlier: str, label: str, expected: bool) -> None:
    assert is_next(label, earlier) is expected

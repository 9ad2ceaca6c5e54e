"""How release labels are parsed and sorted.

Publishers write `16.0`, `v16_0`, `12.0-beta` or `4.9.1`. A label is shown dotted and without `v`. Two labels with the same
sort key are the same release.
"""

from __future__ import annotations

import re

LATEST = "latest"
_SHAPE = re.compile(r"[vV]?[0-9A-Za-z]+(?:[._-][0-9A-Za-z]+)*")
_SEPARATORS = re.compile(r"[._-]")
MAX_LENGTH = 64


def is_label(text: str) -> bool:
    """Whether this is a valid release label: at most 64 letters and digits, with single `.`, `_` or `-` between them."""
    return len(text.strip()) <= MAX_LENGTH and _SHAPE.fullmatch(text.strip()) is not None


def shown(label: str) -> str:
    """The label as it is shown: `16_0`, `v16.0` and ` V16_0 ` become `16.0`."""
    text = label.strip()
    if re.match(r"[vV][0-9]", text):
        text = text[1:]
    return text.replace("_", ".")


def in_file_name(label: str) -> str:
    """The label as it is spelled in file names: `16_0`."""
    return shown(label).replace(".", "_")


def sort_key(label: str) -> str:
    """A text that sorts by code point in the order of releases. Never raises.

    Numbers are compared as numbers. A missing part sorts before any number (`4.9` < `4.9.1`), and a part with letters sorts
    before a missing one (`12.0-beta` < `12.0`).
    """
    parts = [_part_key(part) for part in _SEPARATORS.split(shown(label))]
    return "".join(parts) + "1"


def is_preview(label: str) -> bool:
    """Whether a label is that of a preview, such as `12.0-beta`."""
    return not all(part.isascii() and part.isdigit() for part in _SEPARATORS.split(shown(label)))


def is_next(label: str, earlier: str) -> bool:
    """Return whether no number fits between two labels: `17.0` comes next after `16.1`, `17.1` does not."""
    old, new = [_SEPARATORS.split(shown(text)) for text in (earlier, label)]
    if is_preview(label) or is_preview(earlier) or len(old) != len(new):
        return False
    steps = [int(after) - int(before) for before, after in zip(old, new, strict=True)]
    first = next((place for place, step in enumerate(steps) if step), None)
    return first is not None and steps[first] == 1 and all(int(part) == 0 for part in new[first + 1 :])


def _part_key(part: str) -> str:
    if part.isascii() and part.isdigit():
        return "2" + natural(part) + " "
    return "0" + natural(part.lower()) + " "


def natural(text: str) -> str:
    """The text with the length of each number before it, so that sorting by code point gives the natural order.

    `cwe-9` sorts before `cwe-79`. Leading zeros are ignored.
    """
    return re.sub(r"[0-9]+", _sized, text)


def _sized(digits: re.Match[str]) -> str:
    number = digits.group().lstrip("0") or "0"
    return f"{len(number):03d}{number}" if len(number) < 1000 else f"999{number}"

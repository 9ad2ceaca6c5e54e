"""Colours can be told from their ground, in both schemes: by the arithmetic of WCAG 2.2, for every colour there is."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

import ctibutler.pages

STATIC = Path(ctibutler.pages.__file__).parent / "static"
COLOUR = r"#[0-9a-f]{6}"
GROUNDS = ("paper", "surface", "sunk")
OUTCOMES = ("added", "removed", "changed", "revoked", "silent")
# Text has 4.5, what is read off a shape or a border 3: success criteria 1.4.3 and 1.4.11.
TEXT = {
    *product(("ink", "ink-2", "ink-3", "accent"), GROUNDS),
    *product(("ink", "accent"), ("accent-soft",)),
    *product(("ink", "ink-2"), ("highlight", *(f"{outcome}-soft" for outcome in OUTCOMES))),
    *product(("ink", "ink-2"), ("set-a-soft", "set-b-soft", "set-both-soft")),
    *((outcome, ground) for outcome in OUTCOMES for ground in (f"{outcome}-soft", *GROUNDS)),
    *(("set-a", ground) for ground in ("set-a-soft", "set-both-soft", *GROUNDS)),
    *(("set-b", ground) for ground in ("set-b-soft", "set-both-soft", *GROUNDS)),
    ("on-accent", "accent"),
    *((f"tlp-{label}", "tlp-ground") for label in ("clear", "green", "amber", "red")),
}
SHAPES = {*product(("line-strong", "focus"), GROUNDS)}
# Hairlines part what distance parts already.
DECORATION = {"line"}


def tokens() -> dict[str, tuple[str, str]]:
    """Each colour of the sheet, in its light and in its dark form."""
    sheet = (STATIC / "tokens.css").read_text().lower()
    pairs = re.findall(rf"--([a-z0-9-]+):\s*light-dark\(({COLOUR}), ({COLOUR})\);", sheet)
    fixed = re.findall(rf"--(tlp-[a-z]+):\s*({COLOUR});", sheet)
    return {name: (light, dark) for name, light, dark in pairs} | {name: (it, it) for name, it in fixed}


TOKENS = tokens()
KINDS = {name for name in TOKENS if name.startswith("kind-")}


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour of sRGB."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_arithmetic_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_what_is_read_can_be_told_from_its_ground(scheme: int) -> None:
    asked = {(pair, 4.5) for pair in TEXT} | {(pair, 3.0) for pair in SHAPES | set(product(KINDS, GROUNDS))}
    poor = {
        f"{front} on {ground}": round(contrast(TOKENS[front][scheme], TOKENS[ground][scheme]), 2)
        for (front, ground), least in asked
        if contrast(TOKENS[front][scheme], TOKENS[ground][scheme]) < least
    }
    assert not poor


def test_every_colour_is_looked_at() -> None:
    looked_at = {name for pair in TEXT | SHAPES for name in pair} | KINDS | DECORATION
    assert looked_at == set(TOKENS)


def test_no_other_sheet_has_a_colour_of_its_own() -> None:
    for sheet in sorted(STATIC.glob("*.css")):
        if sheet.name != "tokens.css":
            assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{}]*;)|\b(?:rgb|hsl|oklch)a?\(", sheet.read_text()), sheet


def test_what_is_used_is_there_and_what_is_there_is_used() -> None:
    text = "".join(sheet.read_text() for sheet in sorted(STATIC.glob("*.css")))
    declared = set(re.findall(r"(--[a-z0-9-]+)\s*:", text))
    used = set(re.findall(r"var\((--[a-z0-9-]+)", text))
    assert declared - used == set()
    assert used - declared == set()


def test_every_class_that_a_sheet_styles_is_given_to_something() -> None:
    sheets = "".join(sheet.read_text() for sheet in sorted(STATIC.glob("*.css")))
    styled = set(re.findall(r"\.([a-z][a-z0-9-]*)(?=[^{}]*\{)", re.sub(r"/\*.*?\*/", "", sheets, flags=re.DOTALL)))
    sources = [
        path for pattern in ("templates/*", "static/*.js", "*.py") for path in sorted(STATIC.parent.glob(pattern))
    ]
    text = "".join(path.read_text() for path in sources)
    # A class whose last part is filled in: class="badge badge-{{ word }}".
    filled = set(re.findall(r"(?<![\w-])([a-z][a-z0-9-]*-)(?=\{|\$\{|\" ~)", text))
    given = {name for name in styled if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)}
    assert {name for name in styled - given if not any(name.startswith(part) for part in filled)} == set()

"""The marks of kinds as paths of drawings, ten units wide, around 0, 0. On pages, tokens.css draws the same shapes."""

from __future__ import annotations

from typing import Final

from ctibutler.knowledge_bases.layouts import Shape

PATHS: Final[dict[Shape, str]] = {
    "technique": "M-4-4H4V4H-4Z",
    "subtechnique": "M-3.5-3.5H3.5V3.5H-3.5Z",
    "software": "M0-5 5 0 0 5-5 0Z",
    "group": "M0-4.5A4.5 4.5 0 1 1 0 4.5 4.5 4.5 0 1 1 0-4.5Z",
    "campaign": "M-4.5 4V0A4.5 4.5 0 0 1 4.5 0V4Z",
    "tactic": "M-1.5-5H1.5V5H-1.5Z",
    "mitigation": "M-2.5-4.5H2.5L5 0 2.5 4.5H-2.5L-5 0Z",
    "detection": "M0-5 5 4.5H-5Z",
    "data": "M-5-4.5H5L0 5Z",
    "weakness": "M-4.5-4.5H4.5V-1H1V4.5H-4.5Z",
    "asset": "M-4.5-2H4.5V2H-4.5Z",
    "attack-pattern": "M0-5 5-1.2 3.1 4.5H-3.1L-5-1.2Z",
    "countermeasure": "M-4.5-4.5H4.5V1L0 5-4.5 1Z",
    "artifact": "M0-4.5 4.5 0 0 4.5-4.5 0Z",
    "location": "M0-4A4 4 0 1 1 0 4 4 4 0 1 1 0-4Z",
    "sector": "M-2-4.5A4.5 4.5 0 0 1-2 4.5Z",
    "other": "M-3-4.5H3Q4.5-4.5 4.5-3V3Q4.5 4.5 3 4.5H-3Q-4.5 4.5-4.5 3V-3Q-4.5-4.5-3-4.5Z",
}

HOLLOW: Final[tuple[Shape, ...]] = ("subtechnique", "artifact", "location")
"""Those that are drawn as an outline."""

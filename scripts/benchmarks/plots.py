"""Plots as SVG: how near each goal is, and the course of a series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from benchmarks.report import goal, shown
from benchmarks.results import Result

STYLE = (
    "text{font:12px sans-serif;fill:#24292f}.line{stroke:#8c959f;fill:none}.met{fill:#2da44e}.missed{fill:#d4a72c}"
    ".course{stroke:#0969da;stroke-width:2;fill:none}.ground{fill:#fff}"
)
WIDTH, ROW, LABELS, VALUES = 960, 24, 420, 250
LEAST, MOST = 0.25, 8.0


def goals(results: Sequence[Result]) -> str:
    """A bar for each row on a logarithmic scale: it reaches the line if the goal is met."""
    measured = [each for each in results if each.reached is not None]
    height = ROW * (len(measured) + 2)
    line = LABELS + place(1.0)
    parts = [f'<text x="{line}" y="16" text-anchor="middle">goal</text>']
    parts.append(f'<line class="line" x1="{line}" x2="{line}" y1="22" y2="{height - 8}"/>')
    for number, each in enumerate(measured):
        top = ROW * (number + 1) + 4
        assert each.reached is not None
        length = place(each.reached)
        kind = "met" if each.met else "missed"
        parts.append(f'<text x="{LABELS - 8}" y="{top + 12}" text-anchor="end">{escape(shortened(each.what))}</text>')
        parts.append(f'<rect class="{kind}" x="{LABELS}" y="{top}" width="{length:.1f}" height="15"/>')
        text = f"{shown(each)} ({goal(each)})"
        parts.append(f'<text x="{WIDTH - VALUES + 8}" y="{top + 12}">{escape(text)}</text>')
    return picture("How near each goal is, on a logarithmic scale", height, parts)


def place(reached: float) -> float:
    """How long the bar is: from a quarter of the goal to eight times as good."""
    within = min(max(reached, LEAST), MOST)
    return 4 + (WIDTH - LABELS - VALUES - 8) * math.log(within / LEAST) / math.log(MOST / LEAST)


def course(title: str, values: Sequence[float]) -> str:
    """A line through the values, from zero to the largest."""
    height, left, bottom = 240, 60, 210
    top = max(values) or 1.0
    step = (WIDTH - left - 20) / max(1, len(values) - 1)
    points = " ".join(f"{left + step * i:.1f},{bottom - 170 * each / top:.1f}" for i, each in enumerate(values))
    parts = [f'<text x="{left}" y="20">{escape(title)}</text>']
    for share in (0, 0.5, 1):
        y = bottom - 170 * share
        parts.append(f'<line class="line" x1="{left}" x2="{WIDTH - 20}" y1="{y}" y2="{y}" stroke-dasharray="2 4"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{top * share:.3g}</text>')
    parts.append(f'<polyline class="course" points="{points}"/>')
    return picture(title, height, parts)


def picture(title: str, height: int, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    ground = f'<rect class="ground" width="{WIDTH}" height="{height}"/>'
    return "\n".join([head, f"<title>{escape(title)}</title><style>{STYLE}</style>", ground, *parts, "</svg>"]) + "\n"


def shortened(text: str) -> str:
    plain = text.replace("`", "")
    return plain if len(plain) <= 62 else f"{plain[:60]}…"

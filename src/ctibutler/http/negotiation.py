"""Which form of an answer a client prefers (RFC 9110, 12)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

ENCODINGS = ("zstd", "gzip")
IDENTITY = "identity"


@lru_cache(maxsize=512)
def preferred_encoding(accept_encoding: str) -> str:
    """Return the content encoding for this `Accept-Encoding`: by q-value, then zstd before gzip before none."""
    qualities = _qualities(accept_encoding)
    rest = qualities.get("*", 0.0)
    best, best_quality = IDENTITY, qualities.get(IDENTITY, 0.0)
    for encoding in reversed(ENCODINGS):
        quality = qualities.get(encoding, rest)
        if quality > 0 and quality >= best_quality:
            best, best_quality = encoding, quality
    return best


@lru_cache(maxsize=512)
def preferred_media_type(accept: str, usual: str, others: Sequence[str], *, even: bool = False) -> str | None:
    """Return which of `others` this `Accept` prefers over the usual type: one with a higher q-value, or None.

    Where it is `even`, one that is named wins over the usual type of the same q-value.
    """
    qualities = _qualities(accept)
    whole = usual.partition("/")[0] + "/*"
    usual_quality = max(qualities.get(name, 0.0) for name in (usual, whole, "*/*"))
    named = [(qualities.get(other, 0.0), other) for other in others]
    quality, best = max(named, default=(0.0, ""))
    # Named itself, it goes before the usual type that only a wildcard covers.
    wins = quality > 0 and (quality > usual_quality or (quality == usual_quality and (even or usual not in qualities)))
    return best if wins else None


def prefers_html(accept: str) -> bool:
    """Return whether this `Accept` names HTML, and JSON not before it: a browser's does, `*/*` alone does not."""
    return preferred_media_type(accept, "application/json", ("text/html",), even=True) is not None


def _qualities(header: str) -> dict[str, float]:
    qualities: dict[str, float] = {}
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        if name:
            qualities[name] = next((_quality(part[2:]) for part in parameters if part.startswith("q=")), 1.0)
    return qualities


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0

"""The pages of a list."""

from __future__ import annotations

from ctibutler.http.requests import Request


def pager(request: Request, address: str, number: int, size: int, total: int) -> dict[str, object]:
    """Return what leads to the other pages of a list."""

    def at(wanted: int) -> str:
        query = request.values.query(page=wanted)
        return f"{address}?{query}" if query else address

    last = max(1, -(-total // size))
    return {
        "number": number,
        "last": last,
        "total": total,
        "first_item": min(total, (number - 1) * size + 1),
        "last_item": min(total, number * size),
        "before": at(number - 1) if 1 < number <= last + 1 else None,
        "after": at(number + 1) if number < last else None,
    }

"""Changes as Atom feeds (RFC 4287)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from ctibutler.answers.tables.feeds import Feed, FeedEntry
from ctibutler.answers.tables.table import Table
from ctibutler.forms.xml_text import xml_text

AUTHORITY = "ctibutler.invalid,2026"
"""The authority of the tag URIs (RFC 4151) of feeds. It can never change, since readers know entries by their ids; so it is a
name that nobody can own (RFC 2606), whoever serves the feed."""


def table_as_atom(table: Table) -> Iterator[bytes]:
    """Yield the feed of a table: an entry for each row, with an id that stays the same as long as the releases do."""
    assert table.feed is not None
    feed = table.feed
    installed = datetime.fromtimestamp(table.changed_at // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>{_tag(feed)}</id>\n<title>{_text(table.title)}</title>\n<updated>{installed}</updated>\n"
        f"<author><name>{_text(feed.author)}</name></author>\n"
    ).encode()
    for entry in feed.entries():
        yield _entry(feed, entry, installed).encode("utf-8", "replace")
    yield b"</feed>\n"


def _entry(feed: Feed, entry: FeedEntry, installed: str) -> str:
    return (
        f"<entry><id>{_tag(feed, entry.id)}</id><title>{_text(entry.title)}</title>"
        f"<updated>{_text(entry.updated or installed)}</updated>"
        f'<category term="{_text(entry.category)}"/><content type="text">{_text(entry.text)}</content></entry>\n'
    )


def _tag(feed: Feed, *more: str) -> str:
    return _text(f"tag:{AUTHORITY}:{'/'.join((*feed.path, *more))}")


def _text(text: str) -> str:
    return escape(xml_text(text), {'"': "&quot;"})

"""The history of an object, for people."""

from __future__ import annotations

from collections.abc import Sequence

from ctibutler.answers.history import History, HistoryEvent, Thread
from ctibutler.answers.told_events import told
from ctibutler.cli.output import text as output
from ctibutler.cli.output.text import printable
from ctibutler.knowledge_bases.declaration import KnowledgeBase

_GAP = "  "


def write_history(found: History, kb: KnowledgeBase) -> None:
    """Print the events of each object that the id named, oldest first."""
    for number, thread in enumerate(found.threads):
        if number:
            output.line()
        _write_thread(found, kb, thread, [event for event in found.page.items if _belongs(event, thread, found)])
    if found.page.total > len(found.page.items) or not found.page.total:
        output.note(output.page_note(found.page, "event"))


def _write_thread(found: History, kb: KnowledgeBase, thread: Thread, events: Sequence[HistoryEvent]) -> None:
    named = " ".join(part for part in (thread.external_id, thread.name) if part) or thread.stix_id
    output.line(output.bold(printable(named)))
    output.line(f"{kb.title}, {thread.kind.lower()}")
    output.line(output.filled(_where(found.labels, thread.labels)))
    if not events:
        return
    output.line()
    release = max(len("RELEASE"), *(len(event.label) for event in events))
    word = max(len("EVENT"), *(len(event.event) for event in events))
    output.line(output.bold(f"{'RELEASE':<{release}}{_GAP}{'EVENT':<{word}}{_GAP}WHAT"))
    indent = " " * (release + word + 2 * len(_GAP))
    last = None
    for event in events:
        label = event.label if event.label != last else ""
        last = event.label
        start = f"{label:<{release}}{_GAP}{event.event:<{word}}{_GAP}"
        said = printable(told(event))
        output.line(output.filled(said, indent, start) if said else start.rstrip())


def _belongs(event: HistoryEvent, thread: Thread, found: History) -> bool:
    """Whether an event is one of this object: the publisher may make a new STIX id for each release."""
    if len(found.threads) == 1:
        return True
    mine = {one.stix_id for one in found.threads}
    return event.stix_id == thread.stix_id or (event.stix_id not in mine and event.external_id == thread.external_id)


def _where(installed: Sequence[str], labels: Sequence[str]) -> str:
    """Which of the installed releases have it."""
    missing = [label for label in installed if label not in labels]
    if not missing:
        return (
            f"in all installed releases: {installed[0]} to {installed[-1]}" if len(installed) > 1 else f"in {labels[0]}"
        )
    return f"in {', '.join(labels)}; not in {', '.join(missing)}"

"""What is said at the top of the page of an object that its publisher gave up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctibutler.answers.history import HistoryEvent
from ctibutler.answers.looking_up import LookedUp
from ctibutler.answers.told_events import told
from ctibutler.pages import addresses

_LOST = "lost-successor"


@dataclass(frozen=True)
class Ending:
    """When an object was revoked or deprecated, as far as installed releases tell, and where to go from there.

    `when` is the release that did it, or says that the first one had it so; empty if none tells. `remark` is what releases say
    about a successor. `diff` compares with the last release before, `desk` brings the id from there to the latest one.
    """

    when: str
    remark: str
    diff: str | None
    desk: str | None


def ending_of(found: LookedUp, status: str, events: Sequence[HistoryEvent], object_id: str, latest: str) -> Ending:
    """Return how an object ended up with this status. `object_id` is what its addresses have, `latest` the latest release."""
    labels = [moment.release for moment in found.moments]
    past = [event for event in events if labels.index(event.label) <= labels.index(found.release)]
    since = next((event.label for event in reversed(past) if event.event == status), None)
    remark = next((told(event) for event in reversed(past) if event.event in (status, _LOST)), "")
    earlier = found.moments[: labels.index(since)] if since else ()
    before = next((moment.release for moment in reversed(earlier) if moment.id), "")
    slug = found.kb.slug
    return Ending(
        (since if before else f"{since} or earlier") if since else "",
        remark[:1].upper() + remark[1:],
        addresses.of_object(slug, found.release, object_id, "diff", **{"from": before}) if before else None,
        f"/desk?{addresses.query_of(kb=slug, **{'from': before}, to=latest, ids=object_id)}" if before else None,
    )

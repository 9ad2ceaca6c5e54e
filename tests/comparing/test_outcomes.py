"""The closed list of outcomes."""

from __future__ import annotations

from ctibutler.comparing.outcomes import HANDLINGS, OUTCOME_HANDLINGS, OUTCOMES, in_order, strictest


def test_outcomes_come_in_their_order_whatever_the_order_they_were_found_in() -> None:
    assert in_order({"edited", "merged", "renumbered"}) == ("merged", "renumbered", "edited")
    assert (OUTCOMES[0], OUTCOMES[-1]) == ("unreadable", "unchanged")


def test_the_strictest_handling_wins() -> None:
    assert strictest(["automatic", "human", "look"]) == "human"
    assert strictest(["look", "automatic"]) == "look"
    assert strictest([]) == "automatic"
    assert set(OUTCOME_HANDLINGS.values()) == set(HANDLINGS)

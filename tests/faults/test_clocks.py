"""A clock that jumps back or ahead by years does no harm, and neither do two starts at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

import pytest

from ctibutler.catalog import jobs
from ctibutler.catalog.checking import check
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.state import Watch
from ctibutler.importing.removal import truncate
from ctibutler.knowledge_bases import HOSTED
from ctibutler.stix import times
from tests.catalogue import install
from tests.faults.processes import ask_for, job_of, let_leases_run_out, settings_of, worker_of
from tests.shared import shared_path

YEARS = (2026, 1990, 2090, 1971, 2026)


class _Clock:
    """Stands for `datetime` where the time is asked for."""

    def __init__(self) -> None:
        self.year = YEARS[0]

    def now(self, zone: tzinfo) -> datetime:
        return datetime.now(UTC).replace(year=self.year, month=1, day=2)

    def __getattr__(self, name: str) -> object:
        return getattr(datetime, name)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    made = _Clock()
    monkeypatch.setattr(times, "datetime", made)
    return made


def test_every_change_is_noticed_and_whole_whatever_the_clock_says(
    store_url: str, opened: Callable[[str], Database], clock: _Clock
) -> None:
    store = opened(store_url)
    watch = Watch(store)
    stamps = [watch.current().stamp]
    for year in YEARS:
        clock.year = year
        install(store, "tlp@2")
        stamps.append(watch.current().stamp)
        truncate(store, HOSTED.named("tlp"))
        stamps.append(watch.current().stamp)
        assert list(check(store, HOSTED)) == []
    watch.close()
    assert len(set(stamps)) == len(stamps)


@pytest.mark.parametrize("year", YEARS[1:-1])
def test_a_job_is_done_after_a_clock_has_jumped(
    store_url: str, opened: Callable[[str], Database], clock: _Clock, year: int
) -> None:
    store = opened(store_url)
    job_id = ask_for(store, "tlp", "2")
    # A worker whose clock is wrong claims the job and dies; another one, whose clock is right, finishes it.
    clock.year = year
    assert jobs.claim(store, "wrong clock", 60) is not None
    clock.year = YEARS[0]
    if store.engine == "postgresql":  # whose own clock leases go by
        let_leases_run_out(store)
    worker_of(store, settings_of(store_url, str(shared_path("kb")))).run_until_idle()
    assert job_of(store, job_id).state == "completed"
    assert list(check(store, HOSTED)) == []

"""The text form of progress, times and durations."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ctibutler.cli.output.progress import amount, without_name
from ctibutler.cli.output.short_times import short_duration, short_time


@pytest.mark.parametrize(
    ("stage", "done", "total", "written"),
    [
        ("index", 0, 1826, "0 of 1,826"),
        ("store", 1500, 16283, "1,500 of 16,283"),
        ("download", 1_200_000, 34_400_000, "1.2 MB of 34.4 MB"),
        ("download", 1_200_000, None, "1.2 MB"),
        ("parse", 0, None, ""),
        ("derive", 0, 0, ""),
    ],
)
def test_an_amount_is_shown_with_its_total_if_that_is_known(
    stage: str, done: int, total: int | None, written: str
) -> None:
    assert amount(stage, done, total) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0s"),
        (0.9, "0s"),
        (119, "119s"),
        (120, "2m"),
        (7199, "119m"),
        (7200, "2h"),
        (172_800, "2d"),
        (864_000, "10d"),
    ],
)
def test_a_duration_has_at_most_four_characters_even_after_weeks(seconds: float, written: str) -> None:
    assert short_duration(int(seconds * 1_000_000)) == written


def test_a_time_is_written_shorter_the_closer_it_is() -> None:
    noon = datetime.now().astimezone().replace(hour=12, minute=5, second=0, microsecond=0)

    def written(moment: datetime) -> str:
        return short_time(int(moment.timestamp() * 1_000_000))

    assert written(noon) == "12:05"
    assert written(noon - timedelta(days=800)) == f"{noon - timedelta(days=800):%Y}"


@pytest.mark.parametrize(
    ("name", "reason", "written"),
    [
        ("cwe@4.15", "cwe 4.15: no source has this release", "no source has this release"),
        ("cwe 4.15", "cwe 4.15: no source has this release", "no source has this release"),
        ("cwe@all", "cwe: no source has a release", "no source has a release"),
        ("cwe", "cwe: no source has a release", "no source has a release"),
        ("cwe@4.15", "cwe.xml: not XML", "cwe.xml: not XML"),
        ("cwe@4.15", "cwe 4.14: no source has this release", "cwe 4.14: no source has this release"),
    ],
)
def test_a_failure_names_its_release_once(name: str, reason: str, written: str) -> None:
    assert without_name(name, reason) == written

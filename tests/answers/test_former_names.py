"""Until when an object had a name, in whatever order its releases were installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ctibutler.answers.beginnings import formerly_called
from ctibutler.answers.library import Library
from ctibutler.catalog.folding import squashed
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import catalogue_with, published

pytestmark = pytest.mark.real
CAPEC = ("3.5", "3.6", "3.8", "3.9")


@pytest.fixture(scope="module")
def newest_first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    names = [f"capec@{label}" for label in reversed(CAPEC)]
    with catalogue_with("sqlite", tmp_path_factory.mktemp("newest-first"), *names) as database:
        yield Library(database, HOSTED)


def test_a_former_name_lasts_until_the_last_release_that_has_it(newest_first: Library) -> None:
    names: dict[str, dict[str, str]] = {}
    for label in CAPEC:
        for stix in published("capec", label):
            if stix["type"] == "attack-pattern":
                names.setdefault(stix["id"], {})[label] = stix["name"]
    checked = 0
    for of_object in names.values():
        now = of_object.get(CAPEC[-1])
        for former in {name for name in of_object.values() if now is not None and squashed(name) != squashed(now)}:
            found = [
                it for it in formerly_called(newest_first, former, 10) if it.view.name == now and it.former == former
            ]
            last = [label for label in CAPEC if of_object.get(label) == former][-1]
            assert [it.until for it in found] == [last], former
            checked += 1
    assert checked > 5

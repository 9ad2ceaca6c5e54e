"""Which releases are on offer, from which source, and in what order of preference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from ctibutler.errors import InvalidRequest, MalformedFile, NotFound, Problem, SourceUnavailable
from ctibutler.knowledge_bases import ALL, HOSTED
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.sources import offers as offers_module
from ctibutler.publishers.sources.offers import Sources
from ctibutler.publishers.sources.source import Offer, OfferProblem, OfferReport, published_bundle
from ctibutler.publishers.web.progress import Progress, no_progress
from tests.configured import settings_with
from tests.shared import shared_path

DISARM = replace(HOSTED.named("disarm"), sources=("first", "second"))
BUNDLE = b'{"type": "bundle", "id": "bundle--1", "objects": []}'


class Shelf:
    """A source that has releases of any knowledge base and counts requests for its list."""

    def __init__(self, name: str, *labels: str, failure: Problem | None = None, down: str | None = None) -> None:
        self.name = name
        self.labels = list(labels)
        self.failure = failure
        self.down = down
        self.requests = 0
        self.hidden: tuple[str, ...] = ()
        self.place = "shelf"
        self.moved_to: str | None = None

    def moves_to(self, place: str) -> None:
        self.place = self.moved_to = place

    def offers(self, kbs: Iterable[KnowledgeBase]) -> OfferReport:
        self.requests += 1
        if self.down:
            return OfferReport((), (OfferProblem(self.name, None, self.down),))
        return OfferReport(tuple(Offer(kb.slug, label, self.name, self.place) for kb in kbs for label in self.labels))

    def unlisted(self, kb: KnowledgeBase, label: str) -> Offer | None:
        return Offer(kb.slug, label, self.name, "back room") if label in self.hidden else None

    def fetch(self, kb: KnowledgeBase, offer: Offer, progress: Progress = no_progress) -> ReleaseFile:
        if self.failure and offer.location != self.moved_to:
            raise self.failure
        return published_bundle(offer, BUNDLE, f"{kb.slug}.json")


def sources(*shelves: Shelf) -> Sources:
    return Sources(settings_with(bucket=""), shelves)


def test_the_highest_label_comes_first_then_the_first_source() -> None:
    found = sources(Shelf("second", "1.10", "1.9"), Shelf("first", "1.9", "1.10-beta"))
    assert [(offer.label, offer.source) for offer in found.offers([DISARM]).offers] == [
        ("1.10", "second"),
        ("1.10-beta", "first"),
        ("1.9", "first"),
        ("1.9", "second"),
    ]
    assert found.best(DISARM) == Offer("disarm", "1.10", "second", "shelf")
    assert found.fetch(DISARM, "v1_9").origin.source == "first"
    assert found.fetch(DISARM).label == "1.10"


def test_offers_come_in_the_order_of_the_knowledge_bases() -> None:
    others = [replace(kb, sources=("first",)) for kb in ALL]
    report = sources(Shelf("first", "1.0", "2.0")).offers(others)
    assert [offer.knowledge_base for offer in report.offers][::2] == [kb.slug for kb in ALL]
    assert [offer.label for offer in report.of("capec")] == ["2.0", "1.0"]


def test_a_source_is_used_only_for_knowledge_bases_that_declare_it() -> None:
    shelf = Shelf("first", "1.0")
    found = sources(shelf)
    with pytest.raises(NotFound, match=r"^disarm: no source has a release$"):
        found.fetch(replace(DISARM, sources=("second",)))
    assert shelf.requests == 0


def test_the_message_about_an_unknown_release_lists_the_available_ones() -> None:
    with pytest.raises(NotFound, match=r"^disarm 9.0: no source has this release; available: 1.10, 1.9$"):
        sources(Shelf("first", "1.9"), Shelf("second", "1.10", "1.9")).fetch(DISARM, "v9_0")


def test_the_message_about_an_unknown_release_names_sources_that_did_not_answer() -> None:
    with pytest.raises(SourceUnavailable, match=r"^disarm 9.0: .*; available: 1.9; first: it sleeps$"):
        sources(Shelf("first", down="it sleeps"), Shelf("second", "1.9")).fetch(DISARM, "9.0")


def test_an_invalid_label_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"`\.\./x` is not a valid release label"):
        sources(Shelf("first", "1.9")).fetch(DISARM, "../x")


def test_when_the_first_source_fails_the_next_one_is_used_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    first = Shelf("first", "1.9", failure=MalformedFile("x.json.gz: the compressed file is cut off"))
    release = sources(first, Shelf("second", "1.9")).fetch(DISARM, "1.9")
    assert release.origin.source == "second"
    assert [record.getMessage() for record in caplog.records] == [
        "disarm 1.9 from first: x.json.gz: the compressed file is cut off"
    ]


def test_a_lower_release_is_not_used_in_place_of_a_higher_one() -> None:
    first = Shelf("first", "1.10", failure=SourceUnavailable("no such file"))
    with pytest.raises(SourceUnavailable, match=r"^no such file$"):
        sources(first, Shelf("second", "1.9")).fetch(DISARM)


def test_when_all_sources_fail_each_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    shelves = [Shelf(name, "1.9", failure=SourceUnavailable(f"{name} is empty")) for name in ("first", "second")]
    with pytest.raises(SourceUnavailable, match=r"^first is empty; second is empty$"):
        sources(*shelves).fetch(DISARM)
    assert not caplog.records, "the error already says so: no log line is needed"


def test_a_source_is_requested_only_when_those_before_it_fail() -> None:
    first, second = Shelf("first", "1.9"), Shelf("second", "1.9")
    found = sources(first, second)
    assert found.fetch(DISARM, "1.9").origin.source == "first"
    assert (first.requests, second.requests) == (1, 0)
    first.failure = SourceUnavailable("first is empty")
    assert found.fetch(DISARM, "1.9").origin.source == "second"
    assert (first.requests, second.requests) == (1, 1)


def test_a_listed_release_is_fetched_without_listing_again_even_if_the_list_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offers_module, "REMEMBERED_SECONDS", -1.0)
    shelf = Shelf("first", "1.9", "1.8")
    found = sources(shelf)
    found.offers([DISARM])
    found.fetch(DISARM, "1.9")
    found.fetch(DISARM, "1.8")
    assert shelf.requests == 1


def test_a_release_that_has_moved_since_it_was_listed_is_listed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers_module, "REMEMBERED_SECONDS", -1.0)
    shelf = Shelf("first", "1.9", failure=SourceUnavailable("there is no such file"))
    found = sources(shelf)
    found.offers([DISARM])
    shelf.moves_to("new shelf")
    assert found.fetch(DISARM, "1.9").origin.location == "new shelf"
    assert shelf.requests == 2


def test_a_source_that_is_down_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeping = Shelf("first", down="it sleeps")
    found = sources(sleeping, Shelf("second", "1.9"))
    for kb in ALL:
        assert found.fetch(replace(kb, sources=("first", "second"))).origin.source == "second"
    assert sleeping.requests == 1
    sleeping.down, sleeping.labels = None, ["1.9"]
    found.offers([DISARM])
    assert found.fetch(DISARM).origin.source == "first"


def test_a_source_that_is_down_is_tried_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers_module, "REMEMBERED_SECONDS", -1.0)
    sleeping = Shelf("first", down="it sleeps")
    found = sources(sleeping, Shelf("second", "1.9"))
    found.fetch(DISARM)
    found.fetch(DISARM)
    assert sleeping.requests == 2


def test_several_named_releases_need_one_list() -> None:
    shelf = Shelf("first", "1.9", "1.8", "1.7")
    found = sources(shelf)
    for offer in found.offers([DISARM]).offers:
        found.fetch(DISARM, offer.label)
    assert shelf.requests == 1


def test_a_new_release_is_found_at_once() -> None:
    shelf = Shelf("first", "1.9")
    found = sources(shelf)
    found.offers([DISARM])
    shelf.labels.append("2.0")
    assert found.fetch(DISARM, "2.0").label == "2.0"
    shelf.labels.append("3.0")
    assert found.fetch(DISARM).label == "3.0"


def test_a_source_that_lists_a_release_comes_before_one_that_may_have_it() -> None:
    guessing = Shelf("first")
    guessing.hidden = ("1.8", "1.9")
    found = sources(guessing, Shelf("second", "1.9"))
    assert found.fetch(DISARM, "1.9").origin.source == "second"
    assert found.fetch(DISARM, "1.8").origin.location == "back room"


@pytest.mark.real
def test_the_newest_label_is_preferred_and_then_the_first_source() -> None:
    found = Sources(settings_with(bucket=str(shared_path("kb"))))
    for slug, source in (("location", "bucket"), ("sector", "bucket"), ("tlp", "bucket"), ("cwe", "bucket")):
        assert found.best(HOSTED.named(slug)).source == source
    assert found.best(HOSTED.named("attack-ics")).label == "18.1"


def test_without_a_bucket_releases_on_this_machine_are_offered() -> None:
    found = Sources(settings_with(bucket=""))
    assert found.fetch(HOSTED.named("location")).origin.source == "built-in"
    assert found.fetch(HOSTED.named("tlp")).label == "2"
    with pytest.raises(NotFound, match=r"^capec: no source has a release$"):
        found.fetch(HOSTED.named("capec"))


def test_the_settings_choose_the_bucket(tmp_path: Path) -> None:
    folder = tmp_path / "disarm2stix-manual-output"
    folder.mkdir()
    (folder / "disarm-bundle-v9_0.json").write_bytes(BUNDLE)
    release = Sources(settings_with(bucket=str(tmp_path))).fetch(HOSTED.named("disarm"))
    assert (release.label, release.origin.location) == ("9.0", str(folder / "disarm-bundle-v9_0.json"))


def test_a_container_uses_publishers_unless_a_bucket_is_set() -> None:
    compose = (Path(__file__).parents[2] / "compose.yaml").read_text()
    named = [line.strip() for line in compose.splitlines() if line.strip().startswith("CTIBUTLER_BUCKET")]
    assert set(named) == {"CTIBUTLER_BUCKET:"}, (
        "a value given here, also the default one, would stand in for the publishers"
    )

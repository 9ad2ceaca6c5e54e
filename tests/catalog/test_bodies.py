"""The bytes of objects, compressed with dictionaries that are added and removed."""

from __future__ import annotations

import pytest

from ctibutler.answers.library import Library
from ctibutler.importing.removal import truncate
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.answers.walking import listed, related
from tests.catalogue import Catalogues, install, link

pytestmark = pytest.mark.real


def test_a_process_that_read_removed_objects_can_read_those_installed_after_them(catalogues: Catalogues) -> None:
    writer = catalogues.empty()
    reader = catalogues.again(writer)
    for name in ("disarm@1.6", "atlas@5.1.0", "mitre-f3@1.1", "disarm@1.5"):
        slug, _, label = name.partition("@")
        install(writer, name)
        for database in (reader, writer):
            answered = {plain.same(stix) for stix in listed(Library(database, HOSTED), slug)}
            assert answered == {plain.same(stix) for stix in plain.listed(slug, label)}
        truncate(writer, HOSTED.named(slug))


def test_the_dictionary_of_links_is_removed_with_the_last_link(catalogues: Catalogues) -> None:
    writer = catalogues.empty()
    reader = catalogues.again(writer)
    for _ in range(2):
        install(writer, "capec@3.9")
        install(writer, "cwe@4.14")
        link(writer, "cwe-capec")
        assert len(related(Library(reader, HOSTED), "cwe", "CWE-79", note="cwe-capec")) == 6
        for slug in ("capec", "cwe"):
            truncate(writer, HOSTED.named(slug))
        with writer.read() as connection:
            assert connection.value("SELECT count(*) FROM dictionary") == 0
        install(writer, "disarm@1.6")
        truncate(writer, HOSTED.named("disarm"))

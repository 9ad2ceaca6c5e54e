"""Tables on a terminal: which columns are cut, and which never are."""

from __future__ import annotations

import os
import pty
import re
import subprocess

import pytest

from ctibutler.answers.pages import Page, PageRequest
from ctibutler.cli.output.tables import Column, fitted, needed
from ctibutler.cli.output.text import counted, page_note
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.kinds import kind_of
from tests.cli.command import Command

COLUMNS = [Column("ID"), Column("KIND", cut="first"), Column("NAME", cut="last")]


def test_the_name_is_cut_last_and_an_id_never() -> None:
    assert fitted(COLUMNS, [10, 30, 30], 80) == [10, 30, 30]
    assert fitted(COLUMNS, [10, 30, 30], 64) == [10, 20, 30]
    assert fitted(COLUMNS, [10, 30, 30], 54) == [10, 18, 22]
    assert fitted(COLUMNS, [52, 30, 30], 40) == [52, 18, 18]


def test_an_optional_column_is_left_out_before_anything_is_cut() -> None:
    columns = [*COLUMNS, Column("TOOK", optional=True)]
    assert needed(columns, [10, 30, 30, 4], 80) == [0, 1, 2, 3]
    assert needed(columns, [10, 30, 30, 4], 79) == [0, 1, 2]


def shown_on_a_terminal(command: Command, columns: int, *words: str) -> list[str]:
    """The lines that a command prints on a terminal of this width."""
    ours, theirs = pty.openpty()
    environment = command.environment(COLUMNS=str(columns), TERM="xterm")
    with subprocess.Popen(
        command.words(*words),
        cwd=command.folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    ):
        os.close(theirs)
        printed = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end of the terminal is closed
                break
            if not part:
                break
            printed += part
    os.close(ours)
    return printed.decode().splitlines()


@pytest.mark.parametrize("columns", [120, 80, 60])
@pytest.mark.parametrize("words", ["get DC0032", "get G0034", "get T0859", "get western-africa", "path G0034 T0859"])
def test_pages_and_paths_fit_the_terminal(stocked: Command, columns: int, words: str) -> None:
    """Only words that stay whole go over the edge, each on a line of its own."""
    lines = [re.sub(r"\x1b\[\d*m", "", line) for line in shown_on_a_terminal(stocked, columns, *words.split())]
    assert lines
    assert [line for line in lines if len(line) > columns and len(line.split()) > 1] == []


@pytest.mark.parametrize("columns", [80, 48])
def test_lines_fit_the_terminal_and_ids_are_never_cut(stocked: Command, columns: int) -> None:
    head, *rows = shown_on_a_terminal(stocked, columns, "list", "disarm", "--type", "Sub-technique")
    assert head.startswith("\x1b[1mID")
    assert len(rows) == 50
    assert max(map(len, rows)) <= columns
    listed = stocked.done("list", "disarm", "--type", "Sub-technique").stdout.splitlines()[1:]
    assert [row.split()[0] for row in rows] == [row.split()[0] for row in listed]
    assert any("…" in row for row in rows) == (columns == 48)


def test_types_are_not_cut_on_a_terminal_of_80_columns(stocked: Command) -> None:
    rows = shown_on_a_terminal(stocked, 80, "search", "firmware", "--kb", "attack-ics")
    assert max(map(len, rows)) <= 80
    assert any(" Detection Strategy " in row for row in rows)


@pytest.mark.parametrize(
    ("slug", "stix_type", "word"),
    [
        ("attack-ics", "x-mitre-detection-strategy", "Detection Strategy"),
        ("attack-enterprise", "malware", "Software"),
        ("attack-enterprise", "attack-pattern", "Technique"),
        ("capec", "attack-pattern", "Attack pattern"),
        ("cwe", "weakness", "Weakness"),
        ("atlas", "x-mitre-collection", "Collection"),
        ("tlp", "marking-definition", "Marking definition"),
        ("attack-enterprise", "relationship", "Relationship"),
    ],
)
def test_a_type_is_named_in_the_words_of_its_knowledge_base(slug: str, stix_type: str, word: str) -> None:
    assert kind_of(HOSTED.named(slug), stix_type) == word


def test_numbers_and_nouns_agree() -> None:
    assert [counted(number, "object") for number in (0, 1, 2000)] == ["0 objects", "1 object", "2,000 objects"]
    one = PageRequest(1, 1)
    assert page_note(Page(one, [b"{}"], 1), "object") == "1 object"
    assert page_note(Page(one, [b"{}"], 2), "object") == "1 of 2 objects; --page 2 shows more"
    assert page_note(Page(PageRequest(9, 1), [], 1), "object") == "page 9 is past the end of 1 object"
    assert page_note(Page(one, [], 0), "object") == "no objects"

"""How the command is used: help, exit codes, error messages."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import click
import pytest

from ctibutler import __version__
from ctibutler.cli.application import COMMANDS, application, end_of
from ctibutler.cli.session import Session
from ctibutler.knowledge_bases import ALL, HOSTED, KnowledgeBases
from ctibutler.knowledge_bases.declaration import BucketFiles, TypeWord
from ctibutler.knowledge_bases.properties import external_id_of
from ctibutler.knowledge_bases.tlp import TLP
from tests.cli.command import Command


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, by its words."""
    if not isinstance(command, click.Group):
        yield tuple(context.command_path.split()), command
        return
    for word in command.list_commands(context):
        below = command.get_command(context, word)
        assert below is not None
        if not below.hidden:
            yield from commands(below, click.Context(below, info_name=word, parent=context))


APP = application(HOSTED)
ROOT = click.Context(APP, info_name="", obj=Session(HOSTED))
ALL_COMMANDS = dict(commands(APP, ROOT))


def test_every_documented_command_exists() -> None:
    assert {path[0] for path in ALL_COMMANDS} == {
        "up", "serve", "worker", "install", "versions", "remove", "get", "list", "search", "changes", "navigator", "jobs",
        "status", "keys", "export", "sources", "mirror", "completion", "check", "backup", "restore", "copy",
        "questions", "compare", "path", "chain", "coverage", "migrate", "tie", "history", "diff",
    }  # fmt: skip
    assert {path[1] for path in ALL_COMMANDS if path[0] == "keys"} == {"add", "list", "remove"}
    assert {path[1] for path in ALL_COMMANDS if path[0] == "list"} == {kb.slug for kb in ALL}


@pytest.mark.parametrize("path", ALL_COMMANDS, ids=" ".join)
def test_every_command_says_what_it_does_and_gives_an_example(path: tuple[str, ...]) -> None:
    command = ALL_COMMANDS[path]
    assert command.help
    assert re.search(rf"ctibutler {' '.join(path)}\b", command.epilog or "")
    for parameter in command.params:
        assert getattr(parameter, "help", None), parameter.name


def test_the_main_help_describes_each_command_with_its_own_first_sentence() -> None:
    everything = {name: APP.get_command(ROOT, name) for name in APP.list_commands(ROOT)}
    assert {
        name: str(getattr(command, "help", None)).split("\n\n")[0] for name, command in everything.items()
    } == COMMANDS


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["get", "--help"], ["keys", "list", "--json"]])
def test_python_can_run_the_package_as_the_command(command: Command, words: list[str]) -> None:
    process = command.start(*words)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (0, command.done(*words).stdout, "")


def test_a_command_imports_only_what_it_needs(command: Command) -> None:
    imported = {
        words: set(command.imported_by(*words.split()))
        for words in ("--version", "--help", "get --help", "get T1059", "keys list")
    }
    ours = {name for name in imported["--version"] if name.startswith("ctibutler")}
    assert ours == {"ctibutler", "ctibutler.cli", "ctibutler.cli.main"}
    assert "click" not in imported["--version"]
    heavy = {"httpx2", "uvicorn", "starlette", "lxml", "numpy", "rich"}
    for words in ("--help", "get --help"):
        assert not heavy & imported[words]
    for words in ("get T1059", "keys list"):
        assert not {"httpx2", "uvicorn", "starlette", "lxml", "numpy", "pydantic"} & imported[words]
    assert not [name for name in imported["--help"] if name.startswith("ctibutler.cli.commands.")]


def test_a_server_starts_without_rarely_needed_packages() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import ctibutler.app, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"numpy", "lxml", "httpx2", "pydantic"} & set(loaded.stdout.split())


def test_help_fits_a_terminal(command: Command) -> None:
    for words in ((), ("list",), ("keys",), *ALL_COMMANDS):
        printed = command.done(*words, "--help").stdout
        assert printed.startswith(" ".join(["Usage: ctibutler", *words]))
        assert max(map(len, printed.splitlines())) <= 80, words


def examples(command: click.Command) -> list[str]:
    """The examples in a command's help that run `ctibutler`, without the rest of their line."""
    _, _, lines = (command.epilog or "").rpartition("\n\n\b\n")
    found = (re.search(r"\bctibutler ([^|>]+)", line) for line in lines.splitlines())
    return [match[1] for match in found if match]


@pytest.mark.parametrize("path", [*ALL_COMMANDS, ("list",), ("keys",)], ids=" ".join)
def test_the_examples_in_help_are_valid_usage(path: tuple[str, ...]) -> None:
    command = ALL_COMMANDS.get(path) or APP.get_command(ROOT, path[0])
    assert command is not None
    assert examples(command)
    for example in examples(command):
        words = shlex.split(example)
        context, meant = ROOT, cast("click.Command", APP)
        while isinstance(meant, click.Group) and not words[0].startswith("-"):
            name, found, words = meant.resolve_command(context, words)
            assert found is not None
            context, meant = click.Context(found, info_name=name, parent=context), found
        if "--help" not in words:
            meant.make_context(context.info_name, words, parent=context.parent)


def test_running_without_a_command_prints_help_as_a_usage_error(command: Command) -> None:
    for words in ([], ["list"], ["keys"]):
        outcome = command(*words)
        assert outcome.code == 2
        assert outcome.stdout.startswith("Usage: ctibutler")


def test_the_version_is_printed(command: Command) -> None:
    assert command.done("--version").stdout == f"ctibutler {__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("bogus", "bogus"),
        ("install", "KB[@RELEASE]"),
        ("install nope", "nope"),
        ("install tlp@bad/label", "tlp@bad/label"),
        ("install tlp@", "tlp@"),
        ("install tlp@1 --from missing.json", "missing.json"),
        ("install tlp --from missing.json", "name one release"),
        ("list nope", "nope"),
        ("list cwe --sort size_ascending", "cwe_id"),
        ("list cwe --type nonsense", "weakness"),
        ("list atlas --type Tactic,attack-pattern", "not both"),
        ("list cwe --page 0", "--page"),
        ("remove cwe", "name one release, such as cwe@4.14"),
        ("remove cwe@all", "name one release"),
        ("changes cwe 4.14", "TO"),
        ("changes cwe 4.14 4.15 --change grown", "grown"),
        ("jobs --state dreaming", "dreaming"),
        ("search text --kb nope", "nope"),
        ("navigator G0016 --kb cwe", "cwe"),
        ("export cwe", "--output"),
        ("export cwe --format xml -o file", "xml"),
        ("serve --port 70000", "--port"),
        ("keys add", "NAME"),
    ],
)
def test_a_usage_error_exits_with_2_and_one_line(command: Command, words: str, message: str) -> None:
    outcome = command(*words.split())
    assert outcome.code == 2
    assert outcome.stdout == ""
    assert outcome.stderr.count("\n") == 1
    assert message in outcome.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("get T1059", "no knowledge base is installed"),
        ("get CWE-79 --kb cwe", "ctibutler install cwe"),
        ("list cwe", "ctibutler install cwe"),
        ("search injection", "no knowledge base is installed"),
        ("navigator G0016", "attack-enterprise"),
        ("remove cwe@4.15", "cwe 4.15"),
        ("changes cwe 4.14 4.15", "cwe"),
        ("export cwe@4.15 -o cwe.json", "cwe"),
        ("jobs 0000", "0000"),
        ("keys remove nobody", "nobody"),
    ],
)
def test_a_failure_exits_with_1_and_one_line(command: Command, words: str, message: str) -> None:
    outcome = command(*words.split())
    assert outcome.code == 1
    assert outcome.stdout == ""
    assert outcome.stderr.count("\n") == 1
    assert message in outcome.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("list attack", "`attack` is several knowledge bases: name attack-enterprise, attack-mobile or attack-ics"),
        (
            "versions atack",
            "no knowledge base `atack`; did you mean attack, attack-enterprise, attack-mobile or attack-ics?",
        ),
        ("search x --kb cew", "no knowledge base `cew`; did you mean cwe?"),
        (
            "versions xyzzy",
            "no knowledge base `xyzzy`; choose from attack-enterprise, attack-mobile, attack-ics, capec, cwe, atlas, disarm,"
            " d3fend, mitre-f3, location, sector, tlp",
        ),
        ("install d3fned@1.2.0", "no knowledge base `d3fned`; did you mean d3fend?"),
        (
            "list atlas --type Tecnique",
            "--type: atlas has no type `Tecnique`; did you mean Technique or Sub-technique?",
        ),
        ("list cwe --type nonsense", "--type: cwe has no type `nonsense`; choose from weakness, grouping"),
        ("list cwe --sort name", "--sort: `name` needs a direction: name_ascending or name_descending"),
        (
            "list tlp --sort size_ascending",
            "--sort: `size_ascending` is not one of modified, created, name, type, tlp_id, followed by _ascending or"
            " _descending",
        ),
        ("list cwe --page 0", "Invalid value for '--page': 0 is less than 1; see ctibutler list cwe --help"),
        ("serve --port 70000", "Invalid value for '--port': 70000 is more than 65535; see ctibutler serve --help"),
        ("get T1 --bundle --detail", "--detail cannot be used with --bundle: a bundle contains only STIX objects"),
        ("completion", "Missing argument 'SHELL'. Choose from: bash, zsh, fish; see ctibutler completion --help"),
        ("list --bogus", "No such option '--bogus'; see ctibutler list --help"),
    ],
)
def test_similar_words_are_suggested_for_a_mistyped_one(command: Command, words: str, message: str) -> None:
    outcome = command(*words.split())
    assert outcome.code == 2
    assert outcome.stderr.split(": ", 1)[1] == f"{message}\n"


def test_names_of_knowledge_bases_are_case_insensitive(stocked: Command) -> None:
    assert (
        stocked.done("list", "DISARM", "--id", "TA05").stdout == stocked.done("list", "disarm", "--id", "TA05").stdout
    )


def test_the_status_counts_jobs_by_state_if_there_are_any(command: Command, stocked: Command) -> None:
    assert "jobs       none\n" in command.done("status").stdout
    assert re.search(r"\njobs       \d+ completed\n", stocked.done("status").stdout)


def test_invalid_settings_are_a_usage_error(command: Command) -> None:
    outcome = command("status", CTIBUTLER_PORT="many", CTIBUTLER_ACCESS="perhaps")
    assert outcome.code == 2
    assert "CTIBUTLER_PORT" in outcome.stderr
    assert "CTIBUTLER_ACCESS" in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert command("status", CTIBUTLER_DATABASE_URL="mysql://somewhere").code == 2


def test_an_unusable_data_folder_is_reported(command: Command) -> None:
    in_the_way = command.folder / "file"
    in_the_way.write_text("not a folder")
    outcome = command("status", CTIBUTLER_DATA_DIR=str(in_the_way / "data"))
    assert outcome.code == 1
    assert str(in_the_way) in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_a_closed_pipe_is_not_an_error(stocked: Command) -> None:
    process = stocked.start("list", "location", "--page-size", "1000", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        message = process.stderr.read()
    assert process.wait(30) == 0
    assert message == ""


def test_a_new_knowledge_base_needs_only_its_declaration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    chess = replace(
        TLP,
        slug="chess",
        aliases=("schach",),
        title="Chess openings",
        database_name="chess",
        id_parameter="chess_id",
        version_parameter="chess_version",
        job_type="chess-update",
        id_prefix="",
        primary_id=external_id_of("chess"),
        examples=("C20",),
        listed_types=("attack-pattern", "tool"),
        type_words=(TypeWord("Opening", ("attack-pattern",)),),
        bucket=BucketFiles("chess", "chess-{}.json"),
    )
    hosted = KnowledgeBases([*ALL, chess])
    opening = {
        "type": "attack-pattern",
        "spec_version": "2.1",
        "id": "attack-pattern--00000000-0000-4000-8000-00000000c200",
        "created": "2020-01-01T00:00:00.000Z",
        "modified": "2020-01-01T00:00:00.000Z",
        "name": "King's pawn",
        "external_references": [{"source_name": "chess", "external_id": "C20"}],
    }
    file = tmp_path / "chess.json"
    file.write_text(
        json.dumps({"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000001", "objects": [opening]})
    )
    monkeypatch.setenv("CTIBUTLER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CTIBUTLER_BUCKET", "")
    monkeypatch.chdir(tmp_path)

    assert end_of(hosted, ["install", "chess@1", "--from", str(file), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["jobs"][0]["type"] == "chess-update"
    for words in (["list", "chess", "--type", "Opening"], ["list", "schach", "--id", "c20"], ["get", "C20"]):
        assert end_of(hosted, [*words, "--json"]) == 0
        assert "King's pawn" in capfd.readouterr().out
    assert end_of(hosted, ["--help"]) == 0
    assert "chess" in capfd.readouterr().out
    assert "chess" not in {kb.slug for kb in HOSTED.all}


def test_the_command_reference_shows_only_defaults_that_can_be_typed() -> None:
    reference = (Path(__file__).parents[2] / "docs/reference/commands.md").read_text("utf-8")
    rows = [row.replace("\\|", "").split(" | ") for row in reference.splitlines() if row.startswith("| `")]
    typed = {
        "",
        "`1`",
        "`6`",
        "`20`",
        "`stix`",
        "`True`",
        "`modified_descending`",
        "`name_ascending`",
        "`any`",
        "`result`",
        "`none`",
        "`techniques`",
    }
    assert {row[1] for row in rows} == typed

"""Shell completion: the values that are offered, and how bash completes them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctibutler.cli.application import COMMANDS
from ctibutler.knowledge_bases import ALL
from tests.cli.bash import Bash, bash
from tests.cli.command import Command


def offered(command: Command, line: str, program: str = "zsh", **environment: str) -> dict[str, str]:
    """The values offered for the last word of a line, with their descriptions, in the format for zsh and fish."""
    words = line.split(" ")
    variables = {"_CTIBUTLER_COMPLETE": f"{program}_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    if program == "fish":
        variables["COMP_CWORD"] = words[-1]
    outcome = command(**variables, **environment)
    assert (outcome.code, outcome.stderr) == (0, "")
    lines = outcome.stdout.splitlines()
    if program == "fish":
        pairs = [line.removeprefix("plain,").partition("\t")[::2] for line in lines]
        return {value: meaning or "_" for value, meaning in pairs}
    return {value.replace(r"\:", ":"): meaning for value, meaning in zip(lines[1::3], lines[2::3], strict=True)}


def test_commands_are_offered_with_their_help(command: Command) -> None:
    assert offered(command, "ctibutler ") == COMMANDS
    assert list(offered(command, "ctibutler ex")) == ["export"]
    assert "--include-revoked" in offered(command, "ctibutler list cwe --inc")


def test_knowledge_bases_are_offered_with_their_titles(command: Command) -> None:
    titles = {kb.slug: kb.title for kb in ALL}
    for line in ("versions ", "changes ", "get --kb ", "search --kb ", "export "):
        assert offered(command, f"ctibutler {line}") == titles
    matrices = ", ".join(kb.title for kb in ALL if kb.family == "attack")
    for line in ("install ", "mirror kb ", "remove "):
        assert offered(command, f"ctibutler {line}") == {"attack": matrices, **titles}
    assert set(offered(command, "ctibutler list ")) == set(titles)
    assert list(offered(command, "ctibutler versions f")) == ["f3"]  # an alias, if no name has this prefix
    assert list(offered(command, "ctibutler search --kb cwe,ca")) == ["cwe,capec"]


def test_installed_and_available_releases_are_offered(stocked: Command) -> None:
    stocked.done("versions")  # reads the bucket's list
    atlas = offered(stocked, "ctibutler install atlas@")
    assert atlas["atlas@5.6.0"] == "installed"
    assert atlas["atlas@4.9.0"] == "available"
    assert list(atlas)[-1] == "atlas@all"
    assert offered(stocked, "ctibutler export disarm@") == {"disarm@1.6": "latest", "disarm@1.5": "_"}
    assert list(offered(stocked, "ctibutler export dis")) == ["disarm", "disarm@1.6", "disarm@1.5"]
    assert list(offered(stocked, "ctibutler changes disarm ")) == ["1.6", "1.5"]
    assert list(offered(stocked, "ctibutler changes disarm 1.5 ")) == ["1.6", "1.5", "latest"]
    assert offered(stocked, "ctibutler get T0043 --release 1.")["1.0"] == "location, sector"
    assert list(offered(stocked, "ctibutler list disarm --release 1.")) == ["1.6", "1.5"]
    assert offered(stocked, "ctibutler export cwe@") == {}
    assert list(offered(stocked, "ctibutler remove dis")) == ["disarm@1.6", "disarm@1.5"]
    assert list(offered(stocked, "ctibutler remove attack@")) == ["attack@18.1"]
    assert offered(stocked, "ctibutler install attack@18.")["attack@18.0"] == "available"
    assert offered(stocked, "ctibutler export attack@") == {}


def test_ids_are_offered_with_the_names_of_their_objects(stocked: Command) -> None:
    assert offered(stocked, "ctibutler get T0086.00") == {
        "T0086.001": "Develop Memes",
        "T0086.002": "Develop AI-Generated Images (Deepfakes)",
        "T0086.003": "Deceptively Edit Images (Cheap Fakes)",
        "T0086.004": "Aggregate Information into Evidence Collages",
    }
    assert list(offered(stocked, "ctibutler get t0086.003")) == ["T0086.003"]
    # The prefix may be left out, or be added to an id that is published without it.
    assert offered(stocked, "ctibutler get TLP:RE") == {"TLP:red": "TLP:RED"}
    assert offered(stocked, "ctibutler get --kb tlp re") == {"red": "TLP:RED"}
    assert offered(stocked, "ctibutler get --kb tlp TL") == offered(stocked, "ctibutler get TLP:")
    # T0043 left DISARM with release 1.6.
    assert offered(stocked, "ctibutler get --kb disarm T0043") == {}
    assert offered(stocked, "ctibutler get --kb disarm --release 1.5 T0043")["T0043"] == "Chat Apps"
    assert list(offered(stocked, "ctibutler list disarm --id TA05,TA06,TA0")) == [
        f"TA05,TA06,TA{number:02d}" for number in (1, 2, *range(7, 10))
    ]
    assert "G0034" in offered(stocked, "ctibutler navigator G00")
    assert offered(stocked, "ctibutler navigator T0") == {}


def test_very_many_ids_are_offered_without_names(stocked: Command) -> None:
    every = offered(stocked, "ctibutler get --kb disarm ")
    assert len(every) > 300
    assert set(every.values()) == {"_"}


def test_types_are_offered(stocked: Command) -> None:
    assert list(offered(stocked, "ctibutler list attack-ics --type Gr")) == ["Group"]
    assert list(offered(stocked, "ctibutler list cwe --type Tech")) == []
    assert list(offered(stocked, "ctibutler changes disarm 1.5 1.6 --type rel")) == ["relationship"]
    assert list(offered(stocked, "ctibutler search x --type rel")) == []
    assert list(offered(stocked, "ctibutler search x --kb attack-ics --type gro")) == ["Group"]
    assert list(offered(stocked, "ctibutler search x --type sub")) == []
    assert list(offered(stocked, "ctibutler search x --type intrusion-set,x-mitre-tac")) == [
        "intrusion-set,x-mitre-tactic"
    ]
    assert list(offered(stocked, "ctibutler list cwe --sort cwe_id_")) == ["cwe_id_ascending", "cwe_id_descending"]
    assert list(offered(stocked, "ctibutler changes disarm 1.5 1.6 --change add")) == ["added"]
    assert list(offered(stocked, "ctibutler export tlp --format a")) == ["arangodb"]


def test_questions_are_offered_for_objects_of_their_kind(stocked: Command) -> None:
    of_groups = offered(stocked, "ctibutler get G0034 ")
    assert list(of_groups) == ["techniques", "software", "campaigns", "similar", "successors"]
    assert of_groups["campaigns"] == "Campaigns that are attributed to it."
    assert list(offered(stocked, "ctibutler get T0859,T0886 mi")) == ["mitigations"]
    assert list(offered(stocked, "ctibutler compare G0034 G0035 --by so")) == ["software"]
    assert list(offered(stocked, "ctibutler questions sec")) == ["sector"]
    assert list(offered(stocked, "ctibutler questions G0034")) == ["G0034"]


def test_sources_and_folders_are_offered(command: Command) -> None:
    assert list(offered(command, "ctibutler mirror kb cwe --source ")) == [
        "publisher",
        "bucket",
        "snapshot",
        "built-in",
    ]
    assert list(offered(command, "ctibutler mirror kb cwe --source=pub")) == ["--source=publisher"]
    variables = {"_CTIBUTLER_COMPLETE": "zsh_complete", "COMP_WORDS": "ctibutler mirror kb cwe --source ./k"}
    assert command(COMP_CWORD="5", **variables).stdout.splitlines()[:2] == ["dir", "./k"]


def test_jobs_are_offered(stocked: Command) -> None:
    jobs = stocked.done("jobs", "--json").json["jobs"]
    ids = offered(stocked, "ctibutler jobs ")
    assert sorted(ids) == sorted(job["id"] for job in jobs)
    assert "disarm 1.5: completed" in ids.values()
    assert list(offered(stocked, "ctibutler jobs --state comp")) == ["completed"]
    assert list(offered(stocked, "ctibutler jobs --state failed,can")) == ["failed,cancelled"]
    assert list(offered(stocked, "ctibutler jobs --type dis")) == ["disarm-update"]


def test_key_names_are_offered(command: Command) -> None:
    command.done("keys", "add", "opencti", "--write")
    command.done("keys", "add", "grafana")
    assert offered(command, "ctibutler keys remove ") == {"grafana": "read", "opencti": "read and write"}


def test_values_and_descriptions_with_commas_are_offered_in_fish(stocked: Command) -> None:
    assert offered(stocked, "ctibutler list disarm --id TA05,T0086.003", program="fish") == {
        "TA05,T0086.003": "Deceptively Edit Images (Cheap Fakes)"
    }
    assert "--max 1" in stocked.done("completion", "fish").stdout


def test_completion_without_a_catalogue_creates_and_prints_nothing(command: Command) -> None:
    for line in ("get T10", "export tlp@", "changes tlp ", "keys remove ", "search x --type a"):
        assert offered(command, f"ctibutler {line}") == {}
    assert list(offered(command, "ctibutler export tlp")) == ["tlp"]
    assert offered(command, "ctibutler list nothing x") == offered(command, "ctibutler nothing x") == {}
    assert not (command.folder / "data").exists()
    assert offered(command, "ctibutler get T10", CTIBUTLER_PORT="many") == {}
    assert offered(command, "ctibutler get T10", CTIBUTLER_DATABASE_URL="postgresql://127.0.0.1:1/none") == {}


@pytest.mark.parametrize("content", [b"", b"this is no database"])
def test_completion_leaves_a_file_that_is_not_a_catalogue_unchanged(command: Command, content: bytes) -> None:
    data = command.folder / "data"
    data.mkdir()
    file = data / "ctibutler.sqlite"
    file.write_bytes(content)
    assert offered(command, "ctibutler get T10") == {}
    assert [path.name for path in data.iterdir()] == ["ctibutler.sqlite"]
    assert file.read_bytes() == content


def test_completion_leaves_a_catalogue_unchanged(stocked: Command) -> None:
    file = stocked.folder / "data" / "ctibutler.sqlite"
    before = file.read_bytes()
    assert offered(stocked, "ctibutler get T0086.001")
    assert file.read_bytes() == before


@pytest.fixture(scope="module")
def shell(stocked: Command, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bash]:
    if shutil.which("bash") is None:
        pytest.skip("no bash")
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "ctibutler"
    command.write_text(f'#!/bin/sh\nexec "{stocked.words()[0]}" -m ctibutler "$@"\n')
    command.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    with bash(stocked.environment(PATH=path)) as started:
        yield started


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("versi", "versions "),
        ("export attack-ics@18", "export attack-ics@18.1 "),
        ("export disarm@", "export disarm@1."),
        ("export dis", "export disarm"),
        ("remove attack-i", "remove attack-ics@18.1 "),
        ("install atlas@5.6", "install atlas@5.6.0 "),
        ("get TLP:R", "get TLP:red "),
        ("get tlp:r", "get tlp:red "),
        ("get --kb=loc", "get --kb=location "),
        ("get --kb loc", "get --kb location "),
        ("get t0086.003", "get T0086.003 "),
        ("list disarm --id TA05,T0086.003", "list disarm --id TA05,T0086.003 "),
        ("list attack-ics --type Detection", r"list attack-ics --type Detection\ Strategy "),
        ("list attack-ics --type 'Detection", "list attack-ics --type 'Detection Strategy' "),
        ("get NOTHING", "get NOTHING"),
    ],
)
def test_bash_completes_words_that_contain_its_word_breaks(shell: Bash, typed: str, completed: str) -> None:
    assert shell.completed(f"ctibutler {typed}") == f"ctibutler {completed}"


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_the_completion_script_is_valid_for_its_shell(command: Command, name: str, tmp_path: Path) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"no {name}")
    script = tmp_path / "script"
    script.write_text(command.done("completion", name).stdout)
    assert subprocess.run([name, "-n", str(script)], capture_output=True).stderr == b""

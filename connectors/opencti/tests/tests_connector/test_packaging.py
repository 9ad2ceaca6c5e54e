"""What surrounds the code: metadata, samples, images."""

import json
import struct
import tomllib
from pathlib import Path

from connector.compatibility import OLDEST_PLATFORM, installed_pycti
from connector.knowledge_bases import ALIASES, NAMES

from tests import config_doc

FOLDER = Path(__file__).resolve().parents[2]


def test_the_schema_and_the_table_of_settings_are_current() -> None:
    assert (
        config_doc.SCHEMA.read_text(encoding="utf-8") == config_doc.schema()
    ), "run python -m tests.config_doc"
    assert (
        config_doc.TABLE.read_text(encoding="utf-8") == config_doc.table()
    ), "run python -m tests.config_doc"


def test_every_setting_of_our_own_is_explained_in_the_readme() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    found, _ = config_doc.properties()
    assert [
        name
        for name in found
        if name.startswith("CTIBUTLER_") and f"`{name}`" not in readme
    ] == []
    assert [name for name in (*NAMES, *ALIASES) if f"`{name}`" not in readme] == []


def test_the_manifest_names_the_oldest_platform() -> None:
    text = (FOLDER / "__metadata__" / "connector_manifest.json").read_text("utf-8")
    assert json.loads(text)["support_version"] == f">={OLDEST_PLATFORM}"


def test_the_logo_is_a_square_of_sufficient_size() -> None:
    width, height = struct.unpack(
        ">II", (FOLDER / "__metadata__" / "logo.png").read_bytes()[16:24]
    )
    assert width == height >= 96


def test_every_dependency_is_bounded_and_the_image_takes_one_pycti() -> None:
    lines = [
        line
        for line in (FOLDER / "src" / "requirements.txt").read_text().splitlines()
        if line[0] != "#"
    ]
    assert [line for line in lines if line.startswith("pycti")] == [
        f"pycti>={OLDEST_PLATFORM},<8"
    ]
    assert all("<" in line for line in lines)
    assert f"ARG PYCTI={installed_pycti()}" in (FOLDER / "Dockerfile").read_text()


def test_nothing_private_of_pycti_is_used() -> None:
    for file in (FOLDER / "src").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "helper._" not in text
        assert "pycti._" not in text
    assert tomllib.loads((FOLDER / "pyproject.toml").read_text())["tool"]["mypy"][
        "strict"
    ]

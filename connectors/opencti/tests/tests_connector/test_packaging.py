"""What surrounds the code: metadata, samples, images."""

import json
import struct
import tomllib
from pathlib import Path

import yaml
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


def test_the_sample_holds_nothing_that_the_settings_do_not_know() -> None:
    sample = (FOLDER / "config.yml.sample").read_text(encoding="utf-8")
    uncommented = "\n".join(
        line.replace("  # ", "  ", 1) if line.startswith("  # ") else line
        for line in sample.splitlines()
    )
    found, _ = config_doc.properties()
    for section, values in yaml.safe_load(uncommented).items():
        assert {f"{section}_{key}".upper() for key in values} <= {
            *found,
            "CONNECTOR_ID",
        }


def test_the_manifest_is_what_the_repository_of_connectors_expects() -> None:
    manifest = json.loads(
        (FOLDER / "__metadata__" / "connector_manifest.json").read_text(
            encoding="utf-8"
        )
    )
    assert manifest["slug"] == "ctibutler"
    assert len(manifest["short_description"]) <= 250
    assert manifest["container_type"] == "EXTERNAL_IMPORT"
    assert manifest["contact"] is None or manifest["contact"].strip()
    assert manifest["support_version"] == f">={OLDEST_PLATFORM}"
    for name in ("title", "description", "container_version"):
        assert manifest[name].strip()


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


def test_the_metadata_is_what_the_repository_of_connectors_expects() -> None:
    found, required = config_doc.properties()
    assert "CONNECTOR_ID" not in found
    assert found["CTIBUTLER_KNOWLEDGEBASES"]["default"]
    assert required == ["OPENCTI_URL", "OPENCTI_TOKEN"]
    assert not [
        name for name, entry in found.items() if "anyOf" in entry or "$ref" in entry
    ]


def test_the_compose_file_quotes_no_value() -> None:
    service = yaml.safe_load((FOLDER / "docker-compose.yml").read_text())["services"][
        "connector-ctibutler"
    ]
    assert service["build"] == "."
    assert not [line for line in service["environment"] if '"' in line or "'" in line]


def test_the_image_needs_no_compiler() -> None:
    text = (FOLDER / "Dockerfile").read_text()
    assert "--only-binary=:all:" in text
    assert "USER connector" in text
    assert 'ENTRYPOINT ["python3", "main.py"]' in text


def test_nothing_private_of_pycti_is_used() -> None:
    for file in (FOLDER / "src").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "helper._" not in text
        assert "pycti._" not in text
    assert tomllib.loads((FOLDER / "pyproject.toml").read_text())["tool"]["mypy"][
        "strict"
    ]

"""What OpenCTI's repository of connectors asks of a connector: the rules of its linter and of its metadata tests.

The names in parentheses are the codes of its linter. In that repository this folder is `external-import/ctibutler`.
"""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import config_doc

FOLDER = Path(__file__).resolve().parents[2]
NAME = "ctibutler"
MODULES = {
    path.relative_to(FOLDER / "src").as_posix(): ast.parse(path.read_text("utf-8"))
    for path in sorted((FOLDER / "src").rglob("*.py"))
}
MANIFEST = json.loads(
    (FOLDER / "__metadata__" / "connector_manifest.json").read_text("utf-8")
)
SERVICE = yaml.safe_load((FOLDER / "docker-compose.yml").read_text("utf-8"))[
    "services"
][f"connector-{NAME}"]
COMPOSE_LINE = re.compile(r"^\s*(# )?- ([A-Z_]+)=(.*)$", re.MULTILINE)

USE_CASES = {
    "Adversary & Campaign Insights",
    "Vulnerability & Exploit Awareness",
    "Infrastructure & Attack Surface Visibility",
    "Detection & Response Enablement",
    "Fraud, Financial Crime & Cryptocurrency Monitoring",
    "Brand, Digital Risk & Underground Exposure",
    "Third-Party & Supply Chain Oversight",
    "Cloud, SaaS & Platform Security",
    "Geopolitical, Physical & Hybrid Risk Analysis",
    "Market Vertical & Mission-Specific Intelligence",
    "FIMI & Disinformation",
    "Other",
}
SOLUTION_CATEGORIES = {
    "Threat Intelligence Feed",
    "Endpoint Detection & Response",
    "SIEM & Security Analytics",
    "Malware Analysis & Sandbox",
    "SOAR & Security Automation",
    "Vulnerability & Exposure Management",
    "Attack Surface Management",
    "Network Security",
    "Email Security",
    "AI Security",
    "Incident Response & Case Management",
    "Digital Risk Protection",
    "Governance, Risk & Compliance",
    "Cloud Security",
    "Enrichment & Reputation",
    "Import, Export & Sharing",
    "Other",
}


def nodes(kind: type[ast.AST]) -> Iterator[Any]:
    return (
        node
        for module in MODULES.values()
        for node in ast.walk(module)
        if isinstance(node, kind)
    )


def called(name: str) -> list[ast.Call]:
    """The calls of a method of this name."""
    calls = nodes(ast.Call)
    return [call for call in calls if getattr(call.func, "attr", None) == name]


def imported() -> set[tuple[str, str]]:
    """The module and the top-level package of each import."""
    found = set()
    for name, module in MODULES.items():
        for node in ast.walk(module):
            if isinstance(node, ast.Import):
                found |= {(name, alias.name.split(".")[0]) for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}: a relative import (VC309)"
                found.add((name, str(node.module).split(".")[0]))
    return found


# the manifest


def is_text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


@pytest.mark.parametrize(
    "key",
    [
        "title",
        "slug",
        "description",
        "short_description",
        "support_version",
        "container_version",
    ],
)
def test_the_manifest_has_every_text(key: str) -> None:
    assert is_text(MANIFEST[key])


@pytest.mark.parametrize("key", ["logo", "contact", "subscription_link"])
def test_some_texts_of_the_manifest_may_be_null(key: str) -> None:
    assert MANIFEST[key] is None or is_text(MANIFEST[key])


@pytest.mark.parametrize("key", ["verified", "playbook_supported", "manager_supported"])
def test_switches_of_the_manifest_are_true_or_false(key: str) -> None:
    assert isinstance(MANIFEST[key], bool)


def test_the_manifest_has_only_known_categories() -> None:
    for key, known in (
        ("use_cases", USE_CASES),
        ("solution_categories", SOLUTION_CATEGORIES),
    ):
        assert 1 <= len(MANIFEST[key]) <= 3
        assert set(MANIFEST[key]) <= known
    assert MANIFEST["license_type"] in ("Free", "Commercial", None)
    assert MANIFEST["container_type"] == "EXTERNAL_IMPORT"


def test_the_manifest_is_verified_with_a_date_or_not_at_all() -> None:
    assert MANIFEST["verified"] == (MANIFEST["last_verified_date"] is not None)
    if MANIFEST["last_verified_date"]:
        date.fromisoformat(MANIFEST["last_verified_date"])


def test_the_confidence_level_of_the_manifest_is_a_whole_number_up_to_100() -> None:
    assert isinstance(MANIFEST["max_confidence_level"], int)
    assert 0 <= MANIFEST["max_confidence_level"] <= 100


def test_the_manifest_names_image_and_place_after_the_folder() -> None:
    """VC202, VC203."""
    assert MANIFEST["slug"] == NAME
    assert MANIFEST["container_version"] == "rolling"
    assert MANIFEST["container_image"] == f"opencti/connector-{NAME}"
    repository = "https://github.com/OpenCTI-Platform/connectors/"
    assert MANIFEST["source_code"] == f"{repository}tree/master/external-import/{NAME}"
    assert MANIFEST["logo"] == f"external-import/{NAME}/__metadata__/logo.png"
    assert (FOLDER / "__metadata__" / "logo.png").is_file()
    assert len(MANIFEST["short_description"]) <= 200


# the schema of the settings


def test_the_schema_is_one_that_the_platform_can_show() -> None:
    schema = json.loads(config_doc.SCHEMA.read_text("utf-8"))
    address = f"https://www.filigran.io/connectors/{NAME}_config.schema.json"
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == address
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is True
    assert schema["required"] == ["OPENCTI_URL", "OPENCTI_TOKEN"]
    assert "CONNECTOR_ID" not in schema["properties"]
    for name, entry in schema["properties"].items():
        assert not {"anyOf", "oneOf", "allOf", "$ref"} & set(entry), name


def test_every_list_has_a_default_that_the_form_can_show() -> None:
    """VC326."""
    found, _ = config_doc.properties()
    lists = {
        name: entry.get("default")
        for name, entry in found.items()
        if entry.get("type") == "array"
    }
    assert lists == {
        "CONNECTOR_SCOPE": ["ctibutler"],
        "CTIBUTLER_KNOWLEDGEBASES": ["attack"],
    }


# samples and image


def test_the_compose_file_has_the_expected_placeholders() -> None:
    """VC101, VC102, VC401."""
    written = dict(line.split("=", 1) for line in SERVICE["environment"])
    assert written.pop("OPENCTI_URL") == "http://localhost"
    assert set(written.values()) == {"ChangeMe"}
    assert {"OPENCTI_TOKEN", "CONNECTOR_ID", "CTIBUTLER_API_KEY"} == set(written)
    assert SERVICE["image"] == f"opencti/connector-{NAME}:latest"


def test_what_the_compose_file_comments_out_is_the_default() -> None:
    """VC103, VC104."""
    found, _ = config_doc.properties()
    lines = COMPOSE_LINE.findall((FOLDER / "docker-compose.yml").read_text("utf-8"))
    commented = {name: value for mark, name, value in lines if mark}
    assert commented
    for name, value in commented.items():
        assert name.startswith(("OPENCTI_", "CONNECTOR_", f"{NAME.upper()}_"))
        default = found[name]["default"]
        assert value == (
            ",".join(default) if isinstance(default, list) else str(default)
        )


def test_the_sample_file_comments_out_every_default_and_nothing_else() -> None:
    """VC104."""
    text = (FOLDER / "config.yml.sample").read_text("utf-8")
    active = yaml.safe_load(text)
    uncommented = yaml.safe_load(re.sub(r"^  # (?=\w+:)", "  ", text, flags=re.M))
    found, required = config_doc.properties()
    assert {
        f"{section}_{key}".upper() for section in active for key in active[section]
    } == {*required, "CONNECTOR_ID", "CTIBUTLER_API_KEY"}
    for section, values in uncommented.items():
        for key, value in values.items():
            name = f"{section}_{key}".upper()
            if key not in active[section]:
                default = found[name]["default"]
                default = ",".join(default) if isinstance(default, list) else default
                assert value == default, name
    ours = {name for name in found if name.startswith(f"{NAME.upper()}_")}
    assert {f"CTIBUTLER_{key}".upper() for key in uncommented["ctibutler"]} == ours


def test_the_image_starts_a_file_that_is_in_it() -> None:
    """VC402. The image is theirs: Alpine, Python 3.12, no compiler, no root."""
    lines = (FOLDER / "Dockerfile").read_text("utf-8").splitlines()
    words = dict(line.split(" ", 1) for line in lines if line[:1].isupper())
    assert words["FROM"] == "python:3.12-alpine"
    assert words["ENTRYPOINT"] == '["python", "main.py"]'
    assert words["USER"] == "connector"
    copied = dict(line.split()[1:3] for line in lines if line.startswith("COPY "))
    assert copied["src"] == words["WORKDIR"] == f"/opt/opencti-connector-{NAME}"
    assert copied["__metadata__"] == f"{words['WORKDIR']}/__metadata__"
    for name in ("main.py", "requirements.txt"):
        assert (FOLDER / "src" / name).is_file()
    assert "--only-binary=:all:" in "\n".join(lines)


# the code


def test_the_settings_are_built_on_the_classes_of_the_sdk() -> None:
    """VC303, VC305: the SDK is imported in one place, and the settings derive from its classes."""
    modules = imported()
    assert [name for name, package in modules if package == "connectors_sdk"] == [
        "connector/sdk.py"
    ]
    assert [name for name, package in modules if package == "pydantic_settings"] == [
        "connector/standalone_settings.py"
    ]
    bases = {
        node.name: {getattr(base, "id", "") for base in node.bases}
        for node in nodes(ast.ClassDef)
    }
    assert bases["ConnectorSettings"] == {"BaseConnectorSettings"}
    assert bases["ExternalImportConnectorConfig"] == {
        "BaseExternalImportConnectorConfig"
    }
    assert bases["CtibutlerConfig"] == {"BaseConfigModel"}


def test_no_stix_object_is_made_by_a_library_that_would_make_up_its_id() -> None:
    """VC313, and the check of ids with pylint: both look for constructors of the package `stix2`."""
    assert "stix2" not in {package for _, package in imported()}


def test_every_error_is_logged_as_one() -> None:
    """VC307: not with `info` or `debug` alone."""
    for handler in nodes(ast.ExceptHandler):
        calls = {
            getattr(node.func, "attr", "")
            for statement in handler.body
            for node in ast.walk(statement)
            if isinstance(node, ast.Call)
        }
        assert not calls & {"info", "debug"} or calls & {"warning", "error"}


def test_the_entry_point_prints_a_traceback() -> None:
    """VC308: in the guard of `main.py` itself."""
    (guard,) = (node for node in MODULES["main.py"].body if isinstance(node, ast.If))
    assert ast.unparse(guard.test) == "__name__ == '__main__'"
    (attempt,) = (node for node in guard.body if isinstance(node, ast.Try))
    assert "traceback.print_exc()" in ast.unparse(attempt.handlers[0])


def test_runs_are_scheduled_and_works_opened_and_closed_by_pycti() -> None:
    """VC314, VC315, VC316, VC501."""
    assert len(called("schedule_process")) == 1
    assert len(called("initiate_work")) == 1
    (closing,) = called("to_processed")
    assert "in_error" in {keyword.arg for keyword in closing.keywords}
    assert called("schedule_unit") == []


def test_nothing_that_the_platform_removed_is_used() -> None:
    """VC502, VC503, VC504, VC506."""
    attributes = {node.attr for node in nodes(ast.Attribute)}
    assert not {name for name in attributes if name.startswith("log_")} - {"log_level"}
    assert "connect_confidence_level" not in attributes
    assert "confidence" not in {node.arg for node in nodes(ast.keyword)}
    names = set(config_doc.properties()[0])
    assert not {name for name in names if name.endswith("_INTERVAL")}
    assert not names & {"CONNECTOR_CONFIDENCE_LEVEL", "CONNECTOR_UPDATE_EXISTING_DATA"}


def test_the_rules_that_do_not_fit_are_named_with_a_reason() -> None:
    text = (FOLDER / "pyproject.toml").read_text("utf-8")
    ignored = tomllib.loads(text)["tool"]["connector-linter"]["ignore"]
    assert ignored == ["VC301", "VC302", "VC312"]
    for code in ignored:
        assert re.search(rf'^    "{code}",  # \w', text, re.MULTILINE), code

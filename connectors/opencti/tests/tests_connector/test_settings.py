"""What an operator may write, and what is said about mistakes."""

from pathlib import Path
from typing import Any

import pytest
from connector.settings import ConfigValidationError, ConnectorSettings

WRITTEN: dict[str, dict[str, Any]] = {
    "opencti": {
        "url": "http://localhost:8080",
        "token": "5f1b3bd6-6b2e-4d5b-9c8a-1f0f4f3f2c11",
    },
    "connector": {"id": "0f8e4c1c-4a3e-4f2c-8d2b-0a1b2c3d4e5f"},
    "ctibutler": {"base_url": "http://localhost:8006", "knowledgebases": "cwe"},
}


def settings(
    monkeypatch: pytest.MonkeyPatch, **changes: dict[str, Any]
) -> ConnectorSettings:
    merged = {
        name: {**section, **changes.get(name, {})} for name, section in WRITTEN.items()
    }
    raw = {
        name: {k: v for k, v in section.items() if v is not None}
        for name, section in merged.items()
    }

    class Written(ConnectorSettings):
        @classmethod
        def _load_config_dict(cls, _: Any, handler: Any) -> Any:
            return handler(raw)

    return Written()


def test_the_defaults_are_those_of_the_documentation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = settings(monkeypatch)
    assert found.connector.name == "CTI Butler"
    assert found.connector.duration_period.days == 7
    assert found.ctibutler.removed == "revoke"
    assert found.ctibutler.api_key is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("cwe, capec ,", ["capec", "cwe"]),
        ('"CWE"', ["cwe"]),
        ("attack,f3", ["attack-enterprise", "attack-mobile", "attack-ics", "mitre-f3"]),
        (["sector", "location"], ["location", "sector"]),
        ("tlp", ["tlp"]),
    ],
)
def test_knowledge_bases_are_sorted_into_the_order_of_import(
    monkeypatch: pytest.MonkeyPatch, written: Any, meant: list[str]
) -> None:
    assert (
        settings(
            monkeypatch, ctibutler={"knowledgebases": written}
        ).ctibutler.knowledgebases
        == meant
    )


def test_all_means_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        len(
            settings(
                monkeypatch, ctibutler={"knowledgebases": "all"}
            ).ctibutler.knowledgebases
        )
        == 11
    )


def test_the_duration_overrides_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(
        monkeypatch,
        connector={"duration_period": "PT6H"},
        ctibutler={"interval_days": 3},
    )
    assert found.connector.duration_period.total_seconds() == 6 * 3600
    assert (
        settings(
            monkeypatch, ctibutler={"interval_days": "0"}
        ).connector.duration_period.total_seconds()
        == 0
    )


def test_releases_can_be_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(
        monkeypatch, ctibutler={"versions": "attack-enterprise=17_1, cwe = v4.14"}
    )
    assert found.ctibutler.versions == {"attack-enterprise": "17.1", "cwe": "4.14"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"opencti": {"url": "localhost"}}, "OPENCTI_URL"),
        ({"opencti": {"token": "ChangeMe"}}, "OPENCTI_TOKEN: set the token"),
        ({"connector": {"id": "ChangeMe"}}, "CONNECTOR_ID: expected a UUIDv4"),
        (
            {"connector": {"id": "00abedb4-aa42-166c-9c01-fed23315a9b7"}},
            "CONNECTOR_ID: expected a UUIDv4",
        ),
        ({"connector": {"log_level": "loud"}}, "CONNECTOR_LOG_LEVEL"),
        (
            {"connector": {"run_and_terminate": "1"}},
            "CONNECTOR_RUN_AND_TERMINATE: expected true or false",
        ),
        ({"connector": {"duration_period": "weekly"}}, "CONNECTOR_DURATION_PERIOD"),
        ({"ctibutler": {"knowledgebases": " , "}}, "CTIBUTLER_KNOWLEDGEBASES"),
        (
            {"ctibutler": {"knowledgebases": "cwe,cve"}},
            "unknown: cve. Allowed: attack-enterprise, attack-mobile",
        ),
        ({"ctibutler": {"interval_days": "soon"}}, "CTIBUTLER_INTERVAL_DAYS"),
        ({"ctibutler": {"interval_days": -1}}, "CTIBUTLER_INTERVAL_DAYS"),
        ({"ctibutler": {"base_url": "ftp://x"}}, "CTIBUTLER_BASE_URL"),
        (
            {"ctibutler": {"base_url": "https://api.ctibutler.com/"}},
            "CTIBUTLER_API_KEY: is required for api.ctibutler.com",
        ),
        (
            {"ctibutler": {"versions": "4.14"}},
            "CTIBUTLER_VERSIONS: expected pairs such as `cwe=4.17`",
        ),
        ({"ctibutler": {"versions": "cve=1"}}, "CTIBUTLER_VERSIONS: unknown: cve"),
        ({"ctibutler": {"verify_ssl": "/no/such/file"}}, "CTIBUTLER_VERIFY_SSL"),
        ({"ctibutler": {"timeout": 0}}, "CTIBUTLER_TIMEOUT"),
        ({"ctibutler": {"concurrency": 17}}, "CTIBUTLER_CONCURRENCY"),
        ({"ctibutler": {"removed": "destroy"}}, "CTIBUTLER_REMOVED"),
        ({"ctibutler": {"marking": "purple"}}, "CTIBUTLER_MARKING"),
    ],
)
def test_a_mistake_is_named(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigValidationError) as problem:
        settings(monkeypatch, **changes)
    assert said in str(problem.value)


def test_all_mistakes_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigValidationError) as problem:
        settings(
            monkeypatch,
            opencti={"url": None, "token": None},
            connector={"id": "x"},
            ctibutler={
                "base_url": "https://api.ctibutler.com",
                "knowledgebases": "cve",
                "interval_days": "x",
            },
        )
    said = str(problem.value)
    for name in (
        "OPENCTI_URL",
        "OPENCTI_TOKEN",
        "CONNECTOR_ID",
        "CTIBUTLER_API_KEY",
        "CTIBUTLER_KNOWLEDGEBASES",
        "CTIBUTLER_INTERVAL_DAYS",
    ):
        assert f"  {name}: " in said


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, ctibutler={"api_key": "a-secret-key"})
    assert "a-secret-key" not in repr(found)
    assert found.ctibutler.address().api_key == "a-secret-key"
    assert "a-secret-key" not in repr(found.ctibutler.address())


def test_the_helper_gets_plain_values_and_nothing_else_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = settings(monkeypatch)
    assert WRITTEN["opencti"]["token"] not in found.model_dump_json()
    assert WRITTEN["opencti"]["token"] not in repr(found)
    plain = found.to_helper_config()
    assert plain["opencti"]["token"] == WRITTEN["opencti"]["token"]
    assert plain["connector"]["scope"] == "ctibutler"
    assert plain["connector"]["duration_period"] == "P7D"
    assert plain["connector"]["type"] == "EXTERNAL_IMPORT"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {"api_key": "", "versions": "", "interval_days": "", "marking": ""}
    assert (
        settings(monkeypatch, ctibutler=empty).model_dump()
        == settings(monkeypatch).model_dump()
    )


def test_only_settings_that_change_the_result_change_the_digest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digest = settings(monkeypatch).ctibutler.mapping_digest()
    assert (
        settings(
            monkeypatch, ctibutler={"timeout": 5, "removed": "keep"}
        ).ctibutler.mapping_digest()
        == digest
    )
    assert (
        settings(monkeypatch, ctibutler={"marking": "green"}).ctibutler.mapping_digest()
        != digest
    )


def test_the_environment_overrides_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import sys

    (tmp_path / "config.yml").write_text(
        "opencti:\n  url: http://file:8080\n  token: from-the-file\n"
        "connector:\n  name: From the file\n"
        "ctibutler:\n  base_url: http://file:8006\n  knowledgebases: [cwe, capec]\n"
    )
    (tmp_path / ".env").write_text("CONNECTOR_NAME=From dotenv\n")
    (tmp_path / "src").mkdir()
    for name in (
        "OPENCTI_URL",
        "OPENCTI_TOKEN",
        "CONNECTOR_NAME",
        "CTIBUTLER_KNOWLEDGEBASES",
        "CTIBUTLER_BASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        sys.modules["__main__"],
        "__file__",
        str(tmp_path / "src" / "main.py"),
        raising=False,
    )
    monkeypatch.setenv("OPENCTI_TOKEN", "from-the-environment")
    monkeypatch.setenv("CTIBUTLER_API_KEY", "")
    found = ConnectorSettings()
    assert found.opencti.token.get_secret_value() == "from-the-environment"
    assert found.connector.name == "From the file"
    assert found.ctibutler.knowledgebases == ["capec", "cwe"]
    assert found.ctibutler.api_key is None


def test_dotenv_in_the_folder_above_is_read_without_a_config_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import sys

    (tmp_path / ".env").write_text(
        "# a comment\nOPENCTI_URL=http://dotenv:8080\nOPENCTI_TOKEN='quoted'\n"
        "CTIBUTLER_BASE_URL=http://dotenv:8006\nCTIBUTLER_KNOWLEDGEBASES=sector\n"
    )
    for name in (
        "OPENCTI_URL",
        "OPENCTI_TOKEN",
        "CTIBUTLER_KNOWLEDGEBASES",
        "CTIBUTLER_BASE_URL",
    ):
        monkeypatch.setenv(name, "to be removed after the test")
        monkeypatch.delenv(name)
    monkeypatch.setattr(
        sys.modules["__main__"],
        "__file__",
        str(tmp_path / "src" / "main.py"),
        raising=False,
    )
    found = ConnectorSettings()
    assert found.opencti.token.get_secret_value() == "quoted"
    assert str(found.opencti.url) == "http://dotenv:8080/"

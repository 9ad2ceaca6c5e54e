"""The entry point, with the platform's client replaced."""

import os
import runpy
from typing import Any

import pytest
from connector.connector import CtiButlerConnector
from connector.settings import ConnectorSettings

from tests.conftest import SOURCE

RAW = {
    "opencti": {
        "url": "http://localhost:8080",
        "token": "5f1b3bd6-6b2e-4d5b-9c8a-1f0f4f3f2c11",
    },
    "connector": {
        "id": "0f8e4c1c-4a3e-4f2c-8d2b-0a1b2c3d4e5f",
        "scope": "ctibutler",
        "log_level": "error",
    },
    "ctibutler": {"base_url": "http://localhost:8006", "knowledgebases": "cwe"},
}


def configure(monkeypatch: pytest.MonkeyPatch, raw: dict[str, dict[str, str]]) -> None:
    """Have the settings in the environment, and nothing else."""
    for name in list(os.environ):
        if name.startswith(
            ("OPENCTI_", "CONNECTOR_", "CTIBUTLER_")
        ) and not name.startswith("CTIBUTLER_TEST"):
            monkeypatch.delenv(name)
    for section, values in raw.items():
        for name, value in values.items():
            monkeypatch.setenv(f"{section}_{name}".upper(), value)


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> Any:
    from unittest.mock import MagicMock

    from pycti import OpenCTIConnectorHelper

    place = "pycti.connector.opencti_connector_helper"
    for name in (
        "OpenCTIApiClient",
        "PingAlive",
        "OpenCTIMetricHandler",
        "sched.scheduler",
        "killProgramHook",
    ):
        monkeypatch.setattr(f"{place}.{name}", MagicMock())
    configure(monkeypatch, RAW)
    return OpenCTIConnectorHelper(config=ConnectorSettings().to_helper_config())


def test_settings_helper_and_connector_fit_together(helper: Any) -> None:
    connector = CtiButlerConnector(ConnectorSettings(), helper)
    assert helper.connect_name == "CTI Butler"
    assert helper.connect_scope == "ctibutler"
    assert helper.connect_duration_period == "P7D"
    assert connector.failed is False


def test_an_unusable_configuration_exits_with_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main = runpy.run_path(str(SOURCE / "main.py"))["main"]
    configure(monkeypatch, {name: {} for name in RAW})
    assert main() == 2
    assert "OPENCTI_URL: is required" in capsys.readouterr().err

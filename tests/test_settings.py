"""Settings: how the text of a variable is read, and the messages about invalid ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctibutler.errors import InvalidRequest
from ctibutler.settings import Settings, load_settings, read_settings


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("PORT", "9000", 9000),
        ("PORT", " 9000 ", 9000),
        ("PORT", "9000.0", 9000),
        ("DOWNLOAD_MAX_BYTES", "1_000_000", 1_000_000),
        ("UPDATE_DAYS", "0.5", 0.5),
        ("METRICS", "no", False),
        ("AUTO_LINK", "On", True),
        ("ACCESS", " Read-Only ", "read-only"),
        ("CORS_ORIGINS", "https://a.example, https://b.example,", ("https://a.example", "https://b.example")),
        ("SOURCES", "BUILTIN,publisher,built_in", ("built-in", "publisher")),
        ("CACHE_MAX_AGE", "60", 60),
        ("CACHE_MAX_AGE", " ", None),
        ("DATABASE_URL", "", None),
        ("BUCKET", "", ""),
        ("DATA_DIR", "data", Path("data")),
    ],
)
def test_a_variable_is_read_as_its_type(name: str, text: str, value: object) -> None:
    field = name.lower()
    settings = read_settings({f"CTIBUTLER_{name}": text})
    assert getattr(settings, field) == value
    assert settings.given == {field}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("PORT", "many", "`many` is not a whole number"),
        ("PORT", "80.5", "`80.5` is not a whole number"),
        ("PORT", "", "`` is not a whole number"),
        ("PORT", "65536", "`65536` is not at least 0 and at most 65535"),
        ("DOWNLOAD_TIMEOUT", "0", "`0` is not more than 0"),
        ("DOWNLOAD_TIMEOUT", "nan", "`nan` is not more than 0"),
        ("METRICS", "perhaps", "`perhaps` is not true or false"),
        ("ACCESS", "all", "`all` is not one of auto, read-open, keys, read-only, open"),
        ("SOURCES", "bucket,nowhere", "`nowhere` is not one of publisher, bucket, snapshot, built-in"),
    ],
)
def test_the_message_about_an_invalid_value_says_what_is_allowed(name: str, text: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_settings({f"CTIBUTLER_{name}": text})
    assert str(refusal.value) == f"CTIBUTLER_{name}: {message}"


def test_every_invalid_variable_is_reported_at_once() -> None:
    with pytest.raises(InvalidRequest, match=r"CTIBUTLER_PORT: .*; CTIBUTLER_METRICS: "):
        read_settings({"CTIBUTLER_METRICS": "perhaps", "CTIBUTLER_PORT": "many"})


def test_the_largest_page_cannot_be_smaller_than_the_default_page() -> None:
    with pytest.raises(InvalidRequest, match="CTIBUTLER_MAX_PAGE_SIZE"):
        read_settings({"CTIBUTLER_MAX_PAGE_SIZE": "10"})


def test_environment_variables_in_any_case_override_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CTIBUTLER_PORT", "CTIBUTLER_HOST", "CTIBUTLER_BUCKET"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text(
        "# a comment\nCTIBUTLER_HOST='::1'\nexport CTIBUTLER_PORT=1\nctibutler_log_level=error\nCTIBUTLER_BUCKET\nOTHER=1\n"
    )
    monkeypatch.setenv("ctibutler_port", "2")
    settings = load_settings()
    assert (settings.host, settings.port, settings.log_level) == ("::1", 2, "error")
    assert "bucket" not in settings.given


def test_a_configured_bucket_replaces_the_publishers() -> None:
    declared = ("publisher", "bucket", "built-in")
    assert Settings().sources_of(declared) == declared
    same = read_settings({"CTIBUTLER_BUCKET": Settings().bucket})
    assert same.sources_of(declared) == ("bucket", "built-in")
    named = read_settings({"CTIBUTLER_BUCKET": "", "CTIBUTLER_SOURCES": "built-in,publisher"})
    assert named.sources_of(declared) == ("built-in", "publisher")


def test_a_password_is_not_shown() -> None:
    settings = read_settings({"CTIBUTLER_DATABASE_URL": "postgresql://me:secret@db/x"})
    assert settings.url == "postgresql://me:secret@db/x"
    assert "secret" not in repr(settings)

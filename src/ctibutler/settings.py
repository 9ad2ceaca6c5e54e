"""The settings of an installation, from environment variables and a `.env` file.

Read by hand, because every command starts here: pydantic-settings alone takes as long to import as the rest of a command.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

from platformdirs import user_data_path

from ctibutler.errors import InvalidRequest

PREFIX = "CTIBUTLER_"
MIB = 1024 * 1024
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
AccessMode = Literal["auto", "read-open", "keys", "read-only", "open"]

SOURCES = ("publisher", "bucket", "snapshot", "built-in")
"""The names of the sources that every installation has."""


def source_named(word: str) -> str:
    """The source with this name, ignoring case; `builtin` and `built_in` are accepted too.

    Raises ValueError if there is none.
    """
    squashed = word.lower().replace("-", "").replace("_", "")
    for name in SOURCES:
        if name.replace("-", "") == squashed:
            return name
    raise ValueError(f"`{without_secrets(word)}` is not one of {', '.join(SOURCES)}")


# Readers of variables' values. Each raises ValueError with the rest of a sentence that starts with the variable's name.


def _items(value: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in value.split(",") if item.strip())


def _source_names(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(source_named, _items(value))))


def _switch(value: str) -> bool:
    word = value.strip().lower()
    if word in ("1", "true", "t", "yes", "y", "on"):
        return True
    if word in ("0", "false", "f", "no", "n", "off"):
        return False
    raise ValueError(f"`{value}` is not true or false")


@dataclass(frozen=True)
class OneOf:
    """One of these words, ignoring case."""

    words: tuple[str, ...]

    def __call__(self, value: str) -> str:
        """The word."""
        word = value.strip().lower()
        if word not in self.words:
            raise ValueError(f"`{value}` is not one of {', '.join(self.words)}")
        return word


@dataclass(frozen=True)
class Number:
    """A number within limits; a whole number unless `fraction` is set."""

    at_least: float | None = None
    more_than: float | None = None
    at_most: float | None = None
    fraction: bool = False

    @property
    def limits(self) -> str:
        """The limits in words: `at least 0 and at most 65535`."""
        named = {"at least": self.at_least, "more than": self.more_than, "at most": self.at_most}
        return " and ".join(f"{words} {limit:g}" for words, limit in named.items() if limit is not None)

    def __call__(self, value: str) -> float:
        """The number."""
        try:
            number = float(value) if self.fraction else _whole(value)
        except (ValueError, OverflowError):
            raise ValueError(f"`{value}` is not a {'number' if self.fraction else 'whole number'}") from None
        # `not (a >= b)`, because NaN is neither.
        if (
            (self.at_least is not None and not number >= self.at_least)
            or (self.more_than is not None and not number > self.more_than)
            or (self.at_most is not None and not number <= self.at_most)
        ):
            raise ValueError(f"`{value}` is not {self.limits}")
        return number


@dataclass(frozen=True)
class OrUnset:
    """What `read` returns for a value; None for a blank one."""

    read: Callable[[str], Any]

    def __call__(self, value: str) -> Any:
        """The value."""
        return self.read(value) if value.strip() else None


def _whole(value: str) -> int:
    whole, point, rest = value.strip().partition(".")
    return int(whole if point and rest and not rest.strip("0") else value)


def setting(default: Any, description: str, read: Callable[[str], Any] = str, **options: Any) -> Any:
    """A field of `Settings`: its default, its description for the documentation, and how its variable's value is read.

    `options` are those of `dataclasses.field`.
    """
    return dataclasses.field(default=default, metadata={"description": description, "read": read}, **options)


@dataclass(frozen=True)
class Settings:
    """The settings of one process. The variable of a field is `CTIBUTLER_` and the field's name in upper case."""

    data_dir: Path = setting(
        dataclasses.MISSING,
        "Folder of the database. Created if missing. Default: the platform's user data folder.",
        Path,
        default_factory=lambda: user_data_path("ctibutler", appauthor=False),
    )
    database_url: str | None = setting(
        None,
        "The database: `postgresql://USER@HOST/NAME` or `sqlite:///FILE`. Default: an SQLite file in the data folder.",
        OrUnset(str),
        repr=False,  # it may hold a password
    )
    database_read_url: str | None = setting(
        None,
        "A streaming standby of the PostgreSQL database. The API reads from it and changes the primary. Default: it reads"
        " from the primary.",
        OrUnset(str),
        repr=False,
    )
    database_read_lag: float = setting(
        10.0,
        "Seconds that the standby may be behind. If it is further behind, or lost, the API reads from the primary.",
        Number(more_than=0, fraction=True),
    )
    sources: tuple[str, ...] = setting(
        (),
        "Where to get releases, in order of preference: a comma-separated list of `publisher`, `bucket`, `snapshot` and"
        " `built-in`. Default: each knowledge base has its own order.",
        _source_names,
    )
    bucket: str = setting(
        "https://downloads.ctibutler.com/",
        "Folder or URL of a bucket with releases. Empty: no bucket. If you set this, even to nothing, releases no longer"
        " come from the publishers unless `CTIBUTLER_SOURCES` names them.",
    )
    publishers_url: str = setting(
        "",
        "URL of a mirror to use instead of the publishers' own hosts. The host name becomes the first part of the path:"
        " `https://d3fend.mitre.org/a` is fetched from `URL/d3fend.mitre.org/a`. Empty: no mirror.",
    )
    host: str = setting("127.0.0.1", "Address to listen on.")
    port: int = setting(8006, "Port to listen on. 0 picks a free one.", Number(at_least=0, at_most=65535))
    workers: int = setting(1, "Number of server processes.", Number(at_least=1, at_most=64))
    log_level: LogLevel = setting(
        "info", "How much to log: `debug`, `info`, `warning` or `error`.", OneOf(("debug", "info", "warning", "error"))
    )
    log_format: LogFormat = setting(
        "text", "Format of the log: `text` for people, `json` for machines.", OneOf(("text", "json"))
    )

    download_timeout: float = setting(
        10.0, "Seconds to wait for a source that does not respond.", Number(more_than=0, fraction=True)
    )
    download_max_seconds: float = setting(
        600.0, "Seconds that one download may take in total.", Number(more_than=0, fraction=True)
    )
    download_max_bytes: int = setting(
        1024 * MIB, "Maximum size of a download in bytes, as transferred.", Number(more_than=0)
    )
    download_cache_bytes: int = setting(
        256 * MIB,
        "Maximum size in bytes of the download cache in the data folder. Files that have not changed are not downloaded"
        " again. 0 turns the cache off.",
        Number(at_least=0),
    )
    download_retries: int = setting(2, "How many times to retry a failed download.", Number(at_least=0, at_most=10))
    bundle_max_bytes: int = setting(1024 * MIB, "Maximum size of a bundle in bytes, uncompressed.", Number(more_than=0))
    bundle_max_objects: int = setting(2_000_000, "Maximum number of objects in a bundle.", Number(more_than=0))
    bundle_max_depth: int = setting(64, "Maximum nesting depth of an object.", Number(at_least=4, at_most=200))

    default_page_size: int = setting(
        50, "Objects per page if the client does not ask for a number.", Number(at_least=1)
    )
    max_page_size: int = setting(1000, "Maximum number of objects per page.", Number(at_least=1))
    migrate_max_bytes: int = setting(
        10 * MIB, "Maximum size in bytes of the files that are migrated at once.", Number(at_least=1)
    )
    migrate_max_items: int = setting(50_000, "Maximum number of ids that are migrated at once.", Number(at_least=1))
    migrate_max_files: int = setting(
        200, "Maximum number of files that one request may migrate.", Number(at_least=1, at_most=999)
    )
    cors_origins: tuple[str, ...] = setting(
        ("*",), "Web origins that may read responses (CORS): `*` or a comma-separated list.", _items
    )
    access: AccessMode = setting(
        "auto",
        "Who may read and who may make changes. `auto`: open to this machine on a loopback address, like `keys` on any other."
        " `read-open`: anyone may read, changes need a key. `keys`: everything needs a key. `read-only`: anyone may read,"
        " nobody may make changes. `open`: anyone may do both.",
        OneOf(("auto", "read-open", "keys", "read-only", "open")),
    )
    cache_max_age: int | None = setting(
        None,
        "Seconds for which proxies and browsers may reuse a response. Default: they must revalidate.",
        OrUnset(Number(at_least=0)),
    )
    pages: bool = setting(True, "Serve pages for people beside the API. If not, only programs are answered.", _switch)
    metrics: bool = setting(True, "Serve metrics for Prometheus at `/api/metrics/`.", _switch)
    auto_link: bool = setting(True, "Create the links between knowledge bases after each import.", _switch)
    job_retention_days: int | None = setting(
        None, "Days to keep finished jobs. Default: forever.", OrUnset(Number(at_least=1))
    )
    navigator_link: str = setting("https://app.ctibutler.com", "URL in `links[0].url` of Navigator layers.")
    answer_cache_bytes: int = setting(
        64 * MIB,
        "Memory in bytes for cached responses in each server process. 0 turns the cache off.",
        Number(at_least=0),
    )
    read_max_seconds: float = setting(
        30.0,
        "Seconds that answering one request may take. After that the work stops, and the answer is 503.",
        Number(more_than=0, fraction=True),
    )
    slow_reads: int = setting(
        4,
        "How many requests that take long each server process answers at a time. One more is answered with 503 and"
        " `Retry-After`. A request takes long if it needs more than a quarter of a second of processor time, or two seconds"
        " in total.",
        Number(at_least=1, at_most=64),
    )
    max_connections: int | None = setting(
        None,
        "How many connections each server process has at a time. Further ones are answered with 503 and closed. Default: the"
        " limit on open files (`ulimit -n`) minus 288, or half of it, and at most 8192.",
        OrUnset(Number(at_least=1)),
    )
    head_max_seconds: float = setting(
        10.0,
        "Seconds in which a client has to send the head of its request. After that the connection is closed.",
        Number(more_than=0, fraction=True),
    )
    body_max_seconds: float = setting(
        30.0,
        "Seconds in which a client has to send the body of its request. After that the connection is closed.",
        Number(more_than=0, fraction=True),
    )
    idle_max_seconds: float = setting(
        15.0, "Seconds after which a connection without requests is closed.", Number(more_than=0, fraction=True)
    )
    stalled_max_seconds: float = setting(
        30.0,
        "Seconds after which a connection is closed whose client does not read the response.",
        Number(more_than=0, fraction=True),
    )
    job_lease_seconds: float = setting(
        60.0,
        "Seconds after which another worker takes over the job of a worker that no longer reports.",
        Number(more_than=1, fraction=True),
    )
    offer_refresh_hours: float = setting(
        24.0,
        "Hours between two checks of which releases the sources offer. 0: never.",
        Number(at_least=0, fraction=True),
    )
    update_days: float = setting(
        7.0,
        "Days between two updates: a worker installs newer releases of what is installed, and keeps the older ones."
        " 0: never.",
        Number(at_least=0, fraction=True),
    )

    given: frozenset[str] = frozenset()
    """The names of the fields that were set, even if to their default."""

    def sources_of(self, declared: tuple[str, ...]) -> tuple[str, ...]:
        """The sources to ask of those that a knowledge base declares, in order of preference."""
        if self.sources:
            return tuple(name for name in self.sources if name in declared)
        if "bucket" in self.given:
            return tuple(name for name in declared if name != "publisher")
        return declared

    @cached_property
    def url(self) -> str:
        """The URL of the database, the default included."""
        return self.database_url or f"sqlite:///{self.data_dir / 'ctibutler.sqlite'}"

    @property
    def listens_on_loopback(self) -> bool:
        """Whether only programs on this machine can reach the API."""
        return is_loopback(self.host)


def variables() -> dict[str, dataclasses.Field[Any]]:
    """The field of each environment variable, in the order of the declaration."""
    return {PREFIX + field.name.upper(): field for field in dataclasses.fields(Settings) if field.metadata}


def load_settings() -> Settings:
    """The settings of this process: from its environment, then from `.env` in the current folder.

    Raises InvalidRequest, which names every invalid variable.
    """
    return read_settings({**_env_file(Path(".env")), **os.environ})


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in these variables. Case in names is ignored, and so are unknown variables.

    Raises InvalidRequest, which names every invalid variable.
    """
    texts = {name.upper(): text for name, text in environment.items()}
    values: dict[str, Any] = {}
    wrong = []
    for variable, field in variables().items():
        if variable in texts:
            try:
                values[field.name] = field.metadata["read"](texts[variable])
            except ValueError as failure:
                wrong.append(f"{variable}: {failure}")
    if not wrong:
        settings = Settings(**values, given=frozenset(values))
        if settings.max_page_size >= settings.default_page_size:
            return settings
        wrong.append(f"{PREFIX}MAX_PAGE_SIZE: cannot be below {PREFIX}DEFAULT_PAGE_SIZE")
    raise InvalidRequest("; ".join(wrong))


def _env_file(path: Path) -> dict[str, str]:
    if not (path.is_file() or path.is_fifo()):
        return {}
    from dotenv import dotenv_values  # imported late, because most commands start without such a file

    found = dotenv_values(path, encoding="utf-8")
    return cast("dict[str, str]", {name.upper(): text for name, text in found.items() if text is not None})


def without_secrets(place: str) -> str:
    """A folder or URL for people. A URL loses its user name, password, query and fragment: any of them may be a secret."""
    text = place.strip()
    if "://" not in text:
        return text
    scheme, _, rest = text.partition("://")
    server, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{server.rpartition('@')[2]}{slash}{path}"


def is_loopback(host: str) -> bool:
    """Whether this address or name means this machine only. `0.0.0.0` does not."""
    name = host.strip().strip("[]").lower()
    if name in ("localhost", "localhost.") or name.endswith((".localhost", ".localhost.")):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False

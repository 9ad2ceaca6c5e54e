"""Who may read and change data, in every mode and for every kind of client."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctibutler.catalog import access as catalog
from ctibutler.catalog.access import Key
from ctibutler.catalog.opening import open_catalogue
from ctibutler.errors import Forbidden, InvalidRequest, NotAllowed, NotFound, Unauthorized
from ctibutler.http.access import Client, Right, Rules, authorize, in_words, refuse_to_start_without_key
from ctibutler.knowledge_bases import HOSTED
from ctibutler.settings import AccessMode, Settings

READ_KEY = Key("reader", "", can_write=False, created=0, last_used=None)
WRITE_KEY = Key("writer", "", can_write=True, created=0, last_used=None)
LOCAL = {"host": "127.0.0.1:8006"}


def verdict(
    mode: AccessMode, right: Right, headers: dict[str, str], *, loopback: bool = True, key: Key | None = None
) -> int:
    sent = {**headers, **({"api-key": "k"} if key else {})}
    try:
        authorize(Rules.of(mode, loopback), right, Client.of(sent), key)
    except Unauthorized:
        return 401
    except Forbidden:
        return 403
    except NotAllowed:
        return 405
    return 200


@pytest.mark.parametrize(
    ("mode", "loopback", "nobody", "reader", "writer"),
    [
        # In each pair: the status for reading and for changing.
        ("auto", True, (200, 200), (200, 200), (200, 200)),
        ("auto", False, (401, 401), (200, 403), (200, 200)),
        ("read-open", True, (200, 401), (200, 403), (200, 200)),
        ("read-open", False, (200, 401), (200, 403), (200, 200)),
        ("keys", True, (401, 401), (200, 403), (200, 200)),
        ("read-only", True, (200, 405), (200, 405), (200, 405)),
        ("open", False, (200, 200), (200, 200), (200, 200)),
    ],
)
def test_each_mode_of_access(
    mode: AccessMode, loopback: bool, nobody: tuple[int, int], reader: tuple[int, int], writer: tuple[int, int]
) -> None:
    for key, expected in ((None, nobody), (READ_KEY, reader), (WRITE_KEY, writer)):
        got = tuple(verdict(mode, right, LOCAL, loopback=loopback, key=key) for right in ("read", "write"))
        assert got == expected, key
        assert verdict(mode, "open", LOCAL, loopback=loopback, key=key) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://localhost:3000"},
        {"sec-fetch-site": "anything"},
        {"sec-fetch-site": "same-origin, cross-site"},
    ],
)
@pytest.mark.parametrize("mode", ["auto", "open"])
def test_a_page_of_another_origin_cannot_change_anything_without_a_key(
    mode: AccessMode, headers: dict[str, str]
) -> None:
    sent = {**LOCAL, **headers}
    assert verdict(mode, "write", sent) == 403
    assert verdict(mode, "write", sent, key=READ_KEY) == 403
    assert verdict(mode, "write", sent, key=WRITE_KEY) == 200
    assert verdict(mode, "read", sent) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:8006"},
        {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8006"},
        {"sec-fetch-site": "none"},
    ],
)
def test_our_own_page_and_local_programs_can_change_data_on_this_machine(headers: dict[str, str]) -> None:
    assert verdict("auto", "write", {**LOCAL, **headers}) == 200


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8006", "127.0.0.1:8006", "[::1]:8006", "127.8.8.8", "a.localhost"]
)
def test_local_host_names_give_access(host: str) -> None:
    assert verdict("auto", "write", {"host": host}) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8006",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.0.2.1",
        "",
        "[::1].evil.example",
        "[::1]evil.example:8006",
        "127.0.0.1:80:evil",
        "127.0.0.1:evil",
        "localhost:8006@evil.example",
        "evil.example@localhost",
        "[localhost]",
        "::1",
        "127.0.0.1 evil",
    ],
)
def test_a_host_name_that_only_points_to_this_machine_gives_no_access(host: str) -> None:
    # DNS rebinding: the host name points to 127.0.0.1, so to the browser this page has the same origin.
    rebound = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    assert verdict("auto", "write", rebound) == 403
    assert verdict("auto", "write", rebound, key=WRITE_KEY) == 200
    assert verdict("auto", "read", rebound) == 200


@pytest.mark.parametrize(
    "header",
    [
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-anything",
        "via",
        "x-real-ip",
        "cf-connecting-ip",
        "true-client-ip",
        "fastly-client-ip",
        "x-client-ip",
    ],
)
def test_a_request_through_a_proxy_is_not_local(header: str) -> None:
    sent = {**LOCAL, header: "x"}
    assert (verdict("auto", "read", sent), verdict("auto", "write", sent)) == (401, 401)
    assert (verdict("auto", "read", sent, key=READ_KEY), verdict("auto", "write", sent, key=READ_KEY)) == (200, 403)
    assert verdict("auto", "write", sent, key=WRITE_KEY) == 200
    assert verdict("read-open", "read", sent) == 200


def test_a_key_is_read_from_either_header_and_scheme() -> None:
    assert Client.of({"api-key": " abc "}).key == "abc"
    assert Client.of({"authorization": "Bearer abc"}).key == "abc"
    assert Client.of({"authorization": "bearer  abc"}).key == "abc"
    assert Client.of({"authorization": "Token abc"}).key == "abc"
    assert Client.of({"authorization": "TOKEN abc "}).key == "abc"
    for other in ("Basic abc", "abc", "Tokenabc", "Token", "Bearer ", ""):
        assert Client.of({"authorization": other}).key is None
    assert Client.of({"api-key": "", "authorization": "Bearer abc"}).key == "abc"
    assert Client.of({}).key is None


def test_a_server_that_others_can_reach_does_not_start_without_a_key(tmp_path: Path) -> None:
    database = open_catalogue(f"sqlite:///{tmp_path}/c.sqlite", HOSTED)
    outside = Settings(host="0.0.0.0", access="auto")
    with pytest.raises(InvalidRequest, match="ctibutler keys add"):
        refuse_to_start_without_key(outside, database)
    refuse_to_start_without_key(Settings(host="0.0.0.0", access="read-only"), database)
    refuse_to_start_without_key(Settings(host="127.0.0.1", access="auto"), database)
    catalog.add_key(database, "somebody")
    refuse_to_start_without_key(outside, database)
    database.close()


def test_keys_are_shown_once_stored_as_hashes_and_can_be_revoked(tmp_path: Path) -> None:
    database = open_catalogue(f"sqlite:///{tmp_path}/c.sqlite", HOSTED)
    secret = catalog.add_key(database, " ci ", can_write=True)
    [known] = catalog.keys(database)
    assert (known.name, known.can_write, known.last_used) == ("ci", True, None)
    assert secret not in repr(known)
    assert catalog.check(database, secret) == known
    for wrong in ("", secret[:-1], secret + "x", secret.upper(), "\ud800", "x" * 100_000):
        assert catalog.check(database, wrong) is None
    catalog.used(database, "ci")
    [used] = catalog.keys(database)
    assert used.last_used is not None
    with pytest.raises(InvalidRequest):
        catalog.add_key(database, "ci")
    for name in ("", "x" * 65, "a\nb"):
        with pytest.raises(InvalidRequest):
            catalog.add_key(database, name)
    catalog.remove_key(database, "ci")
    with pytest.raises(NotFound):
        catalog.remove_key(database, "ci")
    assert catalog.check(database, secret) is None
    database.close()


@pytest.mark.parametrize(
    ("mode", "host", "said"),
    [
        ("auto", "127.0.0.1", "open to this machine, changes included; behind a proxy, set CTIBUTLER_ACCESS=keys"),
        ("auto", "0.0.0.0", "everything needs a key"),
        ("keys", "127.0.0.1", "everything needs a key"),
        ("read-open", "127.0.0.1", "anyone may read, changes need a key"),
        ("read-only", "127.0.0.1", "anyone may read, nobody may make changes"),
        ("open", "0.0.0.0", "anyone may read, anyone may make changes"),
    ],
)
def test_each_mode_in_words(mode: AccessMode, host: str, said: str) -> None:
    assert in_words(Settings(access=mode, host=host)) == said

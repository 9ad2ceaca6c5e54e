"""A page of another origin may read, but cannot change anything."""

from __future__ import annotations

import os
import shutil

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import state

UNTOUCHED = (["2", "1"], 0)

CHANGES = {
    "an install with a plain media type, which asks no preflight": (
        "POST", "/api/v1/tlp/", {"Content-Type": "text/plain"}, '{"version": "2"}',
    ),
    "an install as JSON": ("POST", "/api/v1/tlp/", {"Content-Type": "application/json"}, '{"version": "2"}'),
    "links": ("POST", "/api/v1/links/cwe-capec/", {"Content-Type": "application/json"}, "{}"),
    "a removal": ("DELETE", "/api/v1/tlp/versions/1/", {}, None),
    "a truncation": ("DELETE", "/api/v1/tlp/truncate/", {}, None),
    "an alias": ("DELETE", "/v1/tlps/truncate/", {}, None),
}  # fmt: skip

FETCH = """async ([url, method, headers, body]) => {
    try { return (await fetch(url, {method, headers, body})).status } catch (failure) { return String(failure) }
}"""


@pytest.mark.parametrize("name", CHANGES)
def test_a_fetch_from_another_origin_changes_nothing(
    browser: Browser, server: str, other_origin: str, name: str
) -> None:
    method, path, headers, body = CHANGES[name]
    page = browser.new_page()
    page.goto(other_origin)
    answer = page.evaluate(FETCH, [server + path, method, headers, body])
    page.close()
    assert answer not in (200, 201, 204)
    assert state(server) == UNTOUCHED


def test_a_form_and_a_beacon_from_another_origin_change_nothing(
    browser: Browser, server: str, other_origin: str
) -> None:
    page = browser.new_page()
    page.goto(other_origin)
    page.evaluate(f"""() => navigator.sendBeacon("{server}/api/v1/tlp/", '{{"version": "2"}}')""")
    page.evaluate(
        f"""() => {{
            const form = document.createElement('form');
            form.method = 'POST'; form.enctype = 'text/plain'; form.action = '{server}/api/v1/tlp/';
            form.innerHTML = '<input name=\\'{{"version": "2", "x": "\\' value=\\'"}}\\'>';
            document.body.append(form); form.submit();
        }}"""
    )
    page.wait_for_url(f"{server}/**")
    page.close()
    assert state(server) == UNTOUCHED


def test_a_page_whose_host_name_points_to_this_machine_changes_nothing(browser: Browser, server: str) -> None:
    port = server.rpartition(":")[2]
    # The browser resolves an attacker's host name to this machine, as the attacker's name server would.
    stranger = browser.browser_type.launch(
        executable_path=_path_of(browser),
        args=["--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP stranger.test 127.0.0.1:{port}"],
    )
    page = stranger.new_page()
    page.goto("http://stranger.test/api/v1/")
    answer = page.evaluate(FETCH, ["/api/v1/tlp/truncate/", "DELETE", {}, None])
    stranger.close()
    assert answer == 403
    assert state(server) == UNTOUCHED


def test_a_page_of_another_origin_may_read(browser: Browser, server: str, other_origin: str) -> None:
    page = browser.new_page()
    page.goto(other_origin)
    answer = page.evaluate(FETCH, [f"{server}/api/v1/tlp/objects/", "GET", {}, None])
    page.close()
    assert answer == 200


def test_our_own_page_can_request_an_install(browser: Browser, server: str) -> None:
    """The request that is refused to a page of another origin is not refused to everyone."""
    page = browser.new_page()
    page.goto(f"{server}/api/v1/")
    answer = page.evaluate(FETCH, ["/api/v1/tlp/", "POST", {"Content-Type": "application/json"}, '{"version": "2"}'])
    page.close()
    assert answer == 201
    assert state(server) == (["2", "1"], 1)


def _path_of(browser: Browser) -> str:
    return os.environ.get("CTIBUTLER_TEST_CHROMIUM") or shutil.which("chromium") or ""

"""The documentation page works without any other host."""

from __future__ import annotations

from playwright.sync_api import Browser


def test_the_documentation_page_shows_the_routes_and_requests_no_other_host(browser: Browser, server: str) -> None:
    page = browser.new_page()
    requested: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda failure: complaints.append(str(failure)))
    page.goto(f"{server}/api/schema/swagger-ui/")
    page.wait_for_selector("#operations-tag-cwe", timeout=60_000)
    page.click("#operations-tag-cwe")
    page.wait_for_selector(".opblock")
    assert "/api/v1/cwe/objects/{id}/" in page.inner_text(".swagger-ui").replace("​", "")
    page.close()
    assert all(url.startswith((server, "data:", "blob:")) for url in requested)
    assert complaints == []

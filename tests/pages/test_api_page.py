"""The page of the API: its requests work, its forms ask them, and pages lead to the request that they answer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from lxml import html

from ctibutler.catalog import access
from ctibutler.pages.api_operations import address_of
from ctibutler.pages.code_samples import samples_of
from tests.catalogue import catalogue_with
from tests.pages.clients import Browser, serving
from tests.pages.conftest import BROWSER, read
from tests.pages.documents import Document, check
from tests.server.serving import Server

FORMS = "//form[@action='/help/api/answer']"


def page_of(server: Server, path: str) -> Any:
    answer = server.get(path, accept=BROWSER)
    assert answer.status_code == 200, answer.text[:300]
    check(Document(answer.text), path)
    return parsed(answer.text)


def parsed(text: str) -> Any:
    return html.fromstring(text)


def fields_of(form: Any) -> dict[str, str]:
    """What a browser sends of a form that nobody has changed."""
    return {name: value or "" for name, value in form.form_values()}


def test_every_route_of_the_document_is_on_one_of_its_pages_and_no_other(everything: Server) -> None:
    document = everything.get("/api/schema/?format=json").json()
    declared = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    bases = [tag["name"] for tag in document["tags"]]
    shown: list[tuple[str, str]] = []
    for group in ("", *(f"?group={quote(name)}" for name in bases[6:])):
        page = page_of(everything, f"/help/api{group}")
        routes = page.xpath("//details[@class='operation']/summary")
        shown += [(route.findtext("span"), route.findtext("code")) for route in routes]
    assert len(shown) == len(set(shown))
    assert set(shown) == declared


def test_a_route_tells_its_parameters_answers_and_code(everything: Server) -> None:
    told = everything.get("/api/schema/?format=json").json()["paths"]["/api/v1/cwe/objects/"]["get"]
    page = page_of(everything, "/help/api?group=cwe")
    [route] = page.xpath("//details[@id='o-get-cwe-objects']")
    names = [it["name"] for it in told["parameters"] if "name" in it]
    assert route.xpath(".//div[@class='field']/label/code/text()") == names
    assert route.xpath(".//select[@name='include_revoked']/option/text()") == ["true", "false"]
    sorts = next(it["schema"]["enum"] for it in told["parameters"] if it.get("name") == "sort")
    assert route.xpath(".//select[@name='sort']/option/text()") == [it for it in sorts if it]
    assert "Default: 50." in route.text_content()
    assert route.xpath(".//details[last()]/dl/div/dt/text()") == [*told["responses"]]
    assert "application/x-ndjson" in route.text_content()
    languages = [pre.get("aria-label") for pre in route.xpath(".//pre")]
    assert languages == ["curl", "Python", "JavaScript", "An answer"]


def test_each_form_as_it_stands_asks_what_its_example_asks(everything: Server) -> None:
    page = page_of(everything, "/help/api?group=attack-ics")
    forms = page.xpath(FORMS)
    assert len(forms) > 12
    for form in forms:
        asked = everything.client.get("/help/api/answer", params=fields_of(form))
        [example] = form.xpath("../p/a/@href")
        assert (asked.status_code, asked.headers["location"]) == (303, example)
        assert "ctibutler-ignored-parameters" not in asked.headers
        assert everything.get(example).status_code == 200, example


def test_what_is_filled_in_is_asked_and_can_be_had_as_code(everything: Server) -> None:
    page = page_of(everything, "/help/api?group=cwe")
    [form] = page.xpath("//details[@id='o-get-cwe-objects-by-id']//form")
    fields = {**fields_of(form), "{id}": "CWE-79 & more/x", "cwe_version": "4.14"}
    asked = everything.client.get("/help/api/answer", params=fields).headers["location"]
    assert asked == "/api/v1/cwe/objects/CWE-79%20%26%20more%2Fx/?cwe_version=4.14"
    shown = everything.client.get("/help/api/answer", params={**fields, "{id}": "CWE-79", "show": "code"})
    address = shown.headers["location"]
    assert (shown.status_code, address[:18]) == (303, "/help/api?request=")
    [open_] = page_of(everything, address).xpath("//details[@open]")
    assert open_.xpath(".//input[@name='{id}']/@value") == ["CWE-79"]
    assert open_.xpath(".//input[@name='cwe_version']/@value") == ["4.14"]
    url = f"http://127.0.0.1:{everything.port}/api/v1/cwe/objects/CWE-79/?cwe_version=4.14"
    codes = open_.xpath(".//div[@class='code']/pre/code/text()")
    assert codes[0] == f"curl '{url}'"
    assert all(url in code for code in codes)
    assert open_.xpath(".//button[@data-copy]/@data-copy") == codes


def test_a_form_asks_nothing_but_routes_of_the_api(everything: Server) -> None:
    for route in (
        "",
        "/data",
        "https://evil.example/",
        "//evil.example",
        "/api/v1/cwe/",
        "/api/v1/cwe/objects/CWE-79/",
    ):
        assert everything.client.get("/help/api/answer", params={"route": route}).status_code == 404, route
    for asked in ("/data", "https://evil.example/", "//evil.example/x", "/api/v1/nothing/", "/help/api"):
        assert everything.client.get("/help/api", params={"request": asked}).status_code == 404, asked


@pytest.mark.parametrize(
    "path",
    [
        "/attack-enterprise/18.1/T1059",
        "/attack-enterprise/17.1/T1059/relations",
        "/attack-enterprise/18.1/T1059/history",
        "/attack-enterprise/18.1/T1059/diff?from=17.1",
        "/attack-enterprise/18.1/objects?name=shell&types=tool",
        "/attack-enterprise/18.1/changes?since=17.1",
        "/attack-enterprise/18.1/compare?a=G0016&b=G0007",
        "/attack-enterprise/18.1/",
        "/search?text=cozy",
        "/cwe/4.14/CWE-79",
    ],
)
def test_a_page_leads_to_the_request_whose_answer_is_its_json(everything: Server, path: str) -> None:
    page = parsed(read(everything, path).text)
    [row] = page.xpath("//ul[@class='formats']")
    [as_json] = [
        href
        for href in row.xpath(".//a/@href")
        if urlsplit(href).path.endswith(".json") and ".stix" not in href and ".layer" not in href
    ]
    [link] = row.xpath(".//a[text()='API']/@href")
    led = everything.get(link, accept=BROWSER)
    assert led.status_code == 302
    [asked] = dict(parse_qsl(urlsplit(led.headers["location"]).query)).values()
    assert asked.startswith("/api/v1/")
    assert everything.get(asked).content == everything.get(as_json).content
    shown = parsed(everything.get(led.headers["location"], accept=BROWSER).text)
    [open_] = shown.xpath("//details[@open]")
    again = everything.client.get("/help/api/answer", params=fields_of(open_.xpath(".//form")[0])).headers["location"]
    assert everything.get(again).content == everything.get(as_json).content


def test_a_page_whose_json_is_its_own_leads_to_the_routes_of_its_knowledge_base(everything: Server) -> None:
    for path in ("/attack-enterprise/18.1/matrix", "/attack-enterprise/18.1/G0016/graph"):
        [link] = parsed(read(everything, path).text).xpath("//ul[@class='formats']//a[text()='API']/@href")
        assert everything.get(link).headers["location"] == "/help/api?group=attack-enterprise"
    assert everything.get("/help/api/request?page=/nowhere/x.json").headers["location"] == "/help/api"


def test_whoever_is_signed_in_gets_answers_that_the_api_would_refuse(tmp_path: Path) -> None:
    with catalogue_with("sqlite", tmp_path, "tlp@2") as database:
        key = access.add_key(database, "reader")
        with serving(database, tmp_path, access="keys") as server:
            browser = Browser(server)
            assert browser.get("/help/api").status_code == browser.get("/api/schema/swagger-ui/").status_code == 200
            asking = "/help/api/answer?route=/api/v1/tlp/objects/&tlp_version=2"
            page = "/help/api/request?page=/tlp/2/red.json"
            for path in (asking, page):
                assert browser.get(path).headers["location"].startswith("/sign-in?")
            browser.sign_in(key)
            assert browser.get("/api/v1/tlp/objects/").status_code == 401
            answer = browser.get(asking)
            assert answer.content == server.get("/api/v1/tlp/objects/?tlp_version=2", api_key=key).content
            assert "ctibutler-ignored-parameters" not in answer.headers
            assert answer.headers["cache-control"] == "no-store"
            assert browser.get(page).status_code == 302
            assert browser.get("/help/api/answer?route=/api/v1/tlp/&version=1").status_code == 404


def test_code_names_the_host_of_whoever_asks_and_of_nobody_else(everything: Server) -> None:
    assert "http://one.example:81/api/v1/" in everything.get("/help/api", host="one.example:81").text
    assert "one.example" not in everything.get("/help/api").text
    assert "evil" not in everything.get("/help/api", host="evil'\"<b>").text


def test_code_does_what_it_says(everything: Server, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{everything.port}/api/v1/cwe/objects/?cwe_id=CWE-79&name=it's"
    curl, python, javascript = (it.code for it in samples_of("GET", url.replace("'", "%27"), "", is_json=True))
    assert subprocess.run(["sh", "-c", f"{curl} -s"], capture_output=True, check=True).stdout[:1] == b"{"
    compile(python, "sample", "exec")
    assert javascript.startswith("const answer = await fetch(")
    body = '{"version":"4.14","force":true,"why":"it\'s"}'
    curl, python, javascript = (it.code for it in samples_of("POST", url, body, is_json=True))
    assert "'\"'\"'" in curl
    assert "'force': True" in python
    compile(python, "sample", "exec")
    assert f"JSON.stringify({body})" in javascript
    (tmp_path / "requests.py").write_text("def post(url, json): raise SystemExit(repr((url, json)))")
    ran = subprocess.run([sys.executable, "-c", python], cwd=tmp_path, capture_output=True, text=True)
    assert ran.stderr.strip() == repr((url, {"version": "4.14", "force": True, "why": "it's"}))


def test_values_are_encoded_where_they_stand() -> None:
    path = "/api/v1/d3fend/objects/{id}/{question}/"
    given = {"{id}": "d3f:A/b?c", "{question}": "..", "name": "a&b", "empty": ""}
    assert address_of(path, given) == "/api/v1/d3fend/objects/d3f:A%2Fb%3Fc/../?name=a%26b"
    assert re.fullmatch(r"/api/v1/x/%7Bid%7D/", address_of("/api/v1/x/{id}/", {"{id}": "{id}"}))

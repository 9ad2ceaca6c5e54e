"""A real nginx as a shared cache in front of the API, with the configuration of deploy/nginx."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from ctibutler.catalog.access import add_key
from ctibutler.catalog.engine.database import Database
from ctibutler.importing.removal import remove_release
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues, install
from tests.cli.test_serving import eventually, free_port
from tests.configured import settings_with
from tests.server.serving import running

NGINX = os.environ.get("CTIBUTLER_TEST_NGINX", "")
TEMPLATE = Path(__file__).parents[2] / "deploy" / "nginx" / "ctibutler.conf.template"
SECONDS = 2
OBJECTS = "/api/v1/tlp/objects/"

pytestmark = pytest.mark.server


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    if not NGINX:
        pytest.skip("no nginx (CTIBUTLER_TEST_NGINX, as `scripts/services nginx` prints it)")
    with Catalogues("sqlite", tmp_path) as made:
        database = made.empty()
        install(database, "tlp@1")
        yield database


@contextmanager
def cached(database: Database, folder: Path, access: str) -> Iterator[httpx2.Client]:
    """A client of nginx, which stands in front of a server of this catalogue."""
    with running(database, settings_with(host="127.0.0.1", access=access, cache_max_age=SECONDS)) as server:
        port = free_port()
        text = TEMPLATE.read_text().replace("${API_SERVERS}", f"server 127.0.0.1:{server.port};")
        text = text.replace("${CACHE_DIR}", str(folder / "cache")).replace("listen 8080", f"listen 127.0.0.1:{port}")
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; error_log {folder}/error.log; user {'root' if os.getuid() == 0 else ''};"
            f" events {{}} http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;"
            f" fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{text}\n}}"
        )
        nginx = subprocess.Popen([NGINX, "-e", folder / "error.log", "-c", folder / "nginx.conf"])
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                eventually(lambda: answers(client))
                yield client
        finally:
            nginx.terminate()
            nginx.wait(30)


def answers(client: httpx2.Client) -> bool:
    """Whether somebody listens."""
    try:
        return client.get("/api/healthcheck/").status_code == 204
    except httpx2.TransportError:
        return False


def ask(client: httpx2.Client, path: str = OBJECTS, **headers: str) -> tuple[str, httpx2.Response]:
    """What nginx did with a request (`HIT`, `MISS`, `REVALIDATED` …), and the answer."""
    answer = client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return answer.headers.get("x-cache", ""), answer


def test_answers_are_shared_then_revalidated_and_a_release_appears_in_time(database: Database, tmp_path: Path) -> None:
    with cached(database, tmp_path, "read-open") as client:
        first, answer = ask(client)
        assert (first, answer.status_code) == ("MISS", 200)
        assert f"s-maxage={SECONDS}" in answer.headers["cache-control"]
        # Each encoding is an answer of its own.
        assert ask(client, accept_encoding="identity")[1].headers.get("content-encoding") is None
        eventually(lambda: ask(client)[0] == "HIT")
        # The answer has not changed, so nginx asks with the validator and gets no body.
        eventually(lambda: ask(client)[0] == "REVALIDATED")
        before = ask(client)[1].content

        install(database, "tlp@2")
        time.sleep(SECONDS + 1)  # nginx counts whole seconds; from now on nothing may be older than the release
        state, answer = ask(client)
        assert state in ("EXPIRED", "MISS", "HIT")
        assert answer.content != before
        assert answer.json()["total_results_count"] == 5
        remove_release(database, HOSTED.named("tlp"), "2")
        eventually(lambda: ask(client)[1].content == before)


def test_an_answer_for_a_key_is_never_shared(database: Database, tmp_path: Path) -> None:
    key = add_key(database, "reader")
    with cached(database, tmp_path, "keys") as client:
        for headers in ({"api_key": key}, {"authorization": f"Bearer {key}"}):
            for _ in range(3):
                state, answer = ask(client, **headers)
                assert (answer.status_code, state) == (200, "BYPASS")
                assert answer.headers["cache-control"].startswith("private")
        for _ in range(2):
            state, answer = ask(client)
            assert (answer.status_code, state) == (401, "MISS")


def test_jobs_health_and_errors_are_not_shared(database: Database, tmp_path: Path) -> None:
    with cached(database, tmp_path, "read-open") as client:
        for path in ("/api/v1/jobs/", "/api/readiness/", "/api/v1/tlp/objects/nothing/", "/api/v1/nothing/"):
            assert {ask(client, path)[0] for _ in range(3)} == {"MISS"}, path
        assert ask(client, "/api/metrics/")[1].status_code == 403

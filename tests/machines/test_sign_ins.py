"""A sign-in at one server process ends at all others of the same database."""

from __future__ import annotations

from functools import partial

import httpx2
import pytest

from ctibutler.catalog.access import add_key, remove_key
from tests.catalogue import Catalogues
from tests.cli.command import Command
from tests.cli.test_serving import Started, answer_of, eventually, free_port, started
from tests.pages.conftest import BROWSER

__all__ = ["started"]

HEALTH = "/api/healthcheck/"


def _answers(port: int) -> bool:
    return answer_of(port, HEALTH) is not None


def browser_of(port: int) -> httpx2.Client:
    return httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers={"accept": BROWSER})


@pytest.mark.parametrize("how", ["sign out", "remove the key"])
def test_what_ends_a_sign_in_in_one_process_ends_it_in_the_other_at_once(
    catalogues: Catalogues, command: Command, started: Started, how: str
) -> None:
    database = catalogues.with_releases("tlp@2")
    key = add_key(database, "reader")
    ports = [free_port(), free_port()]
    for port in ports:
        started("serve", "--port", port, CTIBUTLER_DATABASE_URL=database.url.text, CTIBUTLER_ACCESS="keys")
    for port in ports:
        eventually(partial(_answers, port))
    with browser_of(ports[0]) as here, browser_of(ports[1]) as there:
        assert here.post("/sign-in", data={"key": key}).status_code == 303
        there.cookies.update(here.cookies)
        assert [client.get("/tlp/2/red").status_code for client in (here, there)] == [200, 200]
        for _ in range(20):  # what one process answers from memory does not matter to the other
            there.get("/tlp/2/red")
        if how == "sign out":
            assert here.post("/sign-out").status_code == 303
        else:
            remove_key(database, "reader")
        assert there.get("/tlp/2/red").status_code == 303

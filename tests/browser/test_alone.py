"""In a namespace without a network, nothing is missing from any page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from ctibutler.knowledge_bases.links import LINK_MODES
from tests.catalogue import filled, releases_on

pytestmark = pytest.mark.real
PATHS = {
    "/": "Look anything up",
    "/search?text=sandworm": "Sandworm Team",
    "/attack-ics/18.1/T0886": "Remote Services",
    "/attack-ics/18.1/T0886/graph": "neighbours",
    "/attack-ics/18.1/matrix?a=G0034": "G0034",
    "/desk?kb=attack-ics&from=17.1&ids=T0886": "Migration desk",
    "/help": "Keys",
}
# A namespace of its own for users and the network, in which only the loopback is there.
_ALONE = ("unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


def without_network(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_ALONE, *command], capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def chromium() -> str:
    path = os.environ.get("CTIBUTLER_TEST_CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.skip("no Chromium (scripts/services chromium)")
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("no unshare (util-linux) or no ip (iproute2)")
    tried = without_network(["true"])
    if tried.returncode:
        pytest.skip(f"no namespace can be made here: {tried.stderr.strip()}")
    return path


def test_nothing_is_missing_without_a_network(chromium: str) -> None:
    links = tuple(mode.name for mode in LINK_MODES)
    with filled("sqlite", releases_on("sqlite"), links=links, what="everything") as library:
        url = library.database.url.text
        ran = without_network([sys.executable, "-m", "tests.browser.alone", url, chromium, *PATHS])
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    assert told["interfaces"] == ["lo"]
    assert not told["reaches"]
    for path, words in PATHS.items():
        page = told["pages"][path]
        assert page["status"] == 200, path
        assert words in page["words"], path
        assert page["rules"] > 100, path
        assert page["keys_work"], path
        assert page["wrong"] == [], path

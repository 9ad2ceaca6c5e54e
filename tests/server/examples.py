"""A real server with real releases, and the requests of the examples in the API's documentation.

`scripts/examples` records the answers; a test compares them.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from ctibutler.api.schemas import name_of_single_page
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.declaration import Example, KnowledgeBase
from tests.shared import SHARED

PUBLIC_BUCKET = "https://downloads.ctibutler.com"
CWE = SHARED / "kb-primary/cwe/cwec_v4.14.xml.zip"
# A worker finds capec 3.9 in a check for updates and installs it: its report is an example too.
RELEASES = ("attack-enterprise@17.1", "capec@3.8")


def _object(kb: KnowledgeBase, example: Example) -> str:
    return f"/api/v1/{kb.slug}/objects/{example.id}/?{kb.version_parameter}={example.release}"


_ENTERPRISE = "/api/v1/attack-enterprise"
_APT29 = "intrusion-set--899ce53f-13a0-479b-a0e4-67d46e241542"
REQUESTS: Mapping[str, str] = {
    **{f"ObjectPage.{kb.slug}": _object(kb, kb.example) for kb in HOSTED.all if kb.example},
    "ObjectPage": "/api/v1/search/?text=fancy+bear&sort=relevance_descending",
    # Details of ATLAS are null, as the file that they are read from is not in the shared folder.
    **{
        name_of_single_page(kb): f"{_object(kb, kb.example)}&detail=full"
        for kb in HOSTED.all
        if kb.details and kb.example
    },
    "RelationshipPage": f"{_ENTERPRISE}/objects/G0016/relationships/?include_embedded_refs=false&page_size=1",
    "ObjectVersions": f"{_ENTERPRISE}/objects/G0016/versions/",
    "EverywhereVersions": "/api/v1/objects/intrusion-set--899ce53f-13a0-479b-a0e4-67d46e241542/versions/",
    "ChangePage": f"{_ENTERPRISE}/versions/18.1/changes/?since=17.1&types=intrusion-set&page_size=2",
    "HistoryPage": f"{_ENTERPRISE}/objects/T1112/history/",
    "ObjectDifference": f"{_ENTERPRISE}/objects/T1112/diff/?from=17.1&to=18.1",
    "KnownQuestions": f"{_ENTERPRISE}/questions/",
    "AskedQuestions": f"{_ENTERPRISE}/objects/G0016/questions/?attack_version=18.1",
    "QuestionPage": f"{_ENTERPRISE}/objects/G0016/techniques/?attack_version=18.1&via=campaigns&evidence_limit=1&page_size=1",
    "QuestionAnswers": f"/api/v1/objects/{_APT29}/campaigns/",
    "SetComparisonPage": f"{_ENTERPRISE}/compare/?a=G0016&b=G0007&attack_version=18.1&page_size=2",
    "MigrationReport": f"{_ENTERPRISE}/migrate/?ids=T1574.002,T1086&from=17.1&to=18.1",
    "Paths": "/api/v1/paths/?from=CWE-521&to=T1110",
    "ChainPage": "/api/v1/cwe/objects/CWE-521/chain/?page_size=1",
    "Coverage": "/api/v1/coverage/",
    "LayerFile": f"{_ENTERPRISE}/objects/G0016/navigator/?attack_version=18.1",
    "Inference": f"{_ENTERPRISE}/tie/?technique_ids=T1059.001,T1566.001&limit=2&attack_version=18.1",
    "Bundle": f"{_ENTERPRISE}/versions/18.1/bundle/?types=x-mitre-matrix",
    "InstalledReleases": f"{_ENTERPRISE}/versions/installed/",
    "AvailableReleases": f"{_ENTERPRISE}/versions/available/",
    "Release": f"{_ENTERPRISE}/versions/18.1/",
    "JobPage": "/api/v1/jobs/?types=capec-update&state=completed&page_size=1",
    "KnowledgeBases": "/api/v1/knowledge-bases/",
    "Updates": "/api/v1/updates/",
    "StixObject": "/api/v1/objects/intrusion-set--899ce53f-13a0-479b-a0e4-67d46e241542/",
    "Index": "/api/v1/",
    "Readiness": "/api/readiness/",
    "Error": "/api/v1/attack-enterprise/objects/T9999/",
    "Text.get_metrics": "/api/metrics/",
    "Text.get_schema": "/api/schema/",
    "Text.get_schema_swagger_ui": "/api/schema/swagger-ui/",
    "get_schema.json": "/api/schema/?format=json",
}
"""What was asked for each example. `Job` is the job in `JobPage`."""

# Values that differ from run to run, or depend on the number of installed releases.
_VARYING = frozenset(
    {
        *(
            "job_id",
            "installed_at",
            "fetched_at",
            "checked_at",
            "made_at",
            "run_datetime",
            "completion_time",
            "progress",
            "location",
        ),
        *("/Job/id", "/JobPage/jobs/0/id", "/Text.get_metrics"),
    }
)
_LONGEST_TEXT = 200
_LONGEST_LIST = 2


def excerpt(answer: Any) -> Any:
    """An answer, shortened for reading: lists are cut after two items, long texts end with an ellipsis."""
    if isinstance(answer, str):
        return answer if len(answer) <= _LONGEST_TEXT else f"{answer[: _LONGEST_TEXT - 1].rstrip()}…"
    if isinstance(answer, list):
        return [excerpt(item) for item in answer[:_LONGEST_LIST]]
    if isinstance(answer, dict):
        return {name: excerpt(value) for name, value in answer.items()}
    return answer


def text_excerpt(text: str) -> str:
    """The first lines of a long text."""
    return excerpt("\n".join(text.splitlines()[:6]))  # type: ignore[no-any-return]


def ask(client: httpx2.Client, name: str) -> Any:
    """The excerpt for an example, from the server's current answer."""
    answer = client.get(REQUESTS[name], headers={"accept-encoding": "identity"})
    assert answer.status_code == (404 if name == "Error" else 200), answer.text
    if name.startswith("Text."):
        return text_excerpt(answer.text)
    if name == "get_schema.json":
        return excerpt({key: answer.json()[key] for key in ("openapi", "info")})
    return excerpt(answer.json())


def examples(client: httpx2.Client) -> dict[str, Any]:
    """All examples, with the URL of the public bucket instead of the folder used in its place."""
    found = {name: ask(client, name) for name in sorted(REQUESTS)}
    found["Job"] = found["JobPage"]["jobs"][0]
    placed: dict[str, Any] = _in_place_of(str(SHARED / "kb"), PUBLIC_BUCKET, found)
    return placed


def _in_place_of(old: str, new: str, value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, list):
        return [_in_place_of(old, new, item) for item in value]
    if isinstance(value, dict):
        return {name: _in_place_of(old, new, item) for name, item in value.items()}
    return value


@contextmanager
def served(folder: Path) -> Iterator[httpx2.Client]:
    """A server with everything that the examples need, and a worker that has finished its work."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CTIBUTLER_")}
    environment |= {
        "CTIBUTLER_DATA_DIR": str(folder),
        "CTIBUTLER_BUCKET": str(SHARED / "kb"),
        "CTIBUTLER_LOG_LEVEL": "error",
        "CTIBUTLER_PORT": str(port),
    }
    command = [sys.executable, "-m", "ctibutler"]
    latest = [f"{kb.slug}@{kb.example.release}" for kb in HOSTED.all if kb.example and kb.slug not in ("capec", "cwe")]
    for words in ([*RELEASES, *latest], ["cwe@4.14", "--from", str(CWE)]):
        subprocess.run([*command, "install", *words], env=environment, check=True, capture_output=True, timeout=600)
    with ExitStack() as stack:
        for words in (["serve"], ["worker"]):
            process = stack.enter_context(
                subprocess.Popen(
                    [*command, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            )
            stack.callback(process.terminate)
        client = stack.enter_context(httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60))
        wait_until(lambda: client.get("/api/v1/capec/versions/installed/").json()["latest"] == "3.9")
        wait_until(lambda: not client.get("/api/v1/jobs/?state=pending,processing").json()["jobs"])
        yield client


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until a condition is true. Fails after two minutes."""
    for _ in range(600):
        try:
            if is_so():
                return
        except httpx2.ConnectError:
            pass
        time.sleep(0.2)
    raise AssertionError("the server does not get there")


def differences(recorded: Any, now: Any, where: str = "") -> Iterator[str]:
    """Where a recorded example differs from the server's current answer."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        # A job that ends before it reports has no progress.
        unlike = (recorded.keys() ^ now.keys()) - {"progress"}
        if unlike:
            yield f"{where}: {sorted(unlike)}"
        for name in recorded.keys() & now.keys():
            if not {name, f"{where}/{name}"} & _VARYING:
                yield from differences(recorded[name], now[name], f"{where}/{name}")
    elif isinstance(recorded, list) and isinstance(now, list):
        if len(recorded) != len(now):
            yield f"{where}: {len(recorded)} items, now {len(now)}"
        for number, (old, new) in enumerate(zip(recorded, now, strict=False)):
            yield from differences(old, new, f"{where}/{number}")
    elif recorded != now:
        yield f"{where}: {recorded!r}, now {now!r}"

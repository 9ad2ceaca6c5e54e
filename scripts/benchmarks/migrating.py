"""Files from one release to the next."""

from __future__ import annotations

import http.client
import json
import random
import sys
import time
from collections.abc import Iterator
from statistics import median

from benchmarks.declaring import Group, Outcome, Row, at_most
from benchmarks.processes import Asker, Server, run
from benchmarks.servers import HEALTH, api
from benchmarks.uncached import BASE
from benchmarks.workshop import Workshop, ctibutler

PATH = "/api/v1/attack-enterprise/migrate/?from=17.1&to=18.1"
HTTP = "over HTTP, until the answer is read"
ROWS = (
    Row("migrate-ids", "400 ids by `POST migrate`, the pair of releases known", "–", at_most(50, "ms"), HTTP),
    Row("migrate-ids-cold", "The same from a server that has just started", "–", at_most(300, "ms"), HTTP),
    Row("migrate-layer", "A layer of 700 entries, in and out", "400 ids", at_most(3, "times as long"), HTTP),
    Row(
        "migrate-rules",
        "`ctibutler migrate` of 1,000 Sigma rules in a folder, the whole process",
        "reading and writing them with PyYAML's pure loader",
        at_most(0.5, "of its time"),
        "processor time",
    ),
    Row(
        "migrate-memory",
        "Memory of an API process while it migrates 50,000 items, beyond that of one that is idle",
        "–",
        at_most(150, "MB"),
        "resident memory after 5 such requests",
    ),
)
RULES = 1000
READ = """
import sys, yaml
from pathlib import Path
for path in sorted(Path(sys.argv[1]).glob("*.yml")):
    text = path.read_text()
    yaml.load(text, Loader=yaml.SafeLoader)
    path.write_text(text)
"""


def measure(workshop: Workshop) -> Iterator[Outcome]:
    cold: list[float] = []
    warm: list[float] = []
    layers: list[float] = []
    for _ in range(workshop.runs):
        with api(workshop.everything) as server:
            Asker(server).body(HEALTH)
            ids = technique_numbers(Asker(server))
            listed = json.dumps({"ids": ids[:400]}).encode()
            cold.append(posted(server, PATH, listed))
            warm += [posted(server, PATH, listed) for _ in range(5)]
            layer = layer_of(ids[:700])
            layers += [posted(server, PATH + "&answer=file", layer) for _ in range(5)]
    with api(workshop.everything) as server:
        posted(server, PATH, listed)
        idle = server.megabytes()
        many = json.dumps({"ids": [ids[number % len(ids)] for number in range(5_000)]}).encode()
        text = "\n".join(ids[number % len(ids)] for number in range(50_000)).encode()
        for _ in range(5):
            posted(server, PATH, many)
            posted(server, PATH, text, "text/plain")
        busy = server.megabytes()
    yield Outcome("migrate-ids", median(warm) * 1000, {"runs": len(warm)})
    yield Outcome("migrate-ids-cold", median(cold) * 1000)
    yield Outcome("migrate-layer", median(layers) / median(warm), {"a layer, ms": median(layers) * 1000})
    yield rules(workshop, ids)
    yield Outcome("migrate-memory", busy - idle, {"idle, MB": idle})


def rules(workshop: Workshop, ids: list[str]) -> Outcome:
    """Rules of our own, as long as usual ones."""
    folder = workshop.folder / "rules"
    folder.mkdir(exist_ok=True)
    chance = random.Random(18)  # noqa: S311 - the same rules each time
    for number in range(RULES):
        tags = "".join(f"    - attack.{one.lower()}\n" for one in chance.sample(ids, 3))
        fields = "".join(f"        Image|endswith{place}: '\\\\tool{place}.exe'\n" for place in range(20))
        (folder / f"{number:04}.yml").write_text(
            f"title: Rule {number}\nstatus: test\nreferences:\n    - https://example.com/{number}\ntags:\n{tags}"
            f"logsource:\n    product: windows\ndetection:\n    selection:\n{fields}    condition: selection\nlevel: high\n"
        )
    ours = ctibutler(
        "migrate", str(folder), "--in-place", "--from", "17.1", "--to", "18.1", "--kb", "attack-enterprise"
    )
    theirs = [sys.executable, "-c", READ, str(folder)]
    taken = [(run(ours, workshop.everything).processor, run(theirs, workshop.everything).processor) for _ in range(3)]
    own, other = median(each[0] for each in taken), median(each[1] for each in taken)
    return Outcome("migrate-rules", own / other, {"ctibutler, s": own, "PyYAML, s": other})


def technique_numbers(asker: Asker) -> list[str]:
    """The ids of 700 techniques and more, as people use them."""
    pages = [
        asker.body(f"{BASE}?attack_version=17.1&types=attack-pattern&page_size=200&page={number}")
        for number in range(1, 5)
    ]
    objects = [item for page in pages for item in json.loads(page)["objects"]]
    return [item["external_references"][0]["external_id"] for item in objects]


def layer_of(ids: list[str]) -> bytes:
    entries = [{"techniqueID": one, "score": number, "comment": "seen"} for number, one in enumerate(ids)]
    versions = {"attack": "17", "navigator": "5.1.0", "layer": "4.5"}
    layer = {"name": "all", "versions": versions, "domain": "enterprise-attack", "techniques": entries}
    return json.dumps(layer, indent=1).encode()


def posted(server: Server, path: str, body: bytes, media_type: str = "application/json") -> float:
    """How many seconds a request takes."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    begun = time.perf_counter()
    connection.request("POST", path, body, {"Content-Type": media_type})
    answer = connection.getresponse()
    answer.read()
    seconds = time.perf_counter() - begun
    connection.close()
    assert answer.status == 200, answer.status
    return seconds


GROUP = Group("migrate", ROWS, measure)

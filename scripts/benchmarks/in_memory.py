"""The same questions over a networkx graph in memory. Run as a process of its own, it prints what each step took as JSON.

python in_memory.py walks BUNDLE        the walks of two questions, over the relationships of a bundle of ATT&CK
python in_memory.py paths DATABASE      all shortest paths, over the relations that ctibutler follows
python in_memory.py library BUNDLE      the first `get_techniques_used_by_group` of mitreattack-python
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import networkx

GROUP, TECHNIQUE = "intrusion-set--899ce53f-13a0-479b-a0e4-67d46e241542", "T1105"
START, END = "CWE-521", "D3-SPP"
REPEAT = 9


def walks(bundle: str) -> dict[str, float]:
    begun = time.process_time()
    objects = {stix["id"]: stix for stix in json.loads(Path(bundle).read_bytes())["objects"] if is_live(stix)}
    graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
    for stix in objects.values():
        if stix["type"] == "relationship" and stix["source_ref"] in objects and stix["target_ref"] in objects:
            graph.add_edge(stix["source_ref"], stix["target_ref"], key=stix["id"], relation=stix["relationship_type"])
    loaded = time.process_time() - begun
    [technique] = [name for name, stix in objects.items() if number(stix) == TECHNIQUE]
    return {
        "load": loaded * 1000,
        "group": repeated(lambda: of_group(graph)),
        "technique": repeated(lambda: of_technique(graph, technique)),
    }


def is_live(stix: dict[str, Any]) -> bool:
    return not (stix.get("revoked") or stix.get("x_mitre_deprecated"))


def number(stix: dict[str, Any]) -> str | None:
    if stix["type"] != "attack-pattern":
        return None
    return next((item["external_id"] for item in stix["external_references"] if "external_id" in item), None)


def of_group(graph: networkx.MultiDiGraph[str]) -> dict[str, list[tuple[str, ...]]]:
    """All four ways from a group to techniques, with the relationships of every path."""
    found: dict[str, list[tuple[str, ...]]] = {}
    campaigns = follow(graph, [(GROUP, ())], "attributed-to", "campaign--", back=True)
    users = [(GROUP, ()), *campaigns]
    for far, path in follow(graph, users, "uses", "attack-pattern--"):
        found.setdefault(far, []).append(path)
    software = [*follow(graph, users, "uses", "malware--"), *follow(graph, users, "uses", "tool--")]
    for far, path in follow(graph, software, "uses", "attack-pattern--"):
        found.setdefault(far, []).append(path)
    return found


def of_technique(graph: networkx.MultiDiGraph[str], technique: str) -> dict[str, list[tuple[str, ...]]]:
    """The groups whose software can be used for a technique."""
    found: dict[str, list[tuple[str, ...]]] = {}
    first = [(technique, ())]
    software = [pair for kind in ("malware--", "tool--") for pair in follow(graph, first, "uses", kind, back=True)]
    for far, path in follow(graph, software, "uses", "intrusion-set--", back=True):
        found.setdefault(far, []).append(path)
    return found


def follow(
    graph: networkx.MultiDiGraph[str], at: Any, relation: str, kind: str, *, back: bool = False
) -> list[tuple[str, tuple[str, ...]]]:
    step = graph.in_edges if back else graph.out_edges
    return [
        (far, (*path, key))
        for near, path in at
        for source, target, key, data in step(near, keys=True, data=True)
        if data["relation"] == relation and (far := source if back else target).startswith(kind)
    ]


def paths(database: str) -> dict[str, float]:
    from ctibutler.answers.library import Library
    from ctibutler.answers.onward.ground import Ground
    from ctibutler.catalog import objects
    from ctibutler.catalog.opening import open_catalogue
    from ctibutler.catalog.walks import Living
    from ctibutler.knowledge_bases import HOSTED

    library = Library(open_catalogue(database, HOSTED), HOSTED)
    graph: networkx.DiGraph[Any] = networkx.DiGraph()
    with library.database.read() as connection:
        ground = Ground(library, connection, {}, Living())
        for relation in ground.relations:
            if relation.declared.widens == "none":
                for near, reached in ground.take(relation, ground.all_at(relation.of), onward=True).items():
                    graph.add_edges_from((near, far) for far in reached)
        named = objects.primary_ids(connection, list(ground.objects.values()))
        ends = {named.get(key): node for node, key in ground.objects.items()}
    found = repeated(lambda: list(networkx.all_shortest_paths(graph, ends[START.casefold()], ends[END.casefold()])))
    return {"path": found, "edges": float(graph.number_of_edges())}


def library(bundle: str) -> dict[str, float]:
    warnings.simplefilter("ignore")
    from mitreattack.stix20 import MitreAttackData

    data = MitreAttackData(bundle)
    begun = time.process_time()
    data.get_techniques_used_by_group(GROUP)
    return {"first": (time.process_time() - begun) * 1000}


def repeated(function: Callable[[], object]) -> float:
    """Milliseconds of processor time, the median."""
    taken = []
    for _ in range(REPEAT):
        begun = time.process_time()
        function()
        taken.append((time.process_time() - begun) * 1000)
    return median(taken)


if __name__ == "__main__":
    print(json.dumps({"walks": walks, "paths": paths, "library": library}[sys.argv[1]](sys.argv[2])))

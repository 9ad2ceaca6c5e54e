"""What has to arrive in OpenCTI, counted from the publishers' bundles by plain Python.

Nothing of the connector is used here. The rules are those of the documentation: what is live, what leads to something
live, which verbs arrive as what. Keys are OpenCTI's names.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

Bundle = list[dict[str, Any]]

ATTACK = {
    "attack-pattern": "Attack-Pattern",
    "course-of-action": "Course-Of-Action",
    "intrusion-set": "Intrusion-Set",
    "campaign": "Campaign",
    "malware": "Malware",
    "tool": "Tool",
    "x-mitre-data-source": "Data-Source",
    "x-mitre-data-component": "Data-Component",
}


def dead(item: dict[str, Any]) -> bool:
    return bool(
        item.get("revoked")
        or item.get("x_mitre_deprecated")
        or item.get("x_capec_status") in ("Deprecated", "Obsolete")
    )


def names_of(item: dict[str, Any]) -> set[str]:
    return {
        name.strip().lower()
        for name in item.get("aliases", []) + item.get("x_mitre_aliases", [])
    }


def attack(bundle: Bundle) -> Counter[str]:
    """ATT&CK, any matrix."""
    by_id = {item["id"]: item for item in bundle}
    relations = [
        item for item in bundle if item["type"] == "relationship" and not dead(item)
    ]
    live = {item["id"] for item in bundle if item["type"] in ATTACK and not dead(item)}
    taken = {
        (by_id[i]["type"], name)
        for i in live
        if by_id[i]["type"] in ("malware", "tool", "intrusion-set", "campaign")
        for name in names_of(by_id[i])
    }
    replaced = {
        item["source_ref"]
        for item in relations
        if item["relationship_type"] == "revoked-by"
        and item["target_ref"] in live
        and by_id[item["source_ref"]].get("revoked")
        and (
            by_id[item["source_ref"]]["type"],
            by_id[item["source_ref"]]["name"].strip().lower(),
        )
        not in taken
    }
    counts = Counter(ATTACK[by_id[stix_id]["type"]] for stix_id in live | replaced)
    for item in relations:
        ends = {item["source_ref"], item["target_ref"]}
        if ends <= live or (
            item["relationship_type"] == "revoked-by"
            and item["source_ref"] in replaced
            and item["target_ref"] in live
        ):
            counts[item["relationship_type"]] += 1
    pairs = set()
    for item in relations:
        strategy = by_id.get(item["source_ref"], {})
        if (
            strategy.get("type") != "x-mitre-detection-strategy"
            or dead(strategy)
            or item["target_ref"] not in live
        ):
            continue
        for analytic in strategy.get("x_mitre_analytic_refs", []):
            if analytic in by_id and not dead(by_id[analytic]):
                for source in by_id[analytic].get("x_mitre_log_source_references", []):
                    if source["x_mitre_data_component_ref"] in live:
                        pairs.add(
                            (source["x_mitre_data_component_ref"], item["target_ref"])
                        )
    if pairs:
        counts["detects"] += len(pairs)
    counts["Kill-Chain-Phase"] = phases(by_id[stix_id] for stix_id in live | replaced)
    counts["Organization"] = 1
    return counts


def phases(items: Iterable[dict[str, Any]]) -> int:
    """The kill chain phases that these objects have."""
    return len(
        {
            (one["kill_chain_name"], one["phase_name"])
            for item in items
            for one in item.get("kill_chain_phases", [])
        }
    )


def capec(bundle: Bundle) -> Counter[str]:
    live = {
        item["id"]: item
        for item in bundle
        if item["type"] in ("attack-pattern", "course-of-action") and not dead(item)
    }
    related = set()
    counts: Counter[str] = Counter(ATTACK[item["type"]] for item in live.values())
    for stix_id, item in live.items():
        counts["subtechnique-of"] += sum(
            1 for parent in item.get("x_capec_child_of_refs", []) if parent in live
        )
        related |= {
            (stix_id, other)
            for other in item.get("x_capec_can_precede_refs", [])
            if other in live
        }
        related |= {
            tuple(sorted((stix_id, other)))
            for other in item.get("x_capec_peer_of_refs", [])
            if other in live
        }
    counts["related-to"] = len(related)
    counts["mitigates"] = sum(
        1
        for item in bundle
        if item["type"] == "relationship"
        and item["source_ref"] in live
        and item["target_ref"] in live
    )
    counts["Organization"] = 1
    return counts


def cwe(bundle: Bundle) -> Counter[str]:
    live = {
        item["id"] for item in bundle if item["type"] == "weakness" and not dead(item)
    }
    relations = [
        item
        for item in bundle
        if item["type"] == "relationship"
        and {item["source_ref"], item["target_ref"]} <= live
    ]
    children = {
        (item["source_ref"], item["target_ref"])
        for item in relations
        if item["relationship_type"] == "ChildOf"
    }
    others = set()
    for item in relations:
        pair = (item["source_ref"], item["target_ref"])
        if item["relationship_type"] == "PeerOf":
            others.add(tuple(sorted(pair)))
        elif item["relationship_type"] != "ChildOf":
            others.add(pair)
    return Counter(
        {
            "Vulnerability": len(live),
            "derived-from": len(children),
            "related-to": len(others),
            "Organization": 1,
        }
    )


def disarm(bundle: Bundle) -> Counter[str]:
    return _techniques(bundle, author="System")


def atlas(bundle: Bundle) -> Counter[str]:
    return _techniques(bundle, author="Organization")


f3 = atlas


def _techniques(bundle: Bundle, author: str) -> Counter[str]:
    counts = Counter(ATTACK[item["type"]] for item in bundle if item["type"] in ATTACK)
    counts.update(
        kind
        for kind, _, _ in {
            (item["relationship_type"], item["source_ref"], item["target_ref"])
            for item in bundle
            if item["type"] == "relationship"
        }
    )
    counts["Kill-Chain-Phase"] = phases(bundle)
    counts[author] += 1
    return counts


def location(bundle: Bundle) -> Counter[str]:
    kinds: Counter[str] = Counter()
    for item in bundle:
        if item["type"] == "location":
            is_country = any(
                r["source_name"] == "type" and r["external_id"] == "country"
                for r in item["external_references"]
            )
            kinds["Country" if is_country else "Region"] += 1
    placed = {item["source_ref"] for item in bundle if item["type"] == "relationship"}
    return kinds + Counter({"located-at": len(placed), "System": 1})


def sector(bundle: Bundle) -> Counter[str]:
    sectors = sum(1 for item in bundle if item.get("identity_class") == "class")
    parts = sum(1 for item in bundle if item["type"] == "relationship")
    return Counter({"Sector": sectors, "part-of": parts, "Organization": 1})


def d3fend(bundle: Bundle) -> Counter[str]:
    techniques = {item["id"] for item in bundle if item["type"] == "course-of-action"}
    chains = sum(
        1
        for item in bundle
        if item["type"] == "relationship"
        and {item["source_ref"], item["target_ref"]} <= techniques
    )
    return Counter(
        {"Course-Of-Action": len(techniques), "derived-from": chains, "Organization": 1}
    )


COUNTED = {
    "attack-enterprise": attack,
    "attack-mobile": attack,
    "attack-ics": attack,
    "capec": capec,
    "cwe": cwe,
    "disarm": disarm,
    "atlas": atlas,
    "mitre-f3": f3,
    "location": location,
    "sector": sector,
    "d3fend": d3fend,
}

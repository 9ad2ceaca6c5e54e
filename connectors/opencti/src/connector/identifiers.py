"""The ids under which OpenCTI knows what we send: two objects with one such id are one entity there.

They are computed with pycti at run time and never stored, because their recipes change with the platform.
"""

import pycti

from connector.stix import StixObject


def standard_id(item: StixObject) -> str:
    """The platform's id of an object in the form in which it is sent."""
    match item["type"]:
        case "attack-pattern":
            return str(pycti.AttackPattern.generate_id(item["name"], item.get("x_mitre_id")))
        case "course-of-action":
            return str(pycti.CourseOfAction.generate_id(item["name"], item.get("x_mitre_id")))
        case "identity":
            return str(pycti.Identity.generate_id(item["name"], item.get("identity_class") or "organization"))
        case "location":
            return str(pycti.Location.generate_id(item["name"], item["x_opencti_location_type"]))
        case "x-mitre-data-source":
            return str(pycti.DataSource.generate_id(item["name"]))
        case "x-mitre-data-component":
            return str(pycti.DataComponent.generate_id(item["name"]))
        case "intrusion-set":
            return str(pycti.IntrusionSet.generate_id(item["name"]))
        case "campaign":
            return str(pycti.Campaign.generate_id(item["name"]))
        case "malware":
            return str(pycti.Malware.generate_id(item["name"]))
        case "tool":
            return str(pycti.Tool.generate_id(item["name"]))
        case "vulnerability":
            return str(pycti.Vulnerability.generate_id(item["name"]))
        case _:
            return str(item["id"])


def alias_ids(item: StixObject) -> list[str]:
    """The ids that the platform also finds an object by, because of its aliases. A number outweighs all names."""
    if item.get("x_mitre_id"):
        return []
    names = [*(item.get("aliases") or ()), *(item.get("x_opencti_aliases") or ())]
    return [standard_id({**item, "name": name}) for name in names]


def relationship_id(relationship_type: str, source_ref: str, target_ref: str) -> str:
    """The id of a relationship that no publisher gave one."""
    return str(pycti.StixCoreRelationship.generate_id(relationship_type, source_ref, target_ref))


def phase_id(kill_chain: str, phase: str) -> str:
    """The platform's id of a kill chain phase."""
    return str(pycti.KillChainPhase.generate_id(phase, kill_chain))


def vulnerability_id(name: str) -> str:
    """The platform's id of a vulnerability: what a weakness becomes."""
    return str(pycti.Vulnerability.generate_id(name))


def organization_id(name: str) -> str:
    """The platform's id of an organisation."""
    return str(pycti.Identity.generate_id(name, "organization"))

"""The ids that OpenCTI gives to objects. Two objects with the same id become one entity.

pycti computes them at run time. They are never stored, because the recipes change with the platform.
"""

import pycti
from connector.stix import StixObject


def standard_id(item: StixObject) -> str:
    """The platform's id of an object that is sent."""
    match item["type"]:
        case "attack-pattern":
            return str(
                pycti.AttackPattern.generate_id(item["name"], item.get("x_mitre_id"))
            )
        case "course-of-action":
            return str(
                pycti.CourseOfAction.generate_id(item["name"], item.get("x_mitre_id"))
            )
        case "identity":
            return str(
                pycti.Identity.generate_id(
                    item["name"], item.get("identity_class") or "organization"
                )
            )
        case "location":
            return str(
                pycti.Location.generate_id(
                    item["name"], item["x_opencti_location_type"]
                )
            )
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
    """The ids that the platform finds an object by because of its aliases. None for an object with an external id."""
    if item.get("x_mitre_id"):
        return []
    names = [*(item.get("aliases") or ()), *(item.get("x_opencti_aliases") or ())]
    return [standard_id({**item, "name": name}) for name in names]


def relationship_id(relationship_type: str, source_ref: str, target_ref: str) -> str:
    """The id of a relationship that has none from its publisher."""
    return str(
        pycti.StixCoreRelationship.generate_id(
            relationship_type, source_ref, target_ref
        )
    )


def vulnerability_id(name: str) -> str:
    """The platform's id of a vulnerability."""
    return str(pycti.Vulnerability.generate_id(name))


def organization_id(name: str) -> str:
    """The platform's id of an organization."""
    return str(pycti.Identity.generate_id(name, "organization"))

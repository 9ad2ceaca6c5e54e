"""Objects with the properties that OpenCTI reads, and no others."""

from urllib.parse import urlsplit

from connector.stix import StixObject

_COMMON = ("created", "modified", "name", "description", "labels", "lang")

# What pycti reads of each type, besides what `converter_to_stix` sets. Everything else would only fill the queue.
_READ: dict[str, tuple[str, ...]] = {
    "attack-pattern": (
        "x_mitre_platforms",
        "x_mitre_detection",
        "x_mitre_permissions_required",
    ),
    "campaign": ("first_seen", "last_seen", "objective"),
    "course-of-action": (),
    "grouping": ("context",),
    "identity": ("identity_class", "contact_information", "roles"),
    "intrusion-set": (
        "first_seen",
        "last_seen",
        "goals",
        "resource_level",
        "primary_motivation",
        "secondary_motivations",
    ),
    "location": ("latitude", "longitude"),
    "malware": (
        "malware_types",
        "is_family",
        "first_seen",
        "last_seen",
        "architecture_execution_envs",
        "implementation_languages",
        "capabilities",
    ),
    "tool": ("tool_types", "tool_version"),
    "x-mitre-data-component": (),
    "x-mitre-data-source": ("x_mitre_platforms", "x_mitre_collection_layers"),
}

ALIAS_KEYS: dict[str, tuple[str, ...]] = {
    "campaign": ("aliases",),
    "course-of-action": ("x_aliases",),
    "identity": ("x_opencti_aliases", "aliases"),
    "intrusion-set": ("aliases",),
    "location": ("x_opencti_aliases",),
    "malware": ("x_mitre_aliases", "aliases"),
    "tool": ("x_mitre_aliases", "aliases"),
    "weakness": ("x_opencti_aliases",),
}
"""The properties with aliases, by the publisher's type."""

SENT_ALIAS_KEY = {
    "campaign": "aliases",
    "intrusion-set": "aliases",
    "malware": "aliases",
    "tool": "aliases",
}
"""The property where pycti reads aliases, by the type that is sent. For all others it is `x_opencti_aliases`."""


def read_by_opencti(item: StixObject) -> StixObject:
    """The properties of an object that OpenCTI reads."""
    sent: StixObject = {"type": item["type"], "id": item["id"], "spec_version": "2.1"}
    for key in (*_COMMON, *_READ[item["type"]]):
        value = item.get(key)
        if value is not None and value != [] and value != "":
            sent[key] = value
    if item["type"] == "malware":
        sent.setdefault("is_family", True)
    return sent


def references(item: StixObject, naming: tuple[str, ...]) -> list[StixObject]:
    """The external references that the platform accepts, the one that names the object first.

    A reference needs a URL, or a source with an id. Where the source is empty, as in CWE, it becomes the host of the URL.
    """
    kept = []
    for reference in item.get("external_references") or ():
        url, source = reference.get("url"), reference.get("source_name")
        if not url and not (source and reference.get("external_id")):
            continue
        sent = {
            key: reference[key]
            for key in ("source_name", "description", "url", "external_id")
            if reference.get(key)
        }
        if not source:
            sent["source_name"] = urlsplit(url).hostname or "reference"
        kept.append(sent)
    kept.sort(
        key=lambda reference: reference["source_name"] not in naming
        or "external_id" not in reference
    )
    return kept

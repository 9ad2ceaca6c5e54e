"""What the workbook of a release of ATT&CK shows of its objects, besides what every table of them shows."""

from __future__ import annotations

from collections.abc import Callable

from ctibutler.knowledge_bases.declaration import Column, StixDict
from ctibutler.knowledge_bases.properties import property_values, reference_values, strings
from ctibutler.stix.objects import dicts, external_references

_TECHNIQUES = ("attack-pattern",)
_SOFTWARE = ("malware", "tool")
_GROUPS, _CAMPAIGNS, _ASSETS = ("intrusion-set",), ("campaign",), ("x-mitre-asset",)
_DATA_SOURCES = ("x-mitre-data-source",)


def _flag(name: str) -> Callable[[StixDict], list[str]]:
    """Reads a property that is true or false."""

    def read(stix: StixDict) -> list[str]:
        value = stix.get(name)
        return ["true" if value else "false"] if isinstance(value, bool) else []

    return read


def _alias_citations(stix: StixDict) -> list[str]:
    """Who says each alias: `Berserk Bear: (Citation: Gigamon Berserk Bear October 2021)`."""
    said = {reference.get("source_name"): reference.get("description") for reference in external_references(stix)}
    return [f"{alias}: {said[alias]}" for alias in strings(stix.get("aliases"))[1:] if said.get(alias)]


def _related_assets(stix: StixDict) -> list[str]:
    """Other names of an asset: `Data Gateway (Electric, General): …`."""
    shown = []
    for related in dicts(stix.get("x_mitre_related_assets")):
        sectors = ", ".join(strings(related.get("related_asset_sectors")))
        name = " ".join((*strings(related.get("name")), *([f"({sectors})"] if sectors else [])))
        shown.append(": ".join((name, *strings(related.get("description")))))
    return shown


def sheet_columns(listed_types: tuple[str, ...]) -> tuple[Column, ...]:
    """Return the columns. What every object may have is shown of all listed types."""
    return (
        Column("version", property_values("x_mitre_version"), listed_types),
        Column("domains", property_values("x_mitre_domains"), listed_types),
        Column("contributors", property_values("x_mitre_contributors"), listed_types),
        Column("type", property_values("type"), _SOFTWARE),
        Column("alias_citations", _alias_citations, (*_GROUPS, *_CAMPAIGNS)),
        Column("first_seen_citation", property_values("x_mitre_first_seen_citation"), _CAMPAIGNS),
        Column("last_seen_citation", property_values("x_mitre_last_seen_citation"), _CAMPAIGNS),
        Column("sectors", property_values("x_mitre_sectors"), _ASSETS),
        Column("related_assets", _related_assets, _ASSETS),
        Column("platforms", property_values("x_mitre_platforms"), _DATA_SOURCES),
        Column("collection_layers", property_values("x_mitre_collection_layers"), _DATA_SOURCES),
        Column("data_source_ref", property_values("x_mitre_data_source_ref"), ("x-mitre-data-component",)),
        Column("analytic_refs", property_values("x_mitre_analytic_refs"), ("x-mitre-detection-strategy",)),
        Column("capec_ids", reference_values("capec"), _TECHNIQUES),
        Column("mtc_ids", reference_values("NIST Mobile Threat Catalogue"), _TECHNIQUES),
        Column("tactic_types", property_values("x_mitre_tactic_type"), _TECHNIQUES),
        Column("data_sources", property_values("x_mitre_data_sources"), _TECHNIQUES),
        Column("impact_types", property_values("x_mitre_impact_type"), _TECHNIQUES),
        Column("remote_support", _flag("x_mitre_remote_support"), _TECHNIQUES),
        Column("permissions_required", property_values("x_mitre_permissions_required"), _TECHNIQUES),
        Column("effective_permissions", property_values("x_mitre_effective_permissions"), _TECHNIQUES),
        Column("system_requirements", property_values("x_mitre_system_requirements"), _TECHNIQUES),
        Column("defenses_bypassed", property_values("x_mitre_defense_bypassed"), _TECHNIQUES),
        Column("detection", property_values("x_mitre_detection"), _TECHNIQUES),
    )

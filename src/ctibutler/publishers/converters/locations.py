"""The locations of release 1.0, from facts: ISO 3166 countries in the regions of the United Nations' M49 standard.

Ids are made from names, so names are those of the list that upstream made the release from. Where pycountry has them
otherwise, they stand here. Equal to upstream's objects, of which each relationship is written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pycountry

from ctibutler.errors import MalformedFile
from ctibutler.stix import seeds
from ctibutler.stix.identifiers import (
    LOCATIONS,
    location_id,
    location_relationship_id,
    seed_identity_id,
    seed_marking_definition_id,
    uuid5,
)
from ctibutler.stix.markings import TLP_CLEAR

# region / sub-region / intermediate region: alpha-2 codes. Antarctica is in no region.
_REGIONS: Final = """
Africa / Northern Africa: DZ EG EH LY MA SD TN
Africa / Sub-Saharan Africa / Eastern Africa: BI DJ ER ET IO KE KM MG MU MW MZ RE RW SC SO SS TF TZ UG YT ZM ZW
Africa / Sub-Saharan Africa / Middle Africa: AO CD CF CG CM GA GQ ST TD
Africa / Sub-Saharan Africa / Southern Africa: BW LS NA SZ ZA
Africa / Sub-Saharan Africa / Western Africa: BF BJ CI CV GH GM GN GW LR ML MR NE NG SH SL SN TG
Americas / Latin America and the Caribbean / Caribbean: \
AG AI AW BB BL BQ BS CU CW DM DO GD GP HT JM KN KY LC MF MQ MS PR SX TC TT VC VG VI
Americas / Latin America and the Caribbean / Central America: BZ CR GT HN MX NI PA SV
Americas / Latin America and the Caribbean / South America: AR BO BR BV CL CO EC FK GF GS GY PE PY SR UY VE
Americas / Northern America: BM CA GL PM US
Asia / Central Asia: KG KZ TJ TM UZ
Asia / Eastern Asia: CN HK JP KP KR MN MO TW
Asia / South-eastern Asia: BN ID KH LA MM MY PH SG TH TL VN
Asia / Southern Asia: AF BD BT IN IR LK MV NP PK
Asia / Western Asia: AE AM AZ BH CY GE IL IQ JO KW LB OM PS QA SA SY TR YE
Europe / Eastern Europe: BG BY CZ HU MD PL RO RU SK UA
Europe / Northern Europe: AX DK EE FI FO GB IE IM IS LT LV NO SE SJ
Europe / Northern Europe / Channel Islands: GG JE
Europe / Southern Europe: AD AL BA ES GI GR HR IT ME MK MT PT RS SI SM VA
Europe / Western Europe: AT BE CH DE FR LI LU MC NL
Oceania / Australia and New Zealand: AU CC CX HM NF NZ
Oceania / Melanesia: FJ NC PG SB VU
Oceania / Micronesia: FM GU KI MH MP NR PW UM
Oceania / Polynesia: AS CK NU PF PN TK TO TV WF WS
: AQ
"""

_NAMES: Final[Mapping[str, str]] = {
    "BO": "Bolivia (Plurinational State of)",
    "CD": "Congo, Democratic Republic of the",
    "FM": "Micronesia (Federated States of)",
    "GB": "United Kingdom of Great Britain and Northern Ireland",
    "IR": "Iran (Islamic Republic of)",
    "KP": "Korea (Democratic People's Republic of)",
    "TR": "Turkey",
    "US": "United States of America",
    "VA": "Holy See",
    "VE": "Venezuela (Bolivarian Republic of)",
    "VG": "Virgin Islands (British)",
    "VI": "Virgin Islands (U.S.)",
}

_LEVELS: Final = ("region", "sub-region", "intermediate-region")

# What all names and codes of the release give together. Another pycountry may name a country otherwise, and a location
# with another name would be another location.
_FINGERPRINT: Final = "8150eeee716553eca009a4d0e725027b"


@dataclass(frozen=True, slots=True)
class _Country:
    name: str
    alpha_2: str
    alpha_3: str
    numeric: str
    regions: tuple[str, ...]
    """The region, the sub-region and the intermediate region, as far as there are any."""


def convert() -> list[dict[str, Any]]:
    """All objects of the release: countries, regions of three levels, and which belongs to which.

    Raises MalformedFile when the installed pycountry has other names or codes than the release.
    """
    countries = _countries()
    levels: dict[str, str] = {}
    parents: dict[str, str] = {}
    for country in countries:
        levels |= zip(country.regions, _LEVELS, strict=False)
        parents |= zip(country.regions[1:], country.regions, strict=False)
    return [
        seeds.retired_tool_identity("location2stix"),
        seeds.tool_marking_definition("location2stix"),
        *(_region(name, level) for name, level in levels.items()),
        *(_country(country) for country in countries),
        *(_relationship(name, levels[parent], parent) for name, parent in parents.items()),
        *(_relationship(country.name, levels[name], name) for country in countries for name in country.regions),
    ]


def _countries() -> list[_Country]:
    facts = []
    for line in _REGIONS.strip().splitlines():
        regions, _, codes = line.partition(":")
        names = tuple(name for name in regions.split(" / ") if name)
        for alpha_2 in codes.split():
            entry = pycountry.countries.get(alpha_2=alpha_2)
            if entry is None:
                raise MalformedFile(f"location 1.0: this pycountry does not know the country {alpha_2}")
            name = _NAMES.get(alpha_2, entry.name)
            facts.append(_Country(name, alpha_2, entry.alpha_3, entry.numeric, names))
    told = "\n".join(f"{fact.alpha_2} {fact.alpha_3} {fact.numeric} {fact.name}" for fact in facts)
    if uuid5(LOCATIONS, told).hex() != _FINGERPRINT:
        raise MalformedFile("location 1.0: this pycountry has other names or codes of countries than the release")
    return facts


def _country(country: _Country) -> dict[str, Any]:
    references = {
        "location2stix": country.alpha_2,
        "type": "country",
        "alpha-2": country.alpha_2,
        "alpha-3": country.alpha_3,
        "iso_3166-2": f"ISO 3166-2:{country.alpha_2}",
        "country-code": country.numeric,
    }
    sub_region = country.regions[1] if country.regions else ""
    return _location(country.name, {"region": _slug(sub_region), "country": country.alpha_2}, references)


def _region(name: str, level: str) -> dict[str, Any]:
    # `…-code` holds the name, not the number of the standard: clients look for it there.
    return _location(
        name, {"region": _slug(name)}, {"location2stix": _slug(name), f"{level}-code": name, "type": level}
    )


def _location(name: str, place: Mapping[str, str], references: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "location",
        **_signed(location_id(name)),
        "name": name,
        **place,
        "external_references": [
            {"source_name": source_name, "external_id": external_id} for source_name, external_id in references.items()
        ],
        "object_marking_refs": _markings(),
    }


def _relationship(source: str, relationship_type: str, target: str) -> dict[str, Any]:
    source_id, target_id = location_id(source), location_id(target)
    return {
        "type": "relationship",
        **_signed(location_relationship_id(source_id, target_id)),
        "relationship_type": relationship_type,
        "description": f"{source} belongs to the {relationship_type} of {target}",
        "source_ref": source_id,
        "target_ref": target_id,
        "object_marking_refs": _markings(),
    }


def _signed(stix_id: str) -> dict[str, Any]:
    return {
        "spec_version": "2.1",
        "id": stix_id,
        "created_by_ref": seed_identity_id("location2stix"),
        "created": seeds.EPOCH,
        "modified": seeds.EPOCH,
    }


def _markings() -> list[str]:
    # The other way round than everywhere else.
    return [seed_marking_definition_id("location2stix"), TLP_CLEAR]


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-").replace("-and-", "-").replace("-the-", "-")

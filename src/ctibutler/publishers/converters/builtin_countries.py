"""The built-in countries: ISO 3166, in the regions of the United Nations' M49 standard.

Ids are made from names, so the names are those of the list from which upstream created release 1.0. Names that differ in
pycountry are listed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters.locations import Country
from ctibutler.stix.identifiers import LOCATIONS, uuid5

# region / sub-region / intermediate region: alpha-2 codes. Antarctica has no region.
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

# The digest of all names and codes of the release. If another version of pycountry renames a country, the id of the
# location would change.
_FINGERPRINT: Final = "8150eeee716553eca009a4d0e725027b"


def countries() -> list[Country]:
    """The countries of release 1.0, region by region.

    Raises MalformedFile if the names or codes in the installed pycountry differ from the release.
    """
    import pycountry  # late: it is only needed for this release

    facts = []
    for line in _REGIONS.strip().splitlines():
        regions, _, codes = line.partition(":")
        names = tuple(name for name in regions.split(" / ") if name)
        for alpha_2 in codes.split():
            entry = pycountry.countries.get(alpha_2=alpha_2)
            if entry is None:
                raise MalformedFile(f"location 1.0: the installed pycountry has no country {alpha_2}")
            name = _NAMES.get(alpha_2, entry.name)
            facts.append(Country(name, alpha_2, entry.alpha_3, entry.numeric, f"ISO 3166-2:{alpha_2}", names))
    facts_as_text = "\n".join(f"{fact.alpha_2} {fact.alpha_3} {fact.numeric} {fact.name}" for fact in facts)
    if uuid5(LOCATIONS, facts_as_text).hex() != _FINGERPRINT:
        raise MalformedFile(
            "location 1.0: names or codes of countries in the installed pycountry differ from the release"
        )
    return facts

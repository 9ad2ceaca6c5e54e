"""Locations as OpenCTI's own data set has them: facts about some countries, their codes and their region.

The data set places a country in a sub-region and knows no intermediate regions. Its alpha-3 code of Taiwan is not ISO's.
"""

from tests.platform.knowledge import Knowledge

AUTHOR = "identity--8cb00c79-ab20-5ed4-b37d-337241b96a29"

COUNTRIES = {
    "Taiwan": (("TWA", "TW"), "Eastern Asia"),
    "Turkey": (("TUR", "TR"), "Middle East"),
    "Hong Kong Special Administrative Region": (("HKG", "HK"), "Eastern Asia"),
    "Kenya": (("KEN", "KE"), "Sub-Saharan Africa"),
    "France": (("FRA", "FR"), "Western Europe"),
    "Republic of Korea": (("KOR", "KR"), "Eastern Asia"),
}


def load(knowledge: Knowledge) -> None:
    """Import them the way the connector of the data sets does."""
    knowledge.add_entity("Organization", {"stix_id": AUTHOR, "name": "Filigran"})
    for region in sorted({region for _, region in COUNTRIES.values()}):
        knowledge.add_entity("Region", {"name": region, "createdBy": AUTHOR})
    for name, (codes, region) in COUNTRIES.items():
        country = knowledge.add_entity(
            "Country",
            {"name": name, "x_opencti_aliases": list(codes), "createdBy": AUTHOR},
        )
        parent = knowledge.named("Region", region)
        knowledge.add_relationship(
            {
                "stix_id": f"relationship--{country.id}",
                "relationship_type": "located-at",
                "fromId": country.id,
                "toId": parent.id,
                "description": f"{name} is in {region}",
                "createdBy": AUTHOR,
            }
        )

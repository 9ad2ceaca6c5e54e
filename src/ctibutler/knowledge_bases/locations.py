"""Locations: countries and the regions of the United Nations."""

from __future__ import annotations

from ctibutler.knowledge_bases.declaration import (
    BucketFiles,
    Column,
    Example,
    Filter,
    IndexedField,
    KnowledgeBase,
    TypeWord,
)
from ctibutler.knowledge_bases.properties import external_id_of, property_values, reference_values
from ctibutler.knowledge_bases.questions import In, Out, Question, way

_LIES_IN = ("intermediate-region", "sub-region", "region")
_QUESTIONS = (
    Question(
        "countries",
        ("Region",),
        ("Country",),
        "Countries in it.",
        (way("own", In(*_LIES_IN)),),
        "regions",
        tally=("country", "countries"),
    ),
    Question(
        "places",
        ("Region",),
        ("Region", "Country"),
        "Countries and smaller regions in it.",
        (way("own", In(*_LIES_IN)),),
        "regions",
    ),
    Question(
        "regions",
        ("Country", "Region"),
        ("Region",),
        "Regions that it lies in.",
        (way("own", Out(*_LIES_IN)),),
        "places",
    ),
)

LOCATION = KnowledgeBase(
    slug="location",
    aliases=("locations",),
    title="Locations",
    publisher="dogesec (location2stix)",
    licence="Apache License 2.0.",
    database_name="location",
    database_aliases=("locations",),
    id_parameter="location_id",
    version_parameter="location_version",
    job_type="location-update",
    id_sources=("location2stix",),
    primary_id=external_id_of("location2stix"),
    examples=("US", "western-africa", "channel-islands"),
    example=Example("1.0", "ZA", "location--23bd96f0-312a-5d26-975a-0aa1be725aaf", "Africa"),
    listed_types=("location",),
    own_kinds=(
        TypeWord(
            "Country", ("location",), holds=lambda stix: "country" in reference_values("type")(stix), shape="location"
        ),
        TypeWord("Region", ("location",), shape="location"),
    ),
    questions=_QUESTIONS,
    filters=(
        Filter("alpha2_code", "exact", "alpha2_code", "ISO 3166-1 alpha-2 codes, such as `MX,DE`", "MX,DE"),
        Filter("alpha3_code", "exact", "alpha3_code", "ISO 3166-1 alpha-3 codes, such as `USA,ZAF`", "USA,ZAF"),
        Filter(
            "location_type",
            "exact",
            "location_type",
            "`country`, `region`, `sub-region`, `intermediate-region`",
            "sub-region",
        ),
    ),
    columns=(
        Column("alpha2", property_values("country"), ("location",)),
        Column("alpha3", reference_values("alpha-3"), ("location",)),
        Column("numeric", reference_values("country-code"), ("location",)),
        Column("regions", property_values("region"), ("location",)),
    ),
    indexed_fields=(
        IndexedField("alpha2_code", property_values("country")),
        IndexedField("alpha3_code", reference_values("alpha-3")),
        IndexedField("location_type", reference_values("type")),
    ),
    sort_fields=("location_type",),
    object_filter_word="location",
    converter="iso-3166-csv",
    parent_relationships=_LIES_IN,
    bucket=BucketFiles("location2stix-manual-output", "location-bundle-v{}.json"),
)

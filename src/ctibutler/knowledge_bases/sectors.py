"""Sectors of the economy."""

from __future__ import annotations

from ctibutler.knowledge_bases.declaration import BucketFiles, Example, Filter, KnowledgeBase, TypeWord
from ctibutler.knowledge_bases.properties import external_id_of
from ctibutler.knowledge_bases.questions import In, Out, Question, way

_SECTOR = ("Sector",)
_QUESTIONS = (
    Question("parts", _SECTOR, _SECTOR, "Sectors that are part of it.", (way("own", In("part-of")),), "part-of"),
    Question(
        "part-of",
        _SECTOR,
        _SECTOR,
        "Sectors that it is part of.",
        (way("own", Out("part-of")),),
        "parts",
        tally=("part of {}", "part of {}"),
    ),
)

SECTOR = KnowledgeBase(
    slug="sector",
    aliases=("sectors",),
    title="Sectors",
    publisher="dogesec (sector2stix)",
    licence="Apache License 2.0.",
    database_name="sector",
    id_parameter="sector_id",
    version_parameter="sector_version",
    job_type="sector-update",
    id_sources=("sector2stix",),
    primary_id=external_id_of("sector2stix"),
    examples=("defense-industry", "maritime-transport"),
    example=Example("1.0", "maritime-transport", "identity--76621f33-4f0f-5a79-9367-6523af40a0c9", "transport"),
    listed_types=("identity",),
    listed=lambda stix: stix.get("identity_class") == "class",
    own_kinds=(
        TypeWord("Sector", ("identity",), holds=lambda stix: stix.get("identity_class") == "class", shape="sector"),
    ),
    questions=_QUESTIONS,
    filters=(Filter("alias", "substring", "alias", "part of a name in `aliases` or `x_opencti_aliases`", "naval"),),
    default_sort="name_ascending",
    object_filter_word="sector",
    converter="opencti-sectors",
    parent_relationships=("part-of",),
    bucket=BucketFiles("sector2stix-manual-output", "sector-bundle-v{}.json"),
)

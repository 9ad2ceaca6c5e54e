"""DISARM, the framework of disinformation techniques."""

from __future__ import annotations

from ctibutler.knowledge_bases.attack import MATRIX, SUB_TECHNIQUE, TACTIC, TECHNIQUE
from ctibutler.knowledge_bases.declaration import (
    AtPublisher,
    BucketFiles,
    Example,
    KnowledgeBase,
    Tactics,
    address_form,
    id_form,
)
from ctibutler.knowledge_bases.matrix_questions import MATRIX_QUESTIONS
from ctibutler.knowledge_bases.page_layouts import MATRIX_LAYOUTS
from ctibutler.knowledge_bases.properties import external_id_of, technique_columns
from ctibutler.knowledge_bases.property_classes import MATRIX_PROPERTIES

DISARM = KnowledgeBase(
    slug="disarm",
    title="DISARM",
    publisher="DISARM Foundation",
    licence="DISARM Foundation. Creative Commons Attribution-ShareAlike 4.0.",
    database_name="disarm",
    id_parameter="disarm_id",
    version_parameter="disarm_version",
    type_parameter="disarm_type",
    job_type="disarm-update",
    id_sources=("DISARM",),
    primary_id=external_id_of("DISARM"),
    examples=("TA05", "T0086.003", "DISARM"),
    example=Example("1.6", "T0086.003", "attack-pattern--00dc0ed2-b16d-5f33-bad3-cc54fb7be6a9", "Edit Images"),
    listed_types=("attack-pattern", "identity", "marking-definition", "x-mitre-matrix", "x-mitre-tactic"),
    type_words=(TACTIC, TECHNIQUE, SUB_TECHNIQUE),
    own_kinds=(MATRIX,),
    dialect="breaks",
    layouts=MATRIX_LAYOUTS,
    questions=MATRIX_QUESTIONS,
    columns=technique_columns(external_id_of("DISARM")),
    id_forms=(
        id_form(r"TA\d+", "x-mitre-tactic"),
        id_form(r"T\d+(\.\d+)?", "attack-pattern"),
        id_form(r"DISARM", "x-mitre-matrix"),
    ),
    id_in_text=r"T\d{4}(?:\.\d{3})?|TA\d{2}",
    address_forms=(
        address_form(
            r"(?:raw\.githubusercontent\.com|github\.com)/DISARMFoundation/DISARMframeworks/"
            r"(?:blob/)?[\w-]+/generated_pages/\w+/(TA?\d+(?:\.\d+)?)"
        ),
    ),
    object_filter_word="disarm",
    at_publisher=(AtPublisher("disarm-repository", "https://github.com/DISARMFoundation/DISARMframeworks"),),
    converter="disarm-xlsx",
    main_types=("attack-pattern", "x-mitre-tactic"),
    property_classes=MATRIX_PROPERTIES,
    parent_relationships=("subtechnique-of",),
    tactics=Tactics(),
    bucket=BucketFiles("disarm2stix-manual-output", "disarm-bundle-v{}.json"),
)

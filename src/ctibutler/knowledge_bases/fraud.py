"""MITRE F3, the framework of financial fraud."""

from __future__ import annotations

from ctibutler.knowledge_bases.attack import MATRIX, SUB_TECHNIQUE, TACTIC, TECHNIQUE
from ctibutler.knowledge_bases.declaration import (
    NEVER_LISTED,
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

F3 = KnowledgeBase(
    slug="mitre-f3",
    aliases=("f3", "mitre-fraud"),
    title="MITRE Fight Fraud Framework (F3)",
    publisher="MITRE Center for Threat-Informed Defense",
    licence="Copyright The MITRE Corporation. Apache License 2.0.",
    database_name="mitre_f3",
    id_parameter="f3_id",
    version_parameter="f3_version",
    type_parameter="f3_type",
    job_type="f3-update",
    id_sources=("mitre-f3",),
    primary_id=external_id_of("mitre-f3"),
    examples=("F1001", "F1025.003", "TA0043"),
    example=Example("1.1", "F1025.003", "attack-pattern--9b1f2624-46c3-5866-97bb-cebb59a6d6a9", "Wire Transfer"),
    listed_types=(
        "attack-pattern",
        "identity",
        "marking-definition",
        "x-mitre-matrix",
        "x-mitre-tactic",
        "x-mitre-collection",
    ),
    left_out_types=NEVER_LISTED,
    type_words=(TACTIC, TECHNIQUE, SUB_TECHNIQUE),
    own_kinds=(MATRIX,),
    dialect="markdown",
    layouts=MATRIX_LAYOUTS,
    questions=MATRIX_QUESTIONS,
    columns=technique_columns(external_id_of("mitre-f3")),
    id_forms=(id_form(r"(TA|FA)\d+", "x-mitre-tactic"), id_form(r"[FT]\d+(\.\d+)?", "attack-pattern")),
    id_in_text=r"[FT]\d{4}(?:\.\d{3})?|(?:TA|FA)\d{4}",
    address_forms=(address_form(r"ctid\.mitre\.org/fraud/\w+/([A-Z]+\d+(?:\.\d+)?)"),),
    object_filter_word="mitre-f3",
    at_publisher=(
        AtPublisher("fraud-repository", "https://github.com/center-for-threat-informed-defense/fight-fraud-framework"),
    ),
    main_types=("attack-pattern", "x-mitre-tactic"),
    property_classes=MATRIX_PROPERTIES,
    parent_relationships=("subtechnique-of",),
    tactics=Tactics(),
    bucket=BucketFiles("mitre-f3-repo-data", "f3-stix-v{}.json"),
)

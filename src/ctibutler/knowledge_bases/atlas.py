"""MITRE ATLAS, adversarial threats to AI systems."""

from __future__ import annotations

from ctibutler.knowledge_bases.atlas_details import ATLAS_DETAILS
from ctibutler.knowledge_bases.attack import MATRIX, MITIGATION, SUB_TECHNIQUE, TACTIC, TECHNIQUE
from ctibutler.knowledge_bases.declaration import (
    NEVER_LISTED,
    AtPublisher,
    BucketFiles,
    Example,
    KnowledgeBase,
    Tactics,
    TypeWord,
    address_form,
    id_form,
)
from ctibutler.knowledge_bases.matrix_questions import MITIGATED_QUESTIONS
from ctibutler.knowledge_bases.page_layouts import MATRIX_LAYOUTS
from ctibutler.knowledge_bases.properties import external_id_of, technique_columns
from ctibutler.knowledge_bases.property_classes import MATRIX_PROPERTIES

ATLAS = KnowledgeBase(
    slug="atlas",
    title="MITRE ATLAS",
    publisher="The MITRE Corporation",
    licence="Copyright The MITRE Corporation. Apache License 2.0.",
    database_name="mitre_atlas",
    id_parameter="atlas_id",
    version_parameter="atlas_version",
    type_parameter="atlas_type",
    job_type="atlas-update",
    id_sources=("mitre-atlas",),
    primary_id=external_id_of("mitre-atlas"),
    examples=("AML.TA0002", "AML.T0000.001", "AML.M0000", "AML.CS0059"),
    example=Example(
        "5.6.0", "AML.M0024", "course-of-action--1f45c127-eb18-5e17-a136-28ceef04edec", "Telemetry Logging"
    ),
    listed_types=(
        "attack-pattern",
        "campaign",
        "course-of-action",
        "x-mitre-collection",
        "x-mitre-matrix",
        "x-mitre-tactic",
    ),
    left_out_types=(*NEVER_LISTED, "identity", "marking-definition"),
    type_words=(TACTIC, TECHNIQUE, SUB_TECHNIQUE, MITIGATION, TypeWord("Case Study", ("campaign",), shape="campaign")),
    own_kinds=(MATRIX,),
    dialect="markdown",
    layouts=MATRIX_LAYOUTS,
    questions=MITIGATED_QUESTIONS,
    columns=technique_columns(external_id_of("mitre-atlas")),
    id_forms=(
        id_form(r"AML\.TA\d+", "x-mitre-tactic"),
        id_form(r"AML\.T\d+(\.\d+)?", "attack-pattern"),
        id_form(r"AML\.M\d+", "course-of-action"),
        id_form(r"AML\.CS\d+", "campaign"),
    ),
    id_in_text=r"AML\.T\d{4}(?:\.\d{3})?|AML\.(?:TA|M|CS)\d{4}",
    address_forms=(address_form(r"atlas\.mitre\.org/[\w-]+/(AML\.[A-Z]+\d+(?:\.\d+)?)"),),
    # The domain of the Navigator that ATLAS offers.
    navigator_domain="atlas-atlas",
    navigator_types=("campaign", "course-of-action"),
    infers_techniques=True,
    object_filter_word="atlas",
    at_publisher=(
        AtPublisher("atlas-data", "https://github.com/mitre-atlas/atlas-data"),
        # Given up in June 2026. It has the releases up to 5.6.0.
        AtPublisher("atlas-repository", "https://github.com/mitre-atlas/atlas-navigator-data", is_frozen=True),
    ),
    release_every_days=31,
    main_types=("attack-pattern", "x-mitre-tactic"),
    converter="atlas-yaml",
    identity="external-id",
    property_classes=MATRIX_PROPERTIES,
    parent_relationships=("subtechnique-of",),
    tactics=Tactics(),
    bucket=BucketFiles("mitre-atlas-repo-data", "mitre-atlas-v{}.json", details="mitre-atlas-details-v{}.json"),
    details=ATLAS_DETAILS,
)

"""MITRE CAPEC, the catalogue of attack patterns."""

from __future__ import annotations

from ctibutler.knowledge_bases.capec_questions import CAPEC_QUESTIONS
from ctibutler.knowledge_bases.declaration import (
    NEVER_LISTED,
    AtPublisher,
    BucketFiles,
    Column,
    Example,
    KnowledgeBase,
    TypeWord,
    address_form,
    id_form,
)
from ctibutler.knowledge_bases.onward import CAPEC_ONWARD
from ctibutler.knowledge_bases.page_layouts import CAPEC_LAYOUTS
from ctibutler.knowledge_bases.properties import external_id_of, property_values, values_by_key
from ctibutler.knowledge_bases.property_classes import CAPEC_PROPERTIES

CAPEC = KnowledgeBase(
    slug="capec",
    aliases=("capecs",),
    title="MITRE CAPEC",
    publisher="The MITRE Corporation",
    licence="Copyright © The MITRE Corporation. Used under the CAPEC terms of use.",
    database_name="mitre_capec",
    id_parameter="capec_id",
    version_parameter="capec_version",
    job_type="capec-update",
    id_sources=("capec",),
    primary_id=external_id_of("capec"),
    examples=("CAPEC-112",),
    example=Example("3.9", "CAPEC-112", "attack-pattern--7b423196-9de6-400f-91de-a1f26b3f19f1", "Brute Force"),
    listed_types=("attack-pattern", "course-of-action", "identity", "marking-definition"),
    left_out_types=NEVER_LISTED,
    own_kinds=(
        TypeWord("Attack pattern", ("attack-pattern",), shape="attack-pattern"),
        TypeWord("Mitigation", ("course-of-action",), shape="mitigation"),
    ),
    dialect="xhtml",
    layouts=CAPEC_LAYOUTS,
    questions=CAPEC_QUESTIONS,
    onward=CAPEC_ONWARD,
    columns=(
        Column("abstraction", property_values("x_capec_abstraction"), ("attack-pattern",)),
        Column("likelihood", property_values("x_capec_likelihood_of_attack"), ("attack-pattern",)),
        Column("severity", property_values("x_capec_typical_severity"), ("attack-pattern",)),
        Column("consequences", values_by_key("x_capec_consequences"), ("attack-pattern",)),
    ),
    id_forms=(id_form(r"CAPEC-\d+", "attack-pattern"),),
    id_in_text=r"CAPEC-\d{1,4}",
    address_forms=(address_form(r"capec\.mitre\.org/data/(?:definitions|slices)/(\d+)", "CAPEC-{}"),),
    object_filter_word="capec",
    at_publisher=(AtPublisher("capec-repository", "https://github.com/mitre/cti"),),
    main_types=("attack-pattern",),
    property_classes=CAPEC_PROPERTIES,
    text_properties=("description", "x_capec_extended_description"),
    bucket=BucketFiles("mitre-capec-repo-data", "stix-capec-v{}.json"),
)

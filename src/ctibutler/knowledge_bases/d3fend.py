"""MITRE D3FEND: defensive techniques and the artifacts that they act on."""

from __future__ import annotations

from ctibutler.knowledge_bases.attack import MATRIX, TACTIC
from ctibutler.knowledge_bases.d3fend_questions import D3FEND_QUESTIONS
from ctibutler.knowledge_bases.declaration import (
    AtPublisher,
    BucketFiles,
    Example,
    KnowledgeBase,
    TypeWord,
    address_form,
    id_form,
)
from ctibutler.knowledge_bases.onward import D3FEND_ONWARD
from ctibutler.knowledge_bases.page_layouts import D3FEND_LAYOUTS
from ctibutler.knowledge_bases.properties import external_id_of
from ctibutler.knowledge_bases.property_classes import D3FEND_PROPERTIES

D3FEND = KnowledgeBase(
    slug="d3fend",
    title="MITRE D3FEND",
    publisher="The MITRE Corporation",
    licence="Copyright The MITRE Corporation. MIT License.",
    database_name="d3fend",
    id_parameter="d3fend_id",
    version_parameter="d3fend_version",
    type_parameter="d3fend_type",
    job_type="d3fend-update",
    id_sources=("mitre-d3fend",),
    primary_id=external_id_of("mitre-d3fend"),
    id_prefix="d3f:",
    examples=("d3f:Evict", "D3-OE"),
    example=Example("1.2.0", "D3-OE", "course-of-action--a360ce51-7b1f-5978-828e-2e0582a64c15", "Eviction"),
    listed_types=("course-of-action", "indicator", "x-mitre-tactic", "x-mitre-matrix"),
    type_words=(
        TACTIC,
        TypeWord("Mitigation", ("course-of-action",), subtechnique=False, shape="countermeasure"),
        TypeWord("Sub-mitigation", ("course-of-action",), subtechnique=True, shape="countermeasure"),
        MATRIX,
        TypeWord("Artifact", ("indicator",), shape="artifact"),
    ),
    dialect="markdown",
    layouts=D3FEND_LAYOUTS,
    questions=D3FEND_QUESTIONS,
    onward=D3FEND_ONWARD,
    id_forms=(id_form(r"(d3f:)?D3-\w+", "course-of-action"),),
    # The class that a technique is: its name without blanks, `MultifactorAuthentication` of D3-MFA.
    id_in_text=r"D3-[A-Z]{2,6}|d3f:[A-Za-z][\w-]*",
    address_forms=(address_form(r"d3fend\.mitre\.org/(?:\w+/)+d3f:([\w-]+)"),),
    object_filter_word="d3fend",
    at_publisher=(AtPublisher("d3fend-site", "https://d3fend.mitre.org/resources/"),),
    converter="d3fend-json",
    main_types=("course-of-action", "x-mitre-tactic"),
    property_classes=D3FEND_PROPERTIES,
    parent_relationships=("subtechnique-of", "subclass-of"),
    bucket=BucketFiles(
        "d3fend2stix-manual-output", "d3fend-v{}-bundle.json", mapping="d3fend-v{}-external-relationships.json"
    ),
)

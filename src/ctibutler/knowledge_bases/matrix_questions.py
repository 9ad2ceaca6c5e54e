"""What can be asked about objects of a matrix of tactics and techniques, as ATT&CK, ATLAS, DISARM and F3 are."""

from __future__ import annotations

from ctibutler.knowledge_bases.linked_steps import TECHNIQUE
from ctibutler.knowledge_bases.questions import Embedded, In, Link, Out, Question, hierarchy, way

SUB_TECHNIQUES = In("subtechnique-of", to="Sub-technique")
_SERVES = Link("technique-tactic")
_TACTICS_OF_MATRIX = "tactic"

HIERARCHY = hierarchy(
    TECHNIQUE,
    Out("subtechnique-of"),
    In("subtechnique-of"),
    children=("sub-techniques",),
    tops=("Technique",),
    bottoms=("Sub-technique",),
)
TACTICS = Question(
    "tactics",
    TECHNIQUE,
    ("Tactic",),
    "Tactics that it serves.",
    (way("own", _SERVES),),
    "techniques",
    sub=SUB_TECHNIQUES,
)
TECHNIQUES_OF_TACTIC = Question(
    "techniques", ("Tactic",), TECHNIQUE, "Techniques that serve it.", (way("own", _SERVES),), "tactics"
)
OF_MATRIX = (
    Question(
        "tactics", ("Matrix",), ("Tactic",), "Its tactics.", (way("own", Embedded(_TACTICS_OF_MATRIX)),), "matrices"
    ),
    Question(
        "matrices",
        ("Tactic",),
        ("Matrix",),
        "Matrices that it is part of.",
        (way("own", Embedded(_TACTICS_OF_MATRIX, "in")),),
        "tactics",
        tally=("matrix", "matrices"),
    ),
)
MITIGATIONS = Question(
    "mitigations",
    TECHNIQUE,
    ("Mitigation",),
    "Mitigations against it.",
    (way("own", In("mitigates")),),
    "techniques",
    sub=SUB_TECHNIQUES,
)
TECHNIQUES_OF_MITIGATION = Question(
    "techniques",
    ("Mitigation",),
    TECHNIQUE,
    "Techniques that it mitigates.",
    (way("own", Out("mitigates")),),
    "mitigations",
)

MATRIX_QUESTIONS = (*HIERARCHY, TACTICS, TECHNIQUES_OF_TACTIC, *OF_MATRIX)
MITIGATED_QUESTIONS = (*MATRIX_QUESTIONS, MITIGATIONS, TECHNIQUES_OF_MITIGATION)
"""Those of a matrix with mitigations."""

"""What can be asked about objects of a matrix of tactics and techniques, as ATLAS, DISARM and F3 are."""

from __future__ import annotations

from ctibutler.knowledge_bases.questions import In, Link, Out, Question, hierarchy, way

_TECHNIQUE = ("Technique", "Sub-technique")
_SUB = In("subtechnique-of", to="Sub-technique")

MATRIX_QUESTIONS = (
    *hierarchy(
        _TECHNIQUE,
        Out("subtechnique-of"),
        In("subtechnique-of"),
        children=("sub-techniques",),
        tops=("Technique",),
        bottoms=("Sub-technique",),
    ),
    Question(
        "tactics",
        _TECHNIQUE,
        ("Tactic",),
        "Tactics that it serves.",
        (way("own", Link("technique-tactic")),),
        "techniques",
        sub=_SUB,
    ),
    Question(
        "techniques",
        ("Tactic",),
        _TECHNIQUE,
        "Techniques that serve it.",
        (way("own", Link("technique-tactic")),),
        "tactics",
    ),
)

MITIGATED_QUESTIONS = (
    *MATRIX_QUESTIONS,
    Question(
        "mitigations",
        _TECHNIQUE,
        ("Mitigation",),
        "Mitigations against it.",
        (way("own", In("mitigates")),),
        "techniques",
        sub=_SUB,
    ),
    Question(
        "techniques",
        ("Mitigation",),
        _TECHNIQUE,
        "Techniques that it mitigates.",
        (way("own", Out("mitigates")),),
        "mitigations",
    ),
)
"""Those of a matrix with mitigations."""

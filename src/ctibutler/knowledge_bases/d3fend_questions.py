"""What can be asked about objects of D3FEND."""

from __future__ import annotations

from ctibutler.knowledge_bases.linked_steps import (
    ACTED_ON_BY,
    ACTS_ON,
    COUNTERMEASURE,
    DOWNWARDS,
    MITIGATIONS_OF_D3FEND,
    TECHNIQUE,
    TECHNIQUES_OF_ARTIFACT,
    UPWARDS,
    WEAKNESSES_OF_ARTIFACT,
)
from ctibutler.knowledge_bases.matrix_questions import OF_MATRIX
from ctibutler.knowledge_bases.questions import In, Out, Question, hierarchy, way

_ARTIFACT = ("Artifact",)
_SUB = In("subtechnique-of", to="Sub-mitigation", repeat=True)
_KINDS = In("subclass-of", to="Artifact", repeat=True)

D3FEND_QUESTIONS = (
    *hierarchy(
        COUNTERMEASURE,
        Out("subtechnique-of"),
        In("subtechnique-of"),
        children=("sub-techniques", "sub-mitigations"),
        bottoms=("Sub-mitigation",),
    ),
    Question(
        "tactics",
        COUNTERMEASURE,
        ("Tactic",),
        "Tactics that it serves.",
        (way("own", Out("enables")),),
        "countermeasures",
        sub=_SUB,
    ),
    Question(
        "artifacts",
        COUNTERMEASURE,
        _ARTIFACT,
        "Artifacts that it acts on.",
        (way("own", ACTS_ON),),
        "countermeasures",
        sub=_SUB,
    ),
    Question(
        "techniques",
        COUNTERMEASURE,
        TECHNIQUE,
        "ATT&CK's techniques that it counters: those that touch an artifact that it acts on, and those with a mitigation that"
        " it is related to.",
        (
            way("artifact", ACTS_ON, DOWNWARDS, TECHNIQUES_OF_ARTIFACT),
            way("mitigation", MITIGATIONS_OF_D3FEND, Out("mitigates", to=TECHNIQUE)),
        ),
        "countermeasures",
        sub=_SUB,
    ),
    Question(
        "weaknesses",
        COUNTERMEASURE,
        ("Weakness",),
        "CWE's weaknesses of artifacts that it acts on.",
        (way("artifact", ACTS_ON, DOWNWARDS, WEAKNESSES_OF_ARTIFACT),),
        "countermeasures",
        sub=_SUB,
        tally=("weakness", "weaknesses"),
    ),
    Question(
        "mitigations",
        COUNTERMEASURE,
        ("Mitigation",),
        "ATT&CK's mitigations that it is related to.",
        (way("own", MITIGATIONS_OF_D3FEND),),
        "countermeasures",
        sub=_SUB,
    ),
    *hierarchy(_ARTIFACT, Out("subclass-of"), In("subclass-of")),
    Question(
        "countermeasures",
        _ARTIFACT,
        COUNTERMEASURE,
        "Techniques of D3FEND that act on it or on what it is a kind of.",
        (way("own", UPWARDS, ACTED_ON_BY),),
        sub=_KINDS,
    ),
    Question(
        "techniques",
        _ARTIFACT,
        TECHNIQUE,
        "ATT&CK's techniques that touch it.",
        (way("own", TECHNIQUES_OF_ARTIFACT),),
        "artifacts",
        sub=_KINDS,
    ),
    Question(
        "weaknesses",
        _ARTIFACT,
        ("Weakness",),
        "CWE's weaknesses of it.",
        (way("own", WEAKNESSES_OF_ARTIFACT),),
        "artifacts",
        sub=_KINDS,
        tally=("weakness", "weaknesses"),
    ),
    Question(
        "countermeasures",
        ("Tactic",),
        COUNTERMEASURE,
        "Techniques of D3FEND that serve it.",
        (way("own", In("enables")),),
        "tactics",
    ),
    *OF_MATRIX,
)

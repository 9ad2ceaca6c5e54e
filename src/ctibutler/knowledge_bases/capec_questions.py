"""What can be asked about objects of CAPEC."""

from __future__ import annotations

from ctibutler.knowledge_bases.linked_steps import (
    ACTED_ON_BY,
    ARTIFACTS_OF_TECHNIQUE,
    COUNTERMEASURE,
    TECHNIQUE,
    TECHNIQUES_OF_PATTERN,
    UPWARDS,
    WEAKNESSES_OF_PATTERN,
)
from ctibutler.knowledge_bases.questions import Embedded, In, Out, Question, hierarchy, way

_PATTERN = ("Attack pattern",)
# The publisher writes both directions of a relationship, and they agree.
_PARENTS, _CHILDREN = Embedded("x-capec-child-of"), Embedded("x-capec-child-of", "in")
_SUB = Embedded("x-capec-child-of", "in", to="Attack pattern", repeat=True)

CAPEC_QUESTIONS = (
    *hierarchy(_PATTERN, _PARENTS, _CHILDREN),
    Question(
        "precedes",
        _PATTERN,
        _PATTERN,
        "Attack patterns that it can lead to.",
        (way("own", Embedded("x-capec-can-precede")),),
        "follows",
        sub=_SUB,
        tally=("precedes {}", "precedes {}"),
    ),
    Question(
        "follows",
        _PATTERN,
        _PATTERN,
        "Attack patterns that can lead to it.",
        (way("own", Embedded("x-capec-can-precede", "in")),),
        "precedes",
        sub=_SUB,
        tally=("follows {}", "follows {}"),
    ),
    Question(
        "peers",
        _PATTERN,
        _PATTERN,
        "Attack patterns that are its peers.",
        (way("own", Embedded("x-capec-peer-of", "both")),),
        "peers",
        sub=_SUB,
    ),
    Question(
        "mitigations",
        _PATTERN,
        ("Mitigation",),
        "Mitigations against it.",
        (way("own", In("mitigates")),),
        "patterns",
        sub=_SUB,
    ),
    Question(
        "patterns",
        ("Mitigation",),
        _PATTERN,
        "Attack patterns that it mitigates.",
        (way("own", Out("mitigates")),),
        "mitigations",
    ),
    Question(
        "weaknesses",
        _PATTERN,
        ("Weakness",),
        "CWE's weaknesses that name it.",
        (way("own", WEAKNESSES_OF_PATTERN),),
        "patterns",
        sub=_SUB,
        tally=("weakness", "weaknesses"),
    ),
    Question(
        "techniques",
        _PATTERN,
        TECHNIQUE,
        "ATT&CK's techniques that it names.",
        (way("own", TECHNIQUES_OF_PATTERN),),
        "patterns",
        sub=_SUB,
    ),
    Question(
        "countermeasures",
        _PATTERN,
        COUNTERMEASURE,
        "D3FEND's techniques that act on an artifact that one of its techniques touches.",
        (way("technique", TECHNIQUES_OF_PATTERN, ARTIFACTS_OF_TECHNIQUE, UPWARDS, ACTED_ON_BY),),
        sub=_SUB,
    ),
)

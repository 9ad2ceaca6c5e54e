"""What can be asked about objects of CWE."""

from __future__ import annotations

from ctibutler.knowledge_bases.linked_steps import (
    ACTED_ON_BY,
    ARTIFACTS_OF_WEAKNESS,
    COUNTERMEASURE,
    PATTERNS_OF_WEAKNESS,
    TECHNIQUE,
    TECHNIQUES_OF_PATTERN,
    UPWARDS,
)
from ctibutler.knowledge_bases.questions import Both, Embedded, In, Out, Qualifier, Question, hierarchy, way

VIEW_ID = Qualifier("view_id", "related_weaknesses", "nature", "cwe_id", "view_id")
"""CWE's relationships hold in a view."""

_WEAKNESS = ("Weakness",)
_MEMBERS = Embedded("object", to="Weakness")
_CATEGORIES = Embedded("object", "in", to="Category")
_SUB = In("ChildOf", to="Weakness", repeat=True, within=VIEW_ID.name)

CWE_QUESTIONS = (
    *hierarchy(_WEAKNESS, Out("ChildOf", within=VIEW_ID.name), In("ChildOf", within=VIEW_ID.name)),
    Question(
        "peers",
        _WEAKNESS,
        _WEAKNESS,
        "Weaknesses that are its peers, or can be the same.",
        (way("own", Both("PeerOf")), way("also", Both("CanAlsoBe"))),
        "peers",
        sub=_SUB,
    ),
    Question(
        "precedes",
        _WEAKNESS,
        _WEAKNESS,
        "Weaknesses that it can lead to.",
        (way("own", Out("CanPrecede")),),
        "follows",
        sub=_SUB,
        tally=("precedes {}", "precedes {}"),
    ),
    Question(
        "follows",
        _WEAKNESS,
        _WEAKNESS,
        "Weaknesses that can lead to it.",
        (way("own", In("CanPrecede")),),
        "precedes",
        sub=_SUB,
        tally=("follows {}", "follows {}"),
    ),
    Question(
        "categories",
        _WEAKNESS,
        ("Category",),
        "Categories that have it as a member.",
        (way("own", _CATEGORIES),),
        "members",
        sub=_SUB,
        tally=("category", "categories"),
    ),
    Question(
        "views",
        (*_WEAKNESS, "Category"),
        ("View",),
        "Views that have it as a member; on request those that have one of its categories.",
        (
            way("direct", Embedded("object", "in")),
            way("categories", _CATEGORIES, Embedded("object", "in"), default=False),
        ),
        "members",
    ),
    Question("members", ("Category",), _WEAKNESS, "Weaknesses in it.", (way("own", _MEMBERS),), "categories"),
    Question(
        "members",
        ("View",),
        _WEAKNESS,
        "Weaknesses in it; on request those in its categories, and those below them in this view.",
        (
            way("direct", _MEMBERS),
            way("categories", Embedded("object", to="Category"), _MEMBERS, default=False),
            way(
                "descendants",
                _MEMBERS,
                In("ChildOf", to="Weakness", repeat=True, within=VIEW_ID.name, of_start=True),
                default=False,
            ),
        ),
        "views",
    ),
    Question(
        "categories",
        ("View",),
        ("Category",),
        "Categories in it.",
        (way("own", Embedded("object")),),
        "views",
        tally=("category", "categories"),
    ),
    Question(
        "patterns",
        _WEAKNESS,
        ("Attack pattern",),
        "CAPEC's attack patterns that it names.",
        (way("own", PATTERNS_OF_WEAKNESS),),
        "weaknesses",
        sub=_SUB,
    ),
    Question(
        "techniques",
        _WEAKNESS,
        TECHNIQUE,
        "ATT&CK's techniques that its attack patterns name.",
        (way("patterns", PATTERNS_OF_WEAKNESS, TECHNIQUES_OF_PATTERN),),
        "weaknesses",
        sub=_SUB,
    ),
    Question(
        "artifacts",
        _WEAKNESS,
        ("Artifact",),
        "D3FEND's artifacts that it is a weakness of.",
        (way("own", ARTIFACTS_OF_WEAKNESS),),
        "weaknesses",
        sub=_SUB,
    ),
    Question(
        "countermeasures",
        _WEAKNESS,
        COUNTERMEASURE,
        "D3FEND's techniques that act on an artifact that it is a weakness of.",
        (way("artifact", ARTIFACTS_OF_WEAKNESS, UPWARDS, ACTED_ON_BY),),
        "weaknesses",
        sub=_SUB,
    ),
)

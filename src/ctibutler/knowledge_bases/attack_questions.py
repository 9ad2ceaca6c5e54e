"""What can be asked about objects of ATT&CK."""

from __future__ import annotations

from ctibutler.knowledge_bases.linked_steps import (
    ACTED_ON_BY,
    ARTIFACTS_OF_TECHNIQUE,
    COUNTERMEASURE,
    D3FEND_OF_MITIGATION,
    PATTERNS_OF_TECHNIQUE,
    TECHNIQUE,
    UPWARDS,
    WEAKNESSES_OF_PATTERN,
)
from ctibutler.knowledge_bases.matrix_questions import (
    HIERARCHY,
    MITIGATIONS,
    OF_MATRIX,
    SUB_TECHNIQUES,
    TACTICS,
    TECHNIQUES_OF_MITIGATION,
    TECHNIQUES_OF_TACTIC,
)
from ctibutler.knowledge_bases.questions import Embedded, In, Out, Question, way

_STRATEGY = In("detects", to="Detection Strategy")
_DETECTED = Out("detects", to=TECHNIQUE)
_ANALYTICS = Embedded("x-mitre-analytic", to="Analytic")
_STRATEGIES = Embedded("x-mitre-analytic", "in", to="Detection Strategy")
_LOG_SOURCE = "x_mitre_log_source_references-x-mitre-data-component"
_COMPONENTS = Embedded(_LOG_SOURCE, to="Data Component")
_ANALYTICS_WITH = Embedded(_LOG_SOURCE, "in", to="Analytic")
_USING_SOFTWARE = (In("uses", to="Software"), In("uses", to="Group"))

_ALL_KINDS = (
    "Tactic",
    *TECHNIQUE,
    "Mitigation",
    "Group",
    "Software",
    "Campaign",
    "Data Source",
    "Data Component",
    "Asset",
    "Detection Strategy",
    "Analytic",
)


def _of_actors() -> tuple[Question, ...]:
    campaigns = In("attributed-to", to="Campaign")
    return (
        Question(
            "techniques",
            ("Group",),
            TECHNIQUE,
            "Techniques that it uses, itself or in its campaigns; on request those of its software.",
            (
                way("own", Out("uses")),
                way("campaigns", campaigns, Out("uses")),
                way("software", Out("uses", to="Software"), Out("uses"), default=False),
                way("campaign-software", campaigns, Out("uses", to="Software"), Out("uses"), default=False),
            ),
            "groups",
        ),
        Question(
            "software",
            ("Group",),
            ("Software",),
            "Software that it uses, itself or in its campaigns.",
            (way("own", Out("uses")), way("campaigns", campaigns, Out("uses"))),
            "groups",
            tally=("software", "software"),
        ),
        Question(
            "campaigns",
            ("Group",),
            ("Campaign",),
            "Campaigns that are attributed to it.",
            (way("own", campaigns),),
            "groups",
        ),
        Question(
            "similar",
            ("Group",),
            ("Group",),
            "Groups that use the same techniques, those with the most in common first.",
            (way("techniques", Out("uses", to=TECHNIQUE), In("uses", to="Group")),),
            "similar",
            sort="evidence_descending",
            tally=("similar group", "similar groups"),
        ),
        Question(
            "techniques",
            ("Campaign",),
            TECHNIQUE,
            "Techniques that were used in it; on request those of its software.",
            (way("own", Out("uses")), way("software", Out("uses", to="Software"), Out("uses"), default=False)),
            "campaigns",
        ),
        Question(
            "software",
            ("Campaign",),
            ("Software",),
            "Software that was used in it.",
            (way("own", Out("uses")),),
            "campaigns",
            tally=("software", "software"),
        ),
        Question(
            "groups",
            ("Campaign",),
            ("Group",),
            "Groups that it is attributed to.",
            (way("own", Out("attributed-to")),),
            "campaigns",
        ),
        Question(
            "techniques",
            ("Software",),
            TECHNIQUE,
            "Techniques that it can be used for.",
            (way("own", Out("uses")),),
            "software",
        ),
        Question(
            "groups",
            ("Software",),
            ("Group",),
            "Groups that use it, themselves or in their campaigns.",
            (way("own", In("uses")), way("campaigns", In("uses", to="Campaign"), Out("attributed-to"))),
            "software",
        ),
        Question(
            "campaigns",
            ("Software",),
            ("Campaign",),
            "Campaigns in which it was used.",
            (way("own", In("uses")),),
            "software",
        ),
    )


def _of_techniques() -> tuple[Question, ...]:
    return (
        *HIERARCHY,
        Question(
            "groups",
            TECHNIQUE,
            ("Group",),
            "Groups that use it, themselves or in their campaigns; on request those whose software can.",
            (
                way("own", In("uses")),
                way("campaigns", In("uses", to="Campaign"), Out("attributed-to")),
                way("software", *_USING_SOFTWARE, default=False),
                way(
                    "campaign-software",
                    In("uses", to="Software"),
                    In("uses", to="Campaign"),
                    Out("attributed-to"),
                    default=False,
                ),
            ),
            "techniques",
            sub=SUB_TECHNIQUES,
        ),
        Question(
            "software",
            TECHNIQUE,
            ("Software",),
            "Software that can be used for it.",
            (way("own", In("uses")),),
            "techniques",
            sub=SUB_TECHNIQUES,
            tally=("software", "software"),
        ),
        Question(
            "campaigns",
            TECHNIQUE,
            ("Campaign",),
            "Campaigns in which it was used; on request those in which software was used that can be used for it.",
            (
                way("own", In("uses")),
                way("software", In("uses", to="Software"), In("uses"), default=False),
            ),
            "techniques",
            sub=SUB_TECHNIQUES,
        ),
        MITIGATIONS,
        Question(
            "detections",
            TECHNIQUE,
            ("Detection Strategy", "Data Component"),
            "What detects it: detection strategies since ATT&CK 18, data components before.",
            (way("strategies", _STRATEGY), way("components", In("detects", to="Data Component"))),
            "techniques",
            sub=SUB_TECHNIQUES,
        ),
        Question(
            "analytics",
            TECHNIQUE,
            ("Analytic",),
            "Analytics of the strategies that detect it.",
            (way("own", _STRATEGY, _ANALYTICS),),
            "techniques",
            sub=SUB_TECHNIQUES,
            tally=("analytic", "analytics"),
        ),
        Question(
            "data-components",
            TECHNIQUE,
            ("Data Component",),
            "Data components in which it can be seen, by its analytics since ATT&CK 18.",
            (way("direct", In("detects")), way("analytics", _STRATEGY, _ANALYTICS, _COMPONENTS)),
            "techniques",
            sub=SUB_TECHNIQUES,
        ),
        TACTICS,
        Question(
            "assets",
            TECHNIQUE,
            ("Asset",),
            "Assets that it targets.",
            (way("own", Out("targets")),),
            "techniques",
            sub=SUB_TECHNIQUES,
        ),
    )


def _of_others() -> tuple[Question, ...]:
    return (
        TECHNIQUES_OF_MITIGATION,
        TECHNIQUES_OF_TACTIC,
        *OF_MATRIX,
        Question(
            "techniques", ("Asset",), TECHNIQUE, "Techniques that target it.", (way("own", In("targets")),), "assets"
        ),
        Question(
            "techniques",
            ("Detection Strategy",),
            TECHNIQUE,
            "Techniques that it detects.",
            (way("own", _DETECTED),),
            "detections",
        ),
        Question(
            "analytics",
            ("Detection Strategy",),
            ("Analytic",),
            "Its analytics.",
            (way("own", _ANALYTICS),),
            "strategies",
            tally=("analytic", "analytics"),
        ),
        Question(
            "data-components",
            ("Detection Strategy",),
            ("Data Component",),
            "Data components that its analytics read.",
            (way("own", _ANALYTICS, _COMPONENTS),),
            "strategies",
        ),
        Question(
            "strategies",
            ("Analytic",),
            ("Detection Strategy",),
            "Detection strategies that it belongs to.",
            (way("own", _STRATEGIES),),
            "analytics",
            tally=("strategy", "strategies"),
        ),
        Question(
            "techniques",
            ("Analytic",),
            TECHNIQUE,
            "Techniques that its detection strategies detect.",
            (way("own", _STRATEGIES, _DETECTED),),
            "analytics",
        ),
        Question(
            "data-components",
            ("Analytic",),
            ("Data Component",),
            "Data components that it reads.",
            (way("own", _COMPONENTS),),
            "analytics",
        ),
        Question(
            "techniques",
            ("Data Component",),
            TECHNIQUE,
            "Techniques that can be seen in it, by its analytics since ATT&CK 18.",
            (way("direct", Out("detects")), way("analytics", _ANALYTICS_WITH, _STRATEGIES, _DETECTED)),
            "data-components",
        ),
        Question(
            "analytics",
            ("Data Component",),
            ("Analytic",),
            "Analytics that read it.",
            (way("own", _ANALYTICS_WITH),),
            "data-components",
            tally=("analytic", "analytics"),
        ),
        Question(
            "strategies",
            ("Data Component",),
            ("Detection Strategy",),
            "Detection strategies whose analytics read it.",
            (way("own", _ANALYTICS_WITH, _STRATEGIES),),
            "data-components",
            tally=("strategy", "strategies"),
        ),
        Question(
            "data-sources",
            ("Data Component",),
            ("Data Source",),
            "The data source that it belongs to.",
            (way("own", Embedded("x-mitre-data-source")),),
            "data-components",
        ),
        Question(
            "data-components",
            ("Data Source",),
            ("Data Component",),
            "Its data components.",
            (way("own", Embedded("x-mitre-data-source", "in")),),
            "data-sources",
        ),
        Question(
            "techniques",
            ("Data Source",),
            TECHNIQUE,
            "Techniques that can be seen in its data components.",
            (way("own", Embedded("x-mitre-data-source", "in", to="Data Component"), _DETECTED),),
        ),
        Question(
            "successors",
            _ALL_KINDS,
            _ALL_KINDS,
            "What its publisher names in its place.",
            (way("own", Out("revoked-by", repeat=True, through_dead=True)),),
            "predecessors",
            names=("revoked-by",),
            of_dead=True,
        ),
    )


_ACROSS = (
    Question(
        "patterns",
        TECHNIQUE,
        ("Attack pattern",),
        "CAPEC's attack patterns that name it.",
        (way("own", PATTERNS_OF_TECHNIQUE),),
        "techniques",
        sub=SUB_TECHNIQUES,
    ),
    Question(
        "weaknesses",
        TECHNIQUE,
        ("Weakness",),
        "CWE's weaknesses whose attack patterns name it.",
        (way("patterns", PATTERNS_OF_TECHNIQUE, WEAKNESSES_OF_PATTERN),),
        "techniques",
        sub=SUB_TECHNIQUES,
        tally=("weakness", "weaknesses"),
    ),
    Question(
        "countermeasures",
        TECHNIQUE,
        COUNTERMEASURE,
        "D3FEND's techniques against it: those that act on an artifact that it touches, and those related to its"
        " mitigations; on request those that a sub-technique inherits from its technique.",
        (
            way("artifact", ARTIFACTS_OF_TECHNIQUE, UPWARDS, ACTED_ON_BY),
            way("mitigation", In("mitigates", to="Mitigation"), D3FEND_OF_MITIGATION),
            way(
                "parent",
                Out("subtechnique-of", to="Technique"),
                ARTIFACTS_OF_TECHNIQUE,
                UPWARDS,
                ACTED_ON_BY,
                default=False,
            ),
        ),
        "techniques",
        sub=SUB_TECHNIQUES,
    ),
    Question(
        "artifacts",
        TECHNIQUE,
        ("Artifact",),
        "D3FEND's artifacts that it touches.",
        (way("own", ARTIFACTS_OF_TECHNIQUE),),
        "techniques",
        sub=SUB_TECHNIQUES,
    ),
    Question(
        "countermeasures",
        ("Mitigation",),
        COUNTERMEASURE,
        "D3FEND's techniques that are related to it.",
        (way("own", D3FEND_OF_MITIGATION),),
        "mitigations",
    ),
)

ATTACK_QUESTIONS = (*_of_actors(), *_of_techniques(), *_of_others())
"""The questions of every matrix."""

ENTERPRISE_QUESTIONS = (*ATTACK_QUESTIONS, *_ACROSS)
"""Those of Enterprise, which CAPEC, CWE and D3FEND are linked with."""

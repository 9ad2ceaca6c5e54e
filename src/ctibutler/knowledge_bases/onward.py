"""The relations that paths go along, in each knowledge base that has some."""

from __future__ import annotations

from ctibutler.knowledge_bases.linked_steps import (
    ACTED_ON_BY,
    ARTIFACTS_OF_TECHNIQUE,
    ARTIFACTS_OF_WEAKNESS,
    D3FEND_OF_MITIGATION,
    PATTERNS_OF_WEAKNESS,
    TECHNIQUES_OF_PATTERN,
)
from ctibutler.knowledge_bases.questions import Embedded, In, Out
from ctibutler.knowledge_bases.relations import (
    ANALYTICS,
    ARTIFACTS,
    ASSETS,
    CAMPAIGNS,
    COMPONENTS,
    COUNTERMEASURES,
    GROUPS,
    MITIGATIONS,
    PATTERNS,
    SOFTWARE,
    STRATEGIES,
    TECHNIQUES,
    WEAKNESSES,
    NamedInDetails,
    Onward,
    narrower,
)

_USES = ("uses", "is used by")
_NAMES = ("names", "is named by")

CWE_ONWARD = (
    Onward(WEAKNESSES, PATTERNS_OF_WEAKNESS, PATTERNS, *_NAMES),
    Onward(WEAKNESSES, ARTIFACTS_OF_WEAKNESS, ARTIFACTS, "is a weakness of", "has the weakness"),
    *narrower(WEAKNESSES, In("ChildOf")),
)
CVES = NamedInDetails("cves", "CVE", "observed_examples", "reference")
CAPEC_ONWARD = (
    Onward(PATTERNS, TECHNIQUES_OF_PATTERN, TECHNIQUES, *_NAMES),
    *narrower(PATTERNS, Embedded("x-capec-child-of", "in")),
)
ATTACK_ONWARD = (
    Onward(GROUPS, In("attributed-to"), CAMPAIGNS, "is behind", "is attributed to"),
    Onward(GROUPS, Out("uses"), SOFTWARE, *_USES),
    Onward(GROUPS, Out("uses"), TECHNIQUES, *_USES),
    Onward(CAMPAIGNS, Out("uses"), SOFTWARE, *_USES),
    Onward(CAMPAIGNS, Out("uses"), TECHNIQUES, *_USES),
    Onward(SOFTWARE, Out("uses"), TECHNIQUES, *_USES),
    Onward(TECHNIQUES, In("mitigates"), MITIGATIONS, "is mitigated by", "mitigates"),
    Onward(TECHNIQUES, In("detects"), STRATEGIES, "is detected by", "detects"),
    Onward(TECHNIQUES, In("detects"), COMPONENTS, "is detected by", "detects"),
    Onward(TECHNIQUES, Out("targets"), ASSETS, "targets", "is targeted by"),
    Onward(STRATEGIES, Embedded("x-mitre-analytic"), ANALYTICS, "has the analytic", "belongs to"),
    Onward(
        ANALYTICS, Embedded("x_mitre_log_source_references-x-mitre-data-component"), COMPONENTS, "reads", "is read by"
    ),
    *narrower(TECHNIQUES, In("subtechnique-of")),
)
ENTERPRISE_ONWARD = (
    *ATTACK_ONWARD,
    Onward(TECHNIQUES, ARTIFACTS_OF_TECHNIQUE, ARTIFACTS, "touches", "is touched by"),
    Onward(MITIGATIONS, D3FEND_OF_MITIGATION, COUNTERMEASURES, "is related to", "is related to"),
)
# What acts on an artifact acts on its kinds. Every path may go from a kind to what it is a kind of: no widening.
D3FEND_ONWARD = (
    Onward(ARTIFACTS, Out("subclass-of"), ARTIFACTS, "is a kind of", "has the kind"),
    Onward(ARTIFACTS, ACTED_ON_BY, COUNTERMEASURES, "is acted on by", "acts on"),
)

LINES = (
    (WEAKNESSES, PATTERNS, TECHNIQUES),
    (TECHNIQUES, ARTIFACTS, COUNTERMEASURES),
    (TECHNIQUES, MITIGATIONS, COUNTERMEASURES),
    (WEAKNESSES, ARTIFACTS, COUNTERMEASURES),
)
"""What leads from one knowledge base to another over something between."""

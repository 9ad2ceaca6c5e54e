"""What ATLAS says about a technique, a mitigation or a case study beyond STIX, field by field."""

from __future__ import annotations

from ctibutler.knowledge_bases.declaration import DetailField

ATLAS_DETAILS = (
    DetailField("maturity", "How real a technique is: Feasible, Demonstrated in research, or Realized in an attack."),
    DetailField(
        "platforms",
        "The kinds of systems that a technique applies to: Predictive AI, Generative AI, Agentic AI, Enterprise.",
        many=True,
    ),
    DetailField("categories", "The kinds of a mitigation: Policy, Technical - AI, Technical - Cyber.", many=True),
    DetailField("lifecycle_phases", "The phases of an AI system's life in which a mitigation applies.", many=True),
    DetailField("type", "The type of a case study: Incident (a real attack) or Exercise (research)."),
    DetailField("actor", "The attacker."),
    DetailField("target", "The target of the attack."),
    DetailField("reporter", "Who reported an incident."),
    DetailField("date", "When it happened, as exactly as `date_granularity` says."),
    DetailField("date_granularity", "How much of the date is known: Year, Month or Day."),
    DetailField(
        "steps",
        "The steps of a case study, in the order of the attack.",
        fields=(
            DetailField("step_id", "Id of the step in its case study: `S00`."),
            DetailField("tactic_id", "Id of the tactic: `AML.TA0003`."),
            DetailField("tactic", "Name of the tactic."),
            DetailField("technique_id", "Id of the technique: `AML.T0065`."),
            DetailField("technique", "Name of the technique."),
            DetailField("description", "What was done."),
            DetailField("leads_to", "Ids of the next steps.", many=True),
        ),
        many=True,
    ),
    DetailField(
        "references",
        "Publications.",
        fields=(
            DetailField("id", "Id of the reference in its object: `ref-1`."),
            DetailField("title", "Title."),
            DetailField("url", "URL."),
        ),
        many=True,
    ),
)

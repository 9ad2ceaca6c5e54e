"""What ATLAS says of a technique, a mitigation or a case study beyond its STIX form, field by field."""

from __future__ import annotations

from ctibutler.knowledge_bases.declaration import DetailField

ATLAS_DETAILS = (
    DetailField("maturity", "How far a technique is known to go: Feasible, Demonstrated or Realized."),
    DetailField(
        "platforms",
        "Kinds of system that a technique applies to: Predictive AI, Generative AI, Agentic AI, Enterprise.",
        many=True,
    ),
    DetailField("categories", "Kinds of measure that a mitigation is: Policy, Technical - AI …", many=True),
    DetailField("lifecycle_phases", "Phases of an AI system's life in which a mitigation is applied.", many=True),
    DetailField("type", "Whether a case study tells of an attack or of research: Incident or Exercise."),
    DetailField("actor", "Who attacked."),
    DetailField("target", "What was attacked."),
    DetailField("reporter", "Who reported an incident."),
    DetailField("date", "When it happened. How much of this date is known, `date_granularity` says."),
    DetailField("date_granularity", "How exact the date is: Year, Month or Day."),
    DetailField(
        "steps",
        "What was done in a case study, in the order of the attack.",
        fields=(
            DetailField("step_id", "The step within its case study: `S00`."),
            DetailField("tactic_id", "The tactic that the step served, by its id: `AML.TA0003`."),
            DetailField("tactic", "Its name."),
            DetailField("technique_id", "The technique that was used, by its id: `AML.T0065`."),
            DetailField("technique", "Its name."),
            DetailField("description", "What was done."),
            DetailField("leads_to", "The steps that followed.", many=True),
        ),
        many=True,
    ),
    DetailField(
        "references",
        "Publications.",
        fields=(
            DetailField("id", "The reference within its object: `ref-1`."),
            DetailField("title", "Its title."),
            DetailField("url", "Address on the web."),
        ),
        many=True,
    ),
)

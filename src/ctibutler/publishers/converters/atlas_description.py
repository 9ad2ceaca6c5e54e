"""How ATLAS's YAML is converted to STIX, as the documentation prints it."""

from __future__ import annotations

from typing import Final

from ctibutler.publishers.converters.conversion import Description, ObjectRules, Rule

_COMMON: Final = (
    Rule("name, description", "`name`, `description`"),
    Rule("created, modified", "`created-date`, `modified-date`"),
    Rule(
        "external_references",
        "`mitre-atlas`, with the id and the URL of its page; `mitre-attack`, from `attack-reference`",
    ),
    Rule("x_mitre_domains", "always `ATLAS`"),
)

DESCRIPTION: Final = Description(
    title="ATLAS's YAML",
    reads="`dist/v6/ATLAS-<release>.yaml` from mitre-atlas/atlas-data, in format 6",
    objects=(
        ObjectRules(
            kind="x-mitre-tactic",
            of="each entry of `tactics`",
            id_text="`id`, such as `AML.TA0002`",
            rules=(*_COMMON, Rule("x_mitre_shortname", "the name in lower case, with `-` for spaces")),
        ),
        ObjectRules(
            kind="attack-pattern",
            of="each entry of `techniques`",
            id_text="`id`, such as `AML.T0051.000`",
            rules=(
                *_COMMON,
                Rule(
                    "kill_chain_phases",
                    "kill chain `mitre-atlas`, with the short name of each tactic that it `achieves`",
                ),
                Rule("x_mitre_is_subtechnique", "`true` if it `specializes` another technique, else absent"),
                Rule("x_mitre_platforms", "`platforms`"),
            ),
        ),
        ObjectRules(
            kind="course-of-action",
            of="each entry of `mitigations`",
            id_text="`id`, such as `AML.M0000`",
            rules=_COMMON,
        ),
        ObjectRules(
            kind="campaign", of="each entry of `case-studies`", id_text="`id`, such as `AML.CS0059`", rules=_COMMON
        ),
        ObjectRules(
            kind="relationship `subtechnique-of`",
            of="each `specializes`",
            id_text="`<sub-technique>-subtechnique-of-<STIX id of the technique>`",
        ),
        ObjectRules(
            kind="relationship `mitigates`",
            of="each `mitigates`",
            id_text="`<mitigation>-mitigates-<description>`; if it has no description, or the same one for two techniques,"
            " the STIX id of the technique instead",
        ),
        ObjectRules(
            kind="relationship `uses`",
            of="each `employs`, a step of a case study",
            id_text="`<case study>-<step-id>-uses-<STIX id of the technique>`",
            rules=(Rule("description", "the description of the step"),),
        ),
        ObjectRules(
            kind="x-mitre-matrix",
            of="`matrix`",
            id_text="`id`, `ATLAS-matrix`",
            rules=(Rule("tactic_refs", "the tactics that it `sequences`, sorted by `position`"),),
        ),
        ObjectRules(
            kind="x-mitre-collection",
            of="`collection`",
            id_text="`id`, `ATLAS-collection`",
            rules=(
                Rule("x_mitre_version", "`version`, the label of the release"),
                Rule("x_mitre_contents", "all other objects"),
            ),
        ),
    ),
    remarks=(
        "Ids are UUIDv5 in the namespace `atlas.mitre.org.` (these 16 bytes), as the publisher makes them: `AML.T0051` is"
        " `6ff098e9-2864-579e-bebb-a0f1c92ec772`. A file with a different `uuid` is refused.",
        "Relationships have the dates of their source.",
        "Used if a release has no STIX bundle. The details of objects always come from the YAML.",
        "Files with tags, aliases or repeated keys, larger than 16 MiB, or nested more than 20 levels deep are refused.",
    ),
    differences=(
        "Up to 5.6.0, `mitigates` relationships with the same description shared an id. Here each has its own; ids that were"
        " not shared stay the same.",
        "The collection has the number of the release. Up to 5.6.0 it had `0.1`, and an author that was not in the bundle.",
    ),
)

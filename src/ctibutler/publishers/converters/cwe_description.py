"""How CWE's XML catalogue is converted to STIX, as the documentation prints it."""

from __future__ import annotations

from typing import Final

from ctibutler.publishers.converters.conversion import Description, ObjectRules, Rule

_TIMES: Final = Rule(
    "created, modified",
    "the dates of the first submission and of the last modification, in the order of the file; if there is no "
    "modification, both are the date of the submission",
)
_CITED: Final = "each publication that it cites: authors, title, URL, `REF-` number"


def _grouping_rules(of: str, id_text: str, source_name: str, description: str, members: str) -> ObjectRules:
    return ObjectRules(
        kind="grouping",
        of=of,
        id_text=id_text,
        rules=(
            Rule("name", "`Name`"),
            Rule("description", description),
            _TIMES,
            Rule("context", "always `unspecified`"),
            Rule("object_refs", members),
            Rule(
                "external_references",
                f"`{source_name}` with `CWE-` and the number; `cwe` with the same id and the URL of the page (https); "
                f"{_CITED}",
            ),
        ),
    )


DESCRIPTION: Final = Description(
    title="CWE's XML catalogue",
    reads="`cwec_v<release>.xml`, plain or in MITRE's zip file; its `Version` must be the label of the release",
    objects=(
        ObjectRules(
            kind="weakness",
            of="each Weakness, including deprecated ones",
            id_text="`CWE-` and the number",
            rules=(
                Rule("name", "`Name`"),
                Rule(
                    "description",
                    "Description; if there is an Extended_Description, then a line of 13 hyphens and its markup as "
                    "XHTML in a `span`",
                ),
                _TIMES,
                Rule("modes_of_introduction", "each Phase of Modes_Of_Introduction, including repeats"),
                Rule("likelihood_of_exploit", "Likelihood_Of_Exploit: `High`, `Medium` or `Low`"),
                Rule("common_consequences", "each Scope of each Consequence, including repeats"),
                Rule("detection_methods", "each Method of Detection_Methods, including repeats"),
                Rule("revoked", "true if the name begins with `DEPRECATED:`, otherwise left out"),
                Rule("extensions", "the extension definition that makes `weakness` an object type"),
                Rule(
                    "external_references",
                    f"`cwe` with `CWE-`, the number and the URL of the page (http); {_CITED}; each Taxonomy_Mapping: "
                    "taxonomy, name and number of the entry; `capec` with each Related_Attack_Pattern",
                ),
            ),
        ),
        ObjectRules(
            kind="relationship",
            of="each Related_Weakness that is in the catalogue, once even if several views repeat it",
            id_text="the Nature, `+`, the STIX id of this weakness, `+` and the STIX id of the other one",
            rules=(
                Rule("relationship_type", "Nature as written: `ChildOf`, `PeerOf`, `CanPrecede` …"),
                Rule("description", "a sentence with both names and the Nature"),
                Rule("created, modified", "those of this weakness"),
                Rule("external_references", "the first reference of both"),
            ),
        ),
        _grouping_rules(
            "each Category that is not deprecated and has a known member",
            "its name",
            "cwe_category",
            "Summary",
            "each Has_Member that is a weakness, or a category earlier in the file",
        ),
        _grouping_rules(
            "each View that is not deprecated and has a known member",
            "`view_` and the number",
            "cwe_view",
            "Objective",
            "each Has_Member that is a weakness or a category",
        ),
    ),
    remarks=(
        "Empty properties of a weakness are left out, except its name and description. Empty strings in references "
        "are kept: 161 source names, 489 numbers and 86 descriptions in 4.14.",
        "Mitigations, platforms, examples, notes and everything else that no rule mentions are kept as details of the "
        "objects.",
        "The creator is dogesec. The marking definitions are TLP:CLEAR and the one of cwe2stix.",
        "A category loses a member that is a later category, and a category that MITRE renames gets a new id. "
        "Upstream's converter does the same, so the objects are equal.",
        "The OASIS validator rejects upper-case letters in relationship types and, in 4.14, two URLs that are invalid in "
        "the catalogue (CWE-226, CWE-1248).",
        "If lists of references are nested, only the first is read. In seven weaknesses of 4.14 that list belongs to an "
        "example.",
    ),
    differences=(
        "A related weakness that is not in the catalogue is left out; upstream's converter fails.",
        "Public bundles from before October 2025 name another creator, and their likelihood_of_exploit is a list; those "
        "from before January 2026 have no views. These objects have the current form.",
    ),
)

"""How CWE's XML catalogue becomes STIX, in words: what the converter's page in the documentation prints."""

from __future__ import annotations

from typing import Final

from ctibutler.publishers.converters.conversion import Description, ObjectRules, Rule

_TIMES: Final = Rule(
    "created, modified",
    "the first submission's day and the last modification's, in the order of the file; without a modification the "
    "submission's",
)
_CITED: Final = "each entry of the bibliography that it cites: authors, title, address, `REF-` number"


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
                f"`{source_name}` with `CWE-` and the number; `cwe` with the same and the address of the page (https); "
                f"{_CITED}",
            ),
        ),
    )


DESCRIPTION: Final = Description(
    title="CWE's XML catalogue",
    reads="`cwec_v<release>.xml`, as it is or in the zip file that MITRE packs it into; its `Version` has to be the "
    "release's",
    objects=(
        ObjectRules(
            kind="weakness",
            of="each Weakness, deprecated ones too",
            id_text="`CWE-` and its number",
            rules=(
                Rule("name", "`Name`"),
                Rule(
                    "description",
                    "Description; where there is an Extended_Description, a line of 13 hyphens and its markup as "
                    "XHTML in a `span`",
                ),
                _TIMES,
                Rule("modes_of_introduction", "each Phase of Modes_Of_Introduction, repeats included"),
                Rule("likelihood_of_exploit", "Likelihood_Of_Exploit: `High`, `Medium` or `Low`"),
                Rule("common_consequences", "each Scope of each Consequence, repeats included"),
                Rule("detection_methods", "each Method of Detection_Methods, repeats included"),
                Rule("revoked", "true where the name begins with `DEPRECATED:`, else left out"),
                Rule("extensions", "the extension definition that makes `weakness` a type of object"),
                Rule(
                    "external_references",
                    f"`cwe` with `CWE-`, the number and the address of the page (http); {_CITED}; each "
                    "Taxonomy_Mapping: taxonomy, name and number of the entry; `capec` with each "
                    "Related_Attack_Pattern",
                ),
            ),
        ),
        ObjectRules(
            kind="relationship",
            of="each Related_Weakness that the catalogue has, once however many views repeat it",
            id_text="Nature, `+`, STIX id of this weakness, `+`, STIX id of the other",
            rules=(
                Rule("relationship_type", "Nature as written: `ChildOf`, `PeerOf`, `CanPrecede` …"),
                Rule("description", "a sentence of both names and the Nature"),
                Rule("created, modified", "those of this weakness"),
                Rule("external_references", "the first reference of both"),
            ),
        ),
        _grouping_rules(
            "each Category that is not deprecated and has a known member",
            "its name",
            "cwe_category",
            "Summary",
            "each Has_Member that is a weakness, or a category that stands before this one",
        ),
        _grouping_rules(
            "each View that is not deprecated and has a known member",
            "`view_` and its number",
            "cwe_view",
            "Objective",
            "each Has_Member that is a weakness or a category",
        ),
    ),
    remarks=(
        "Properties of a weakness that would be empty are left out, but not its name and description. Empty texts "
        "in references are kept: 161 sources, 489 numbers and 86 descriptions in 4.14.",
        "Mitigations, platforms, examples, notes and everything else that no rule names are kept beside the objects: "
        "their details.",
        "The creator is dogesec, the marking definitions are TLP:CLEAR and that of cwe2stix.",
        "A category that names a later category loses that member, and a category that MITRE renames gets another "
        "id: the same as upstream's, so that objects are equal.",
        "The validator of OASIS refuses the capitals in types of relationships and, of 4.14, two addresses that are "
        "none in the catalogue either (CWE-226, CWE-1248).",
        "Of nested lists of references the first is read, which in seven weaknesses of 4.14 belongs to an example.",
    ),
    differences=(
        "A related weakness that the catalogue does not have is left out; upstream's converter stops there.",
        "Public bundles made before October 2025 name another creator and have likelihood_of_exploit as a list; "
        "those made before January 2026 have no views. This is the form since then.",
    ),
)

"""How D3FEND's ontology becomes STIX objects, in words."""

from __future__ import annotations

from typing import Final

from ctibutler.publishers.converters.conversion import Description, ObjectRules, Rule

_SIGNED: Final = (
    Rule("type, spec_version", "The type named above, `2.1`."),
    Rule("created_by_ref", "The identity `dogesec`, which upstream's converter signs with."),
    Rule(
        "created, modified", "`d3f:release-date` of the ontology, in UTC with milliseconds: the same for all objects."
    ),
    Rule("object_marking_refs", "TLP:CLEAR and the marking definition of `d3fend2stix`."),
)
_NAMED: Final = (
    Rule("name", "`rdfs:label`, the first of several; without one, the `@id` after its last colon."),
    Rule(
        "description",
        "`d3f:definition`, then an empty line and `d3f:kb-article` where there is one. Empty where neither is there.",
    ),
)
_OF_ATTACK: Final = (
    Rule("x_mitre_attack_spec_version", "Always `3.3.0`."),
    Rule("x_mitre_deprecated", "Always false."),
    Rule("x_mitre_modified_by_ref", "The identity `dogesec`."),
)
_OF_MATRIX: Final = (
    *_OF_ATTACK,
    Rule("x_mitre_domains", "Always `d3fend`."),
    Rule("x_mitre_version", "Always `0.1`."),
)
_CITED: Final = (
    "for each `rdfs:seeAlso` one named `rdfs-seeAlso`, whose `url` is the address or, where it is none, the text as "
    "it is; for each node that `d3f:kb-reference` names one with `d3f:kb-reference-title` (else its label) as source "
    "name, `d3f:kb-abstract` as description and `d3f:has-link` as `url`, if it has one of the two; for each "
    "`rdfs:isDefinedBy` one named `rdfs-defined-by`, with a `url` where it is an address and an `external_id` where "
    "it is not. An address begins with `http://` or `https://`; `dbr:` is written out as "
    "`http://dbpedia.org/resource/`"
)


def _page(folder: str) -> str:
    return (
        f"One named `mitre-d3fend`: `https://d3fend.mitre.org/{folder}/` and the `@id` as `url`, `d3f:d3fend-id` or "
        "else the `@id` as `external_id`"
    )


DESCRIPTION: Final = Description(
    title="D3FEND's ontology",
    reads="`d3fend.json`: the ontology as JSON-LD, a list of nodes under `@graph`",
    objects=(
        ObjectRules(
            kind="identity, marking-definition",
            of="No node: `dogesec` and the statement that `d3fend2stix` made these objects, as upstream's bundles "
            "have them",
            id_text="`dogesec` and `d3fend2stix`, in the namespace of upstream's own objects",
            rules=(Rule("all properties", "The same in every release."),),
        ),
        ObjectRules(
            kind="x-mitre-tactic",
            of="Each node with `d3f:DefensiveTactic` among its `@type`, in the order of `d3f:display-order`",
            id_text="The `@id`, such as `d3f:Evict`",
            rules=(
                *_SIGNED,
                *_NAMED,
                Rule("external_references", _page("tactic") + "."),
                Rule("x_mitre_shortname", "The `@id` after its last colon, in lower case."),
                *_OF_MATRIX,
            ),
        ),
        ObjectRules(
            kind="course-of-action",
            of="Each defensive technique: what is below `d3f:DefensiveTechnique` by `rdfs:subClassOf`, at any depth",
            id_text="The `@id`, such as `d3f:ObjectEviction`",
            rules=(
                *_SIGNED,
                *_NAMED,
                Rule(
                    "external_references",
                    f"{_page('technique')}; {_CITED}; last, for each tactic that the technique enables, the reference "
                    "of that tactic with a description that says so.",
                ),
                Rule("x_aliases", "Each `d3f:synonym`; left out where there is none."),
                Rule(
                    "x_mitre_is_subtechnique", "False where the technique is directly below `d3f:DefensiveTechnique`."
                ),
                Rule("x_mitre_platforms", "Always `-`: D3FEND knows no platforms."),
                *_OF_MATRIX,
            ),
        ),
        ObjectRules(
            kind="indicator",
            of="Each digital artifact: what is below `d3f:Artifact`, `d3f:File`, `d3f:NetworkTraffic` or "
            "`d3f:Software` by `rdfs:subClassOf`, at any depth, and is no tactic and no technique",
            id_text="The `@id`, such as `d3f:AuthenticationService`",
            rules=(
                *_SIGNED,
                *_NAMED,
                Rule("indicator_types", "Always `unknown`."),
                Rule("pattern, pattern_type", "The `@id`, and `d3fend`: it names the artifact and matches nothing."),
                Rule("valid_from", "As `created`, without milliseconds that are zero."),
                Rule("external_references", f"{_page('dao/artifact')}; {_CITED}."),
            ),
        ),
        ObjectRules(
            kind="x-mitre-matrix",
            of="The node of the ontology itself, `http://d3fend.mitre.org/ontologies/d3fend.owl`",
            id_text="`mitre-d3fend`",
            rules=(
                *_SIGNED,
                Rule("name", "`dcterms:title`."),
                Rule("description", "`dcterms:description`."),
                Rule("tactic_refs", "All tactics, in order."),
                Rule(
                    "external_references",
                    "D3FEND's site; `dcterms:license` as the `external_id` of one named `license`; `owl:versionInfo` "
                    "as the `external_id` of one named `version`, with `owl:versionIRI` as its `url`.",
                ),
                *_OF_MATRIX,
            ),
        ),
        ObjectRules(
            kind="relationship",
            of="First, a technique and each tactic that it enables: by its own `d3f:enables`, or else by that of the "
            "first class above it that has any (depth first). Then, for every node, each `rdfs:subClassOf` and each "
            "property that is below `d3f:may-be-associated-with` by `rdfs:subPropertyOf`, at any depth, where both "
            "ends are objects of the release; without the techniques' own `d3f:enables`",
            id_text="`<source_ref>+<target_ref>+<relationship_type>`",
            rules=(
                *_SIGNED,
                Rule(
                    "relationship_type",
                    "`subtechnique-of` for `rdfs:subClassOf` between two techniques, `subclass-of` between others; "
                    "otherwise the property's label, or its `@id` after the colon: three properties of 1.1.0 have no "
                    "label.",
                ),
                Rule("source_ref, target_ref", "The node that has the property, the node that the property names."),
                Rule(
                    "description",
                    "The property's `d3f:definition` with the names of the two ends in place of its words `x` and `y`; "
                    "empty where there is no definition. For `rdfs:subClassOf`: `<source> is a sub-class of <target>`.",
                ),
                Rule("external_references", "The first reference of the source and the first of the target."),
                *_OF_ATTACK,
            ),
        ),
    ),
    remarks=(
        "The objects come in this order: identity and marking definition, tactics, techniques, what the techniques "
        "enable (those to one tactic together), the matrix, artifacts, the other relationships. Tactics stand as "
        "D3FEND shows them, everything else within its part as in the file.",
        "A relation to something that is no object of the release (a technique of ATT&CK, a weakness of CWE, a class "
        "of D3FEND that is neither technique nor artifact) becomes no relationship but a leftover: the external ids "
        "of both ends, the property and the description. Links to other knowledge bases are made from these. "
        "`rdfs:subClassOf` leaves none.",
        "Nodes are found by their `@id` in any case. Nodes whose ids differ in nothing else (`d3f:Provider`, a "
        "class, and `d3f:provider`, a property) are found as one: where both say something, the one with more "
        "members is believed, and the later one when they have as many.",
        "A text is taken from a JSON text, a number, an object with `@value` or one with `@id`. A definition or an "
        "article that is a list of several is written as Python writes a list, as upstream's bundles have it "
        "(`d3f:CreateProcess`).",
        "A reference to a node that is not in the file is left out with a warning; upstream's converter stops there. "
        "So it does where two techniques are related by another property than `rdfs:subClassOf`; here that becomes a "
        "relationship like any other.",
        "`owl:versionInfo` must be the label of the release that the file is said to be.",
    ),
    differences=(
        "The order of those relationships, and of those leftovers, that lead away from one node: here that of the "
        "node's properties in the file. In the public bundles it follows no rule that could be repeated: neither "
        "the file's order nor any one order of properties gives it.",
    ),
)

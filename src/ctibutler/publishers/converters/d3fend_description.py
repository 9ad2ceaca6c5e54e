"""How D3FEND's ontology is converted to STIX, as the documentation prints it."""

from __future__ import annotations

from typing import Final

from ctibutler.publishers.converters.conversion import Description, ObjectRules, Rule

_SIGNED: Final = (
    Rule("type, spec_version", "the type above, and `2.1`"),
    Rule("created_by_ref", "the identity `dogesec`, as in upstream's bundles"),
    Rule("created, modified", "`d3f:release-date` of the ontology, in UTC with milliseconds; the same for all objects"),
    Rule("object_marking_refs", "TLP:CLEAR, and the marking definition of `d3fend2stix`"),
)
_NAMED: Final = (
    Rule("name", "the first `rdfs:label`; if there is none, the `@id` after its last colon"),
    Rule(
        "description",
        "`d3f:definition`, then an empty line and `d3f:kb-article` if there is one; empty if there is neither",
    ),
)
_OF_ATTACK: Final = (
    Rule("x_mitre_attack_spec_version", "always `3.3.0`"),
    Rule("x_mitre_deprecated", "always false"),
    Rule("x_mitre_modified_by_ref", "the identity `dogesec`"),
)
_OF_MATRIX: Final = (
    *_OF_ATTACK,
    Rule("x_mitre_domains", "always `d3fend`"),
    Rule("x_mitre_version", "always `0.1`"),
)
_CITED: Final = (
    "`rdfs-seeAlso` for each `rdfs:seeAlso`, with its text as the `url` even if it is not a URL; a reference for each "
    "node in `d3f:kb-reference` that has a `d3f:kb-abstract` (the description) or a `d3f:has-link` (the `url`), named by "
    "`d3f:kb-reference-title` or else by its label; `rdfs-defined-by` for each `rdfs:isDefinedBy`, as a `url` if it is "
    "one and as an `external_id` if not"
)


def _page(folder: str) -> str:
    return (
        f"`mitre-d3fend`, with `https://d3fend.mitre.org/{folder}/` and the `@id` as the `url`, and `d3f:d3fend-id` or "
        "else the `@id` as the `external_id`"
    )


DESCRIPTION: Final = Description(
    title="D3FEND's ontology",
    reads="`d3fend.json`: the ontology as JSON-LD, a list of nodes under `@graph`",
    objects=(
        ObjectRules(
            kind="identity, marking-definition",
            of="nothing in the file: these are `dogesec` and the statement that `d3fend2stix` created the objects, as in "
            "upstream's bundles",
            id_text="`dogesec` and `d3fend2stix`, in the namespace of upstream's seed objects",
            rules=(Rule("all properties", "the same in every release"),),
        ),
        ObjectRules(
            kind="x-mitre-tactic",
            of="each node whose `@type` includes `d3f:DefensiveTactic`, ordered by `d3f:display-order`",
            id_text="the `@id`, such as `d3f:Evict`",
            rules=(
                *_SIGNED,
                *_NAMED,
                Rule("external_references", _page("tactic")),
                Rule("x_mitre_shortname", "the `@id` after its last colon, in lower case"),
                *_OF_MATRIX,
            ),
        ),
        ObjectRules(
            kind="course-of-action",
            of="each defensive technique: a subclass of `d3f:DefensiveTechnique` (`rdfs:subClassOf`), at any depth",
            id_text="the `@id`, such as `d3f:ObjectEviction`",
            rules=(
                *_SIGNED,
                *_NAMED,
                Rule(
                    "external_references",
                    f"{_page('technique')}; {_CITED}; finally, for each tactic that the technique enables, the reference "
                    "of that tactic with a description that says so",
                ),
                Rule("x_aliases", "each `d3f:synonym`; left out if there is none"),
                Rule(
                    "x_mitre_is_subtechnique",
                    "false if the technique is a direct subclass of `d3f:DefensiveTechnique`, otherwise true",
                ),
                Rule("x_mitre_platforms", "always `-`, because D3FEND has no platforms"),
                *_OF_MATRIX,
            ),
        ),
        ObjectRules(
            kind="indicator",
            of="each digital artifact: a subclass of `d3f:Artifact`, `d3f:File`, `d3f:NetworkTraffic` or `d3f:Software` "
            "(`rdfs:subClassOf`), at any depth, that is neither a tactic nor a technique",
            id_text="the `@id`, such as `d3f:AuthenticationService`",
            rules=(
                *_SIGNED,
                *_NAMED,
                Rule("indicator_types", "always `unknown`"),
                Rule(
                    "pattern, pattern_type",
                    "the `@id`, and `d3fend`: the pattern identifies the artifact and matches nothing",
                ),
                Rule("valid_from", "the same as `created`, without the milliseconds if they are zero"),
                Rule("external_references", f"{_page('dao/artifact')}; {_CITED}"),
            ),
        ),
        ObjectRules(
            kind="x-mitre-matrix",
            of="the node of the ontology, `http://d3fend.mitre.org/ontologies/d3fend.owl`",
            id_text="`mitre-d3fend`",
            rules=(
                *_SIGNED,
                Rule("name", "`dcterms:title`"),
                Rule("description", "`dcterms:description`"),
                Rule("tactic_refs", "all tactics, in order"),
                Rule(
                    "external_references",
                    "`mitre-d3fend`, with D3FEND's site; `license`, with `dcterms:license` as the `external_id`; "
                    "`version`, with `owl:versionInfo` as the `external_id` and `owl:versionIRI` as the `url`",
                ),
                *_OF_MATRIX,
            ),
        ),
        ObjectRules(
            kind="relationship",
            of="each technique and each tactic that it enables, by its own `d3f:enables`, or else by that of the "
            "first class above it that has one (depth first); then, for every node, each `rdfs:subClassOf` and each "
            "subproperty of `d3f:may-be-associated-with` (`rdfs:subPropertyOf`), at any depth, if both ends are objects "
            "of the release; the `d3f:enables` of techniques are not repeated",
            id_text="`<source_ref>+<target_ref>+<relationship_type>`",
            rules=(
                *_SIGNED,
                Rule(
                    "relationship_type",
                    "for `rdfs:subClassOf`, `subtechnique-of` between two techniques and `subclass-of` otherwise; for other "
                    "properties their label, or the `@id` after the colon if there is none, as for three properties "
                    "of 1.1.0",
                ),
                Rule(
                    "source_ref, target_ref",
                    "the node that has the property, and the node that the property refers to",
                ),
                Rule(
                    "description",
                    "the property's `d3f:definition`, with the names of the two ends in place of `x` and `y`; empty if "
                    "there is none; for `rdfs:subClassOf`, `<source> is a sub-class of <target>`",
                ),
                Rule("external_references", "the first reference of the source and the first of the target"),
                *_OF_ATTACK,
            ),
        ),
    ),
    remarks=(
        "The order of the objects is: identity and marking definition, tactics, techniques, relationships to the enabled "
        "tactics (grouped by tactic), the matrix, artifacts, all other relationships. Tactics are in the order in which "
        "D3FEND shows them; everything else is in the order of the file.",
        "A relation to something that is not an object of the release (an ATT&CK technique, a CWE weakness, a D3FEND class "
        "that is neither a technique nor an artifact) does not become a relationship. It is kept as an external "
        "relation: the external ids of both ends, the property and the description. Links to other knowledge bases are "
        "made from these. There is none for `rdfs:subClassOf`.",
        "In references, a URL begins with `http://` or `https://`. The prefix `dbr:` is expanded to "
        "`http://dbpedia.org/resource/`.",
        "The case of an `@id` is ignored in references. Nodes whose ids differ only in case (the class `d3f:Provider` and "
        "the property `d3f:provider`) are merged: where they disagree, the node with more members wins, or the later one "
        "if both have the same number.",
        "A value can be a JSON string, a number, an object with `@value` or an object with `@id`. A definition or article "
        "that is a list is written as a Python list, as in upstream's bundles (`d3f:CreateProcess`).",
        "A reference to a node that is not in the file is left out with a warning. A property other than `rdfs:subClassOf` "
        "between two techniques becomes a normal relationship. Upstream's converter fails on both.",
        "`owl:versionInfo` must be the label of the release.",
    ),
    differences=(
        "Relationships and external relations of one node are in the order of the node's properties in the file. In the "
        "public bundles their order cannot be reproduced: it matches neither the file nor any fixed order of properties.",
    ),
)

"""The parameters of routes that return objects, relationships and bundles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from ctibutler.answers.search import MOST_WORDS
from ctibutler.http.parameters import Kind, Parameter, sort_parameter
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.attack import APT29
from ctibutler.knowledge_bases.declaration import KnowledgeBase

BUNDLE_FORMATS = ("page", "stix")


def release_parameter(kb: KnowledgeBase) -> Parameter:
    label = kb.example.release if kb.example else release_labels.LATEST
    description = "An installed release: `18.1`, `18_1` and `v18.1` are the same. Default: the latest installed one."
    return Parameter(kb.version_parameter, "text", description, aliases=("version",), example=label)


# What `include_revoked` and `include_deprecated` act on, by kind of answer.
LISTED = "Include {} objects."
NAMED = "Find the object even if it is {}."
STATES = "Include releases in which the object is {}."
NAMED_ALONE = f"{NAMED} Acts on the named object alone: its relationships and their other ends are always included."
IN_LAYER = "Include what is {}: the object itself, its relationships, and techniques."


def including_of(kb: KnowledgeBase, description: str) -> tuple[Parameter, Parameter]:
    return including(not kb.hides_dead, description)


def including(default: bool, description: str) -> tuple[Parameter, Parameter]:
    """Return the parameters for revoked and for deprecated objects; `{}` in the description stands for either word."""
    revoked, deprecated = (
        Parameter(f"include_{word}", "flag", description.replace("{}", word), default=default)
        for word in ("revoked", "deprecated")
    )
    return revoked, deprecated


def sort_of(kb: KnowledgeBase) -> Parameter:
    return sort_parameter(kb.sort_keys, kb.default_sort)


def list_filters(kb: KnowledgeBase) -> Iterator[Parameter]:
    shown = kb.example or APT29
    ids = ", ".join(f"`{word}`" for word in kb.examples)
    yield Parameter("id", "csv", "STIX ids.", example=shown.stix_id)
    yield Parameter(kb.id_parameter, "csv", f"Ids, in any case, such as {ids}.", example=shown.id)
    yield Parameter("name", "text", "Part of the name, in any case.", example=shown.name)
    yield Parameter("text", "text", TEXT, example=shown.name)
    yield Parameter("description", "text", "Part of the description, in any case.", example="information")
    if len(kb.listed_types) > 1:
        later = "" if kb.left_out_types is None else ", or a type that is new in a later release"
        described = f"STIX types: {', '.join(f'`{name}`' for name in kb.listed_types)}{later}."
        yield Parameter("types", "csv", described, aliases=("type",), example=shown.stix_id.partition("--")[0])
    if kb.type_parameter is not None:
        words = ", ".join(f"`{word.word}`" for word in kb.type_words)
        yield Parameter(kb.type_parameter, "csv", f"Kinds of objects: {words}.", example=kb.type_words[0].word)
    if kb.has_tactics:
        yield Parameter(
            "tactic", "csv", "Tactics that techniques serve: ids, short names or names.", example="persistence"
        )
    for moment in ("created", "modified"):
        yield Parameter(
            f"{moment}_min", "time", f"Only what was {moment} at this time or later: `2024-09-12` or RFC 3339.",
            example="2024-09-12",
        )  # fmt: skip
    for declared in kb.filters:
        # Where all objects are of one STIX type, `type` means the kind of location.
        short = declared.parameter.endswith("_type") and len(kb.listed_types) == 1
        description = declared.description[:1].upper() + declared.description[1:] + "."
        kind: Kind = "csv" if declared.kind == "exact" else "text"
        aliases = ("type",) if short else ()
        yield Parameter(declared.parameter, kind, description, aliases=aliases, example=declared.example or None)


DIRECTIONS: dict[str, Literal["source_ref", "target_ref"]] = {"source_ref": "source_ref", "target_ref": "target_ref"}
TEXT = (
    "Words that the name or the description contains. All must match, by their stem or their beginning."
    f" At most {MOST_WORDS} different words."
)
ENDS = (
    Parameter("source_ref", "csv", "STIX ids of sources.", example=APT29.stix_id),
    Parameter(
        "target_ref", "csv", "STIX ids of targets.", example="attack-pattern--970a3432-3237-47ad-bcca-7d8cbb217736"
    ),
    Parameter("source_ref_type", "csv", "STIX types of sources.", example="intrusion-set"),
    Parameter("target_ref_type", "csv", "STIX types of targets.", example="attack-pattern"),
)
RELATIONSHIP_TYPE = Parameter("relationship_type", "text", "Part of the relationship type.", example="uses")
EMBEDDED = Parameter(
    "include_embedded_refs", "flag", "Include relationships generated from embedded references.", default=True
)


def relationship_filters() -> tuple[Parameter, ...]:
    """Return the filters of the relationships of an object."""
    return (
        replace(EMBEDDED, aliases=("include_embedded_sros",)),
        Parameter(
            "relationship_direction",
            "choice",
            "Only relationships that have the object as their source (`source_ref`) or target (`target_ref`). Default: both.",
            allowed=tuple(DIRECTIONS),
        ),
        RELATIONSHIP_TYPE,
        Parameter(
            "_arango_cti_processor_note",
            "text",
            "Part of the word for what generated a relationship: `technique-tactic`, or the mode of a link.",
            example="technique-tactic",
        ),
        *ENDS,
    )


BUNDLE_FILTERS = (
    Parameter("include_embedded_refs", "flag", "Follow embedded references.", default=True),
    Parameter(
        "include_embedded_sros", "flag", "Include the relationships generated from embedded references.", default=False
    ),
    Parameter("types", "csv", "STIX types to return.", example="attack-pattern,relationship"),
)
DETAIL = Parameter(
    "detail",
    "choice",
    "`full` adds a list `details` with what the publisher says about the object beyond STIX. It is null if the release was"
    " installed without details.",
    default="stix",
    allowed=("stix", "full"),
)
FORMAT = Parameter(
    "format", "choice", "`stix` returns one STIX bundle, without pages.", default="page", allowed=BUNDLE_FORMATS
)
BY = Parameter(
    "by",
    "choice",
    "Tell versions apart by their `modified`, or by their content.",
    default="modified",
    allowed=("modified", "content"),
)
FORM = Parameter(
    "form",
    "choice",
    "`navigator`: all annotated techniques are visible when the layer is opened, and comments are plain text."
    " `compatible`: the same layer as CTI Butler's.",
    default="navigator",
    allowed=("navigator", "compatible"),
)
DOWNLOAD = Parameter("download", "flag", "Make browsers save the layer as a file.", default=False)
LIMIT = Parameter("limit", "number", "Maximum number of techniques to return.", default=20, minimum=1, maximum=100)


def technique_ids(kb: KnowledgeBase) -> Parameter:
    description = "Ids of the observed techniques, in any case."
    technique = next((word for word in kb.examples if "attack-pattern" in kb.types_named_by(word)), kb.examples[0])
    return Parameter("technique_ids", "csv", description, required=True, example=technique)

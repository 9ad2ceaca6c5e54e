"""The routes of one knowledge base that return objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from starlette.responses import Response

from ctibutler.answers import bundles, inference, navigator, objects, relationships
from ctibutler.answers.bundles import BundleQuery
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.object_versions import versions_by_content, versions_by_modified
from ctibutler.answers.objects import ObjectQuery
from ctibutler.answers.pages import PageRequest, Sort
from ctibutler.answers.relationships import RelationshipQuery
from ctibutler.api import responses
from ctibutler.api.schemas import name_of_single_page
from ctibutler.forms.navigator_layer import compatible_layer_file, layer_file
from ctibutler.forms.stix_bundle import object_as_bundle
from ctibutler.http.parameters import Kind, Parameter, page_parameters, sort_parameter
from ctibutler.http.requests import Request
from ctibutler.http.responses import attachment
from ctibutler.http.routing import Endpoint
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.attack import APT29
from ctibutler.knowledge_bases.declaration import Filter, KnowledgeBase
from ctibutler.settings import Settings

BUNDLE_FORMATS = ("page", "stix")
STIX_MEDIA_TYPE = "application/stix+json"


def endpoints(kb: KnowledgeBase, settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoints of this knowledge base that return objects."""
    pages = page_parameters(settings.default_page_size, settings.max_page_size)
    release = _release(kb)
    named = (release, *_including(kb, _NAMED))
    around = (release, *_including(kb, _NAMED_ALONE))
    listing = (*pages, _sort(kb), release, *_including(kb, LISTED), *_filters(kb))
    example = kb.example.id if kb.example else kb.examples[0]
    for path, alias_of in (("objects/", None), ("", "objects/")):
        yield Endpoint(
            "GET",
            path,
            _list,
            f"List objects of {kb.title}",
            "ObjectPage",
            listing,
            cached=True,
            alias_of=alias_of,
            description=f"""
            Returns the objects of one release: the latest installed one, unless `{kb.version_parameter}` names another. An
            object must match all filters; it matches a list of values if it matches one of them. The list is empty if the
            release is not installed.
            """,
        )
    for path, alias_of in (("objects/{id}/", None), ("{id}/", "objects/{id}/")):
        yield Endpoint(
            "GET",
            path,
            _one,
            f"Get an object of {kb.title}",
            name_of_single_page(kb),
            (*named, _DETAIL) if kb.details else named,
            cached=True,
            alias_of=alias_of,
            fails=(404,),
            description=f"""
            Returns a page with one object, by its id (`{example}`) or STIX id. If several objects share the id, one that is
            neither revoked nor deprecated comes first.
            """,
        )
    yield Endpoint(
        "GET",
        "objects/{id}/versions/",
        _versions,
        f"List the versions of an object of {kb.title}",
        "ObjectVersions",
        (*_including(kb, _STATES), _BY),
        cached=True,
        fails=(404,),
        description="""
        Returns every version of the object in the installed releases, newest first, each with the releases that contain it.
        Publishers sometimes change an object without changing its `modified`: `by=content` shows that.
        """,
    )
    yield Endpoint(
        "GET",
        "objects/{id}/relationships/",
        _relationships,
        f"List the relationships of an object of {kb.title}",
        "RelationshipPage",
        (*pages, sort_parameter(("modified", "created"), "modified_descending"), *around, *relationship_filters()),
        cached=True,
        fails=(404,),
        description="""
        Returns the STIX relationships from and to the object: those that its publisher wrote, those generated from embedded
        references such as `created_by_ref`, those from techniques to tactics, and links to other knowledge bases.
        """,
    )
    yield Endpoint(
        "GET",
        "objects/{id}/bundle/",
        _bundle,
        f"Get an object of {kb.title} with its relationships and neighbours",
        "ObjectPage",
        (*pages, *around, *BUNDLE_FILTERS, _FORMAT),
        cached=True,
        variants=(STIX_MEDIA_TYPE,),
        fails=(404,),
        description="""
        Returns the object, its relationships and the objects at their other ends, as a page of objects. `format=stix`, or
        `Accept: application/stix+json`, returns all of them as one STIX bundle.
        """,
    )
    if kb.navigator_domain is not None:
        yield Endpoint(
            "GET",
            "objects/{id}/navigator/",
            _navigator,
            f"Get an ATT&CK Navigator layer for an object of {kb.title}",
            "LayerFile",
            (
                release,
                *_including(kb, _IN_LAYER),
                _FORM,
                _DOWNLOAD,
            ),
            cached=True,
            fails=(404,),
            description="""
            Returns a layer that annotates every technique related to a group, software, campaign, mitigation or asset. Other
            objects have no layer: 400.
            """,
        )
    if kb.infers_techniques:
        yield Endpoint(
            "GET",
            "tie/",
            _infer,
            f"Infer techniques of {kb.title} from observed ones",
            "Inference",
            (_technique_ids(kb), _LIMIT, release, *_including(kb, "Return {} techniques too."), *_filters(kb)),
            cached=True,
            fails=(404,),
            description="""
            Returns the techniques that most likely go with the observed ones, the likeliest first. The model is trained on the
            release itself: on which groups, campaigns and software use which techniques. The filters choose which techniques
            to return. An unknown technique is a 400 that names it, a release with too little to learn from a 404.
            """,
        )


def _list(request: Request) -> Response:
    query = _object_query(request, page=request.values.page(), sort=request.values.sort())
    return responses.page(request, objects.list_objects(request.library, request.kb, query), "objects")


def _one(request: Request) -> Response:
    named, page_size = object_request(request), request.settings.default_page_size
    if request.values.has("detail") and request.values.choice("detail") == "full":
        found, details = objects.find_object_with_details(request.library, request.kb, named)
        return responses.object_with_details(found, details, page_size)
    return responses.one_object(objects.find_object(request.library, request.kb, named), page_size)


def _versions(request: Request) -> Response:
    named = object_request(request)
    versions = versions_by_content if request.values.choice("by") == "content" else versions_by_modified
    states = versions(request.library, request.kb, named.id, named.include_revoked, named.include_deprecated)
    return responses.json(states)


def _relationships(request: Request) -> Response:
    found = relationships.list_relationships(
        request.library, request.kb, object_request(request), relationship_query(request)
    )
    return responses.page(request, found, "relationships")


def _bundle(request: Request) -> Response:
    named, query = object_request(request), bundle_query(request)
    if request.values.choice("format") == "stix" or request.media_type == STIX_MEDIA_TYPE:
        whole = bundles.whole_object_bundle(request.library, request.kb, named, query)
        return Response(object_as_bundle(whole), media_type=responses.STIX)
    return responses.page(request, bundles.object_bundle(request.library, request.kb, named, query), "objects")


def _navigator(request: Request) -> Response:
    layer = navigator.layer(request.library, request.kb, object_request(request))
    written = compatible_layer_file if request.values.choice("form") == "compatible" else layer_file
    saved = attachment(f"{request.kb.slug}-{request.path['id']}.json") if request.values.flag("download") else {}
    return responses.json(written(layer, request.settings.navigator_link), headers=saved)


def _infer(request: Request) -> Response:
    observed = request.values.csv("technique_ids") or []
    inferred = inference.infer(
        request.library, request.kb, observed, _object_query(request), request.values.number("limit")
    )
    return responses.json(inferred)


def object_request(request: Request) -> ObjectRequest:
    """Return the object that the path names, in the requested release."""
    values, kb = request.values, request.kb
    return ObjectRequest(
        request.path["id"],
        values.text(kb.version_parameter) if values.has(kb.version_parameter) else None,
        values.flag("include_revoked"),
        values.flag("include_deprecated"),
    )


def relationship_query(request: Request) -> RelationshipQuery:
    """Return the filters of a list of relationships."""
    values = request.values
    return RelationshipQuery(
        page=values.page(),
        sort=values.sort(),
        include_embedded=values.flag("include_embedded_refs"),
        direction=_DIRECTIONS.get(values.text("relationship_direction") or ""),
        relationship_type=values.text("relationship_type"),
        note=values.text("_arango_cti_processor_note"),
        source_refs=values.csv("source_ref"),
        target_refs=values.csv("target_ref"),
        source_types=values.csv("source_ref_type"),
        target_types=values.csv("target_ref_type"),
    )


def bundle_query(request: Request) -> BundleQuery:
    """Return the filters of an object's bundle."""
    values = request.values
    return BundleQuery(
        page=values.page(),
        include_embedded_refs=values.flag("include_embedded_refs"),
        include_embedded_sros=values.flag("include_embedded_sros"),
        types=values.csv("types"),
    )


def _object_query(request: Request, page: PageRequest | None = None, sort: Sort | None = None) -> ObjectQuery:
    values, kb = request.values, request.kb
    filters = {declared.parameter: _filter_value(request, declared) for declared in kb.filters}
    return ObjectQuery(
        release=values.text(kb.version_parameter),
        page=page or PageRequest(),
        sort=sort,
        include_revoked=values.flag("include_revoked"),
        include_deprecated=values.flag("include_deprecated"),
        ids=values.csv("id"),
        external_ids=values.csv(kb.id_parameter),
        name=values.text("name"),
        text=values.text("text"),
        description=values.text("description"),
        types=values.csv("types") if values.has("types") else None,
        type_words=values.csv(kb.type_parameter) if kb.type_parameter else None,
        filters={name: value for name, value in filters.items() if value is not None},
    )


def _filter_value(request: Request, declared: Filter) -> list[str] | str | None:
    return (
        request.values.csv(declared.parameter) if declared.kind == "exact" else request.values.text(declared.parameter)
    )


def _release(kb: KnowledgeBase) -> Parameter:
    label = kb.example.release if kb.example else release_labels.LATEST
    description = "An installed release: `18.1`, `18_1` and `v18.1` are the same. Default: the latest installed one."
    return Parameter(kb.version_parameter, "text", description, aliases=("version",), example=label)


# What `include_revoked` and `include_deprecated` act on, by kind of answer.
LISTED = "Include {} objects."
_NAMED = "Find the object even if it is {}."
_STATES = "Include releases in which the object is {}."
_NAMED_ALONE = f"{_NAMED} Acts on the named object alone: its relationships and their other ends are always included."
_IN_LAYER = "Include what is {}: the object itself, its relationships, and techniques."


def _including(kb: KnowledgeBase, description: str) -> tuple[Parameter, Parameter]:
    return including(not kb.hides_dead, description)


def including(default: bool, description: str) -> tuple[Parameter, Parameter]:
    """Return the parameters for revoked and for deprecated objects; `{}` in the description stands for either word."""
    revoked, deprecated = (
        Parameter(f"include_{word}", "flag", description.replace("{}", word), default=default)
        for word in ("revoked", "deprecated")
    )
    return revoked, deprecated


def _sort(kb: KnowledgeBase) -> Parameter:
    return sort_parameter(kb.sort_keys, kb.default_sort)


def _filters(kb: KnowledgeBase) -> Iterator[Parameter]:
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
    for declared in kb.filters:
        # Where all objects are of one STIX type, `type` means the kind of location.
        short = declared.parameter.endswith("_type") and len(kb.listed_types) == 1
        description = declared.description[:1].upper() + declared.description[1:] + "."
        kind: Kind = "csv" if declared.kind == "exact" else "text"
        aliases = ("type",) if short else ()
        yield Parameter(declared.parameter, kind, description, aliases=aliases, example=declared.example or None)


_DIRECTIONS: dict[str, Literal["source_ref", "target_ref"]] = {"source_ref": "source_ref", "target_ref": "target_ref"}
TEXT = "Words that the name or the description contains. All must match, by their stem or their beginning."
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
            allowed=tuple(_DIRECTIONS),
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
_DETAIL = Parameter(
    "detail",
    "choice",
    "`full` adds a list `details` with what the publisher says about the object beyond STIX. It is null if the release was"
    " installed without details.",
    default="stix",
    allowed=("stix", "full"),
)
_FORMAT = Parameter(
    "format", "choice", "`stix` returns one STIX bundle, without pages.", default="page", allowed=BUNDLE_FORMATS
)
_BY = Parameter(
    "by",
    "choice",
    "Tell versions apart by their `modified`, or by their content.",
    default="modified",
    allowed=("modified", "content"),
)
_FORM = Parameter(
    "form",
    "choice",
    "`navigator`: all annotated techniques are visible when the layer is opened, and comments are plain text."
    " `compatible`: the same layer as CTI Butler's.",
    default="navigator",
    allowed=("navigator", "compatible"),
)
_DOWNLOAD = Parameter("download", "flag", "Make browsers save the layer as a file.", default=False)
_LIMIT = Parameter("limit", "number", "Maximum number of techniques to return.", default=20, minimum=1, maximum=100)


def _technique_ids(kb: KnowledgeBase) -> Parameter:
    description = "Ids of the observed techniques, in any case."
    technique = next((word for word in kb.examples if "attack-pattern" in kb.types_named_by(word)), kb.examples[0])
    return Parameter("technique_ids", "csv", description, required=True, example=technique)

"""The routes of one knowledge base that answer objects."""

from __future__ import annotations

from collections.abc import Iterator
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
from ctibutler.http.parameters import Kind, Parameter, page_parameters, sort_parameter
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint
from ctibutler.knowledge_bases.declaration import Filter, KnowledgeBase
from ctibutler.settings import Settings

BUNDLE_FORMATS = ("page", "stix")
STIX_MEDIA_TYPE = "application/stix+json"


def endpoints(kb: KnowledgeBase, settings: Settings) -> Iterator[Endpoint]:
    """The endpoints of this knowledge base that answer objects."""
    pages = page_parameters(settings.default_page_size, settings.max_page_size)
    release = _release(kb)
    selecting = (release, *_including(kb, _LISTED))
    listing = (*pages, _sort(kb), *selecting, *_filters(kb))
    for path, alias_of in (("objects/", None), ("", "objects/")):
        yield Endpoint(
            "GET",
            path,
            _list,
            f"List and filter objects of {kb.title}",
            "ObjectPage",
            listing,
            cached=True,
            alias_of=alias_of,
        )
    for path, alias_of in (("objects/{id}/", None), ("{id}/", "objects/{id}/")):
        yield Endpoint(
            "GET",
            path,
            _one,
            "One object by its id",
            name_of_single_page(kb),
            (release, *_including(kb, _NAMED), *((_DETAIL,) if kb.details else ())),
            cached=True,
            alias_of=alias_of,
            fails=(404,),
        )
    yield Endpoint(
        "GET",
        "objects/{id}/versions/",
        _versions,
        "The releases that hold an object, by its state in them",
        "ObjectVersions",
        (*_including(kb, _STATES), _BY),
        cached=True,
        fails=(404,),
    )
    yield Endpoint(
        "GET",
        "objects/{id}/relationships/",
        _relationships,
        "Relationships from and to an object",
        "RelationshipPage",
        (
            *pages,
            sort_parameter(("modified", "created"), "modified_descending"),
            release,
            *_including(kb, _NAMED_ALONE),
            *RELATIONSHIP_FILTERS,
        ),
        cached=True,
        fails=(404,),
    )
    yield Endpoint(
        "GET",
        "objects/{id}/bundle/",
        _bundle,
        "An object with its relationships and neighbours",
        "ObjectPage",
        (*pages, release, *_including(kb, _NAMED_ALONE), *BUNDLE_FILTERS, _FORMAT),
        cached=True,
        variants=(STIX_MEDIA_TYPE,),
        fails=(404,),
    )
    if kb.navigator_domain is not None:
        yield Endpoint(
            "GET",
            "objects/{id}/navigator/",
            _navigator,
            "An ATT&CK Navigator layer of the techniques that an object is related to",
            "LayerFile",
            (release, *_including(kb, _IN_LAYER), _FORM, _DOWNLOAD),
            cached=True,
            fails=(404,),
        )
    if kb.infers_techniques:
        yield Endpoint(
            "GET",
            "tie/",
            _infer,
            "Techniques that often go with the observed ones",
            "Inference",
            (_TECHNIQUE_IDS, _LIMIT, *selecting, *_filters(kb)),
            cached=True,
            fails=(404,),
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
        chunks = bundles.object_as_stix_bundle(request.library, request.kb, named, query)
        return Response(b"".join(chunks), media_type=responses.STIX)
    return responses.page(request, bundles.object_bundle(request.library, request.kb, named, query), "objects")


def _navigator(request: Request) -> Response:
    layer = navigator.layer(request.library, request.kb, object_request(request))
    written = compatible_layer_file if request.values.choice("form") == "compatible" else layer_file
    saved = (
        responses.attachment(f"{request.kb.slug}-{request.path['id']}.json") if request.values.flag("download") else {}
    )
    return responses.json(written(layer, request.settings.navigator_link), headers=saved)


def _infer(request: Request) -> Response:
    observed = request.values.csv("technique_ids") or []
    inferred = inference.infer(
        request.library, request.kb, observed, _object_query(request), request.values.number("limit")
    )
    return responses.json(inferred)


def object_request(request: Request) -> ObjectRequest:
    """The object that the path names, in the release that was asked for."""
    values, kb = request.values, request.kb
    return ObjectRequest(
        request.path["id"],
        values.text(kb.version_parameter) if values.has(kb.version_parameter) else None,
        values.flag("include_revoked"),
        values.flag("include_deprecated"),
    )


def relationship_query(request: Request) -> RelationshipQuery:
    """The filters of a list of relationships."""
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
    """The filters of an object's bundle."""
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
    description = "Label of an installed release, such as `16.0`, `16_0` or `v16.0`; default: the latest."
    return Parameter(kb.version_parameter, "text", description, aliases=("version",))


def _including(kb: KnowledgeBase, description: str) -> tuple[Parameter, Parameter]:
    return including(not kb.hides_dead, description)


def including(default: bool, description: str) -> tuple[Parameter, Parameter]:
    """The parameters that let revoked and deprecated objects in. `description` has a place for the word."""
    return (
        Parameter("include_revoked", "flag", description.format("revoked"), default=default),
        Parameter("include_deprecated", "flag", description.format("deprecated"), default=default),
    )


def _sort(kb: KnowledgeBase) -> Parameter:
    return sort_parameter(kb.sort_keys, kb.default_sort)


def _filters(kb: KnowledgeBase) -> Iterator[Parameter]:
    yield Parameter("id", "csv", "STIX ids, with commas.")
    yield Parameter(kb.id_parameter, "csv", f"Ids, in any case, with commas: {', '.join(kb.examples)}.")
    yield Parameter("name", "text", "Part of the name.")
    yield Parameter("text", "text", "Words in the name or the description: all of them, by their stems or beginnings.")
    yield Parameter("description", "text", "Part of the description.")
    if len(kb.listed_types) > 1:
        later = "" if kb.left_out_types is None else "; also one that a later release brings"
        described = f"STIX types, with commas: {', '.join(kb.listed_types)}{later}."
        yield Parameter("types", "csv", described, aliases=("type",))
    if kb.type_parameter is not None:
        words = ", ".join(word.word for word in kb.type_words)
        yield Parameter(kb.type_parameter, "csv", f"Forms of object, with commas: {words}.")
    for declared in kb.filters:
        # Where all objects are of one STIX type, `type` means the kind of location.
        short = declared.parameter.endswith("_type") and len(kb.listed_types) == 1
        description = declared.description[:1].upper() + declared.description[1:] + "."
        kind: Kind = "csv" if declared.kind == "exact" else "text"
        yield Parameter(declared.parameter, kind, description, aliases=("type",) if short else ())


# What `include_revoked` and `include_deprecated` act on, by kind of answer.
_LISTED = "Include {} objects."
_NAMED = "Find the object even if it is {}."
_STATES = "Include releases in which the object is {}."
_NAMED_ALONE = _NAMED + " Acts on the named object alone: its relationships and their other ends are always included."
_IN_LAYER = "Include what is {}: the object itself, its relationships, and techniques."
_DIRECTIONS: dict[str, Literal["source_ref", "target_ref"]] = {"source_ref": "source_ref", "target_ref": "target_ref"}
RELATIONSHIP_FILTERS = (
    Parameter(
        "include_embedded_refs",
        "flag",
        "Whether relationships made from embedded references count.",
        default=True,
        aliases=("include_embedded_sros",),
    ),
    Parameter(
        "relationship_direction",
        "choice",
        "Only those of which the object is the source (`source_ref`), or the target (`target_ref`).",
        allowed=tuple(_DIRECTIONS),
    ),
    Parameter("relationship_type", "text", "Part of the relationship type."),
    Parameter("_arango_cti_processor_note", "text", "Part of the word that says how we made a relationship."),
    Parameter("source_ref", "csv", "STIX ids of sources, with commas."),
    Parameter("target_ref", "csv", "STIX ids of targets, with commas."),
    Parameter("source_ref_type", "csv", "STIX types of sources, with commas."),
    Parameter("target_ref_type", "csv", "STIX types of targets, with commas."),
)
BUNDLE_FILTERS = (
    Parameter("include_embedded_refs", "flag", "Whether embedded references are followed.", default=True),
    Parameter(
        "include_embedded_sros",
        "flag",
        "Whether the relationships made from embedded references are answered too.",
        default=False,
    ),
    Parameter("types", "csv", "STIX types of what is answered, with commas."),
)
_DETAIL = Parameter(
    "detail",
    "choice",
    "`full`: beside `objects` a list `details`, with what the publisher says of the object beyond STIX,"
    " or null where the release was installed without.",
    default="stix",
    allowed=("stix", "full"),
)
_FORMAT = Parameter("format", "choice", "`stix`: one STIX bundle, unpaged.", default="page", allowed=BUNDLE_FORMATS)
_BY = Parameter(
    "by",
    "choice",
    "What tells states of an object apart: its `modified`, or its content.",
    default="modified",
    allowed=("modified", "content"),
)
_FORM = Parameter(
    "form",
    "choice",
    "`navigator`: all annotated techniques are visible when the layer is opened, and comments are plain text."
    " `compatible`: the layer as CTI Butler answers it.",
    default="navigator",
    allowed=("navigator", "compatible"),
)
_DOWNLOAD = Parameter("download", "flag", "Tell browsers to save the layer as a file.", default=False)
_TECHNIQUE_IDS = Parameter("technique_ids", "csv", "Ids of the observed techniques, with commas.", required=True)
_LIMIT = Parameter("limit", "number", "How many techniques to answer.", default=20, minimum=1, maximum=100)

"""The routes of one knowledge base that return objects."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from ctibutler.answers import bundles, inference, navigator, objects, relationships
from ctibutler.answers.object_versions import versions_by_content, versions_by_modified
from ctibutler.answers.tables import object_tables
from ctibutler.answers.tables.object_tables import object_columns
from ctibutler.answers.tables.relationship_tables import RELATIONSHIP_COLUMNS, relationship_table
from ctibutler.answers.tables.table import names_of
from ctibutler.api import responses
from ctibutler.api.forms import OF_OBJECTS, in_form, with_forms
from ctibutler.api.object_parameters import (
    BUNDLE_FILTERS,
    BY,
    DETAIL,
    DOWNLOAD,
    FORM,
    FORMAT,
    IN_LAYER,
    LIMIT,
    LISTED,
    NAMED,
    NAMED_ALONE,
    STATES,
    including_of,
    list_filters,
    relationship_filters,
    release_parameter,
    sort_of,
    technique_ids,
)
from ctibutler.api.object_queries import bundle_query, object_query, object_request, relationship_query
from ctibutler.api.schemas import name_of_single_page
from ctibutler.forms.navigator_layer import compatible_layer_file, layer_file
from ctibutler.forms.stix_bundle import object_as_bundle
from ctibutler.http.parameters import page_parameters, sort_parameter
from ctibutler.http.requests import Request
from ctibutler.http.responses import attachment
from ctibutler.http.routing import Endpoint
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.settings import Settings

STIX_MEDIA_TYPE = "application/stix+json"


def endpoints(kb: KnowledgeBase, settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoints of this knowledge base that return objects."""
    pages = page_parameters(settings.default_page_size, settings.max_page_size)
    release = release_parameter(kb)
    named = (release, *including_of(kb, NAMED))
    around = (release, *including_of(kb, NAMED_ALONE))
    listing = (*pages, sort_of(kb), release, *including_of(kb, LISTED), *list_filters(kb))
    example = kb.example.id if kb.example else kb.examples[0]
    for path, alias_of in (("objects/", None), ("", "objects/")):
        yield with_forms(
            Endpoint(
                "GET",
                path,
                _list,
                f"List objects of {kb.title}",
                "ObjectPage",
                listing,
                cached=True,
                alias_of=alias_of,
                fails=(404,),
                description=f"""
                Returns the objects of one release: the latest installed one, unless `{kb.version_parameter}` names another.
                An object must match all filters; it matches a list of values if it matches one of them. If the
                release is not installed, the page is empty, and other forms are a 404.
                """,
            ),
            names_of(object_columns(kb)),
            closures=OF_OBJECTS,
        )
    for path, alias_of in (("objects/{id}/", None), ("{id}/", "objects/{id}/")):
        yield Endpoint(
            "GET",
            path,
            _one,
            f"Get an object of {kb.title}",
            name_of_single_page(kb),
            (*named, DETAIL) if kb.details else named,
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
        (*including_of(kb, STATES), BY),
        cached=True,
        fails=(404,),
        description="""
        Returns every version of the object in the installed releases, newest first, each with the releases that contain it.
        Publishers sometimes change an object without changing its `modified`: `by=content` shows that.
        """,
    )
    yield with_forms(
        Endpoint(
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
        ),
        names_of(RELATIONSHIP_COLUMNS),
        closures=OF_OBJECTS,
    )
    yield Endpoint(
        "GET",
        "objects/{id}/bundle/",
        _bundle,
        f"Get an object of {kb.title} with its relationships and neighbours",
        "ObjectPage",
        (*pages, *around, *BUNDLE_FILTERS, FORMAT),
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
                *including_of(kb, IN_LAYER),
                FORM,
                DOWNLOAD,
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
            (technique_ids(kb), LIMIT, release, *including_of(kb, "Return {} techniques too."), *list_filters(kb)),
            cached=True,
            fails=(404,),
            description="""
            Returns the techniques that most likely go with the observed ones, the likeliest first. The model is trained on the
            release itself: on which groups, campaigns and software use which techniques. The filters choose which techniques
            to return. An unknown technique is a 400 that names it, a release with too little to learn from a 404.
            """,
        )


def _list(request: Request) -> Response:
    query = object_query(request, page=request.values.page(), sort=request.values.sort())
    return in_form(
        request,
        lambda: responses.page(request, objects.list_objects(request.library, request.kb, query), "objects"),
        lambda columns: object_tables.list_table(request.library, request.kb, query, columns),
    )


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
    named, query = object_request(request), relationship_query(request)
    return in_form(
        request,
        lambda: responses.page(
            request, relationships.list_relationships(request.library, request.kb, named, query), "relationships"
        ),
        lambda columns: relationship_table(request.library, request.kb, named, query, columns),
    )


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
        request.library, request.kb, observed, object_query(request), request.values.number("limit")
    )
    return responses.json(inferred)

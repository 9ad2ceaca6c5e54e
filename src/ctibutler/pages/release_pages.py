"""The pages about a release: what it is, and the list of its objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.responses import Response

from ctibutler.answers import releases
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.objects import ObjectQuery, list_objects
from ctibutler.http.forwarding import answer_at
from ctibutler.http.requests import Request
from ctibutler.pages import addresses
from ctibutler.pages.paging import pager
from ctibutler.pages.releases_in_view import in_release, nothing_installed, title_of
from ctibutler.pages.rows import Rows
from ctibutler.pages.sections import facts_of
from ctibutler.pages.templating import Frame, Scope, forms_of, page, redirect, short_title
from ctibutler.stix.times import Instant, rfc3339

LIST_FORMS = (".json", ".csv")


def latest(request: Request) -> Response:
    """Lead from a knowledge base to its latest release."""
    label = releases.installed(request.library, request.kb).latest
    return nothing_installed(request) if label is None else redirect(addresses.of_release(request.kb.slug, label))


def _about(request: Request, scope: Scope) -> Response:
    facts = releases.about(request.library, scope.kb, scope.label)
    counts = []
    for word in scope.kb.kinds:
        if scope.kb.type_parameter is not None:
            query = ObjectQuery(release=scope.label, type_words=[word.word])
            total = list_objects(request.library, scope.kb, query).total
            if total:
                link = addresses.in_release(
                    scope.kb.slug, scope.label, "objects", "",
                    **{scope.kb.type_parameter: word.word, "include_revoked": True, "include_deprecated": True},
                )  # fmt: skip
                counts.append((word, total, link))
    address = addresses.of_release(scope.kb.slug, scope.label)
    frame = Frame(
        f"{short_title(scope.kb)} {scope.label}",
        address,
        scope,
        forms_of(address.rstrip("/"), ".json"),
        "release",
    )
    return page("release.html", frame, kb=scope.kb, facts=facts, counts=counts, installed_on=_day(facts.installed_at))


def _day(moment: Instant) -> str:
    return rfc3339(moment)[:10]


about = in_release(lambda request, label: addresses.of_release(request.kb.slug, label), _about)


def about_as_json(request: Request, label: str) -> Response:
    """Return what the API says about a release."""
    return answer_at(request, addresses.api_of(request.kb, "versions", label))


def _objects(request: Request, scope: Scope) -> Response:
    kb, values = scope.kb, request.values
    query = ObjectQuery(
        release=scope.label,
        page=values.page(),
        sort=values.sort(),
        include_revoked=values.flag("include_revoked"),
        include_deprecated=values.flag("include_deprecated"),
        name=values.text("name"),
        text=values.text("text"),
        types=values.csv("types"),
        type_words=values.csv(kb.type_parameter) if kb.type_parameter else None,
        filters={
            item.parameter: given
            for item in kb.filters
            if (given := values.csv(item.parameter) if item.kind == "exact" else values.text(item.parameter))
            is not None
        },
    )
    found = list_objects(request.library, kb, query)
    rows = Rows(request.library, found.items, (kb.slug, scope.label))
    address = addresses.in_release(kb.slug, scope.label, "objects")
    frame = Frame(
        title_of(scope, "Objects"), address, scope, forms_of(address, *LIST_FORMS, query=values.query()), "objects"
    )
    return page(
        "objects.html",
        frame,
        kb=kb,
        found=found,
        rows=[(rows.row(view), facts_of(kb, view)) for view in found.items],
        columns=[
            column.name.replace("_", " ").capitalize() for column in kb.columns if _is_shown(column.types, found.items)
        ],
        values=values,
        pager=pager(request, address, found.request.number, found.request.size, found.total),
    )


def _is_shown(types: tuple[str, ...], items: Sequence[ObjectView]) -> bool:
    return any(view.type in types for view in items)


objects = in_release(lambda request, label: addresses.in_release(request.kb.slug, label, "objects"), _objects)


def objects_as(extension: str) -> Callable[[Request], Response]:
    """Return the handler of another form of the list: the whole list as a file, or the API's page."""

    def answer(request: Request, scope: Scope) -> Response:
        query = f"version={scope.label}&{request.values.query()}&sort={request.values.choice('sort')}"
        form = "&format=csv" if extension == ".csv" else ""
        dead = "".join(
            f"&{name}={str(request.values.flag(name)).lower()}" for name in ("include_revoked", "include_deprecated")
        )
        return answer_at(request, addresses.api_of(request.kb, "objects"), query + form + dead)

    return in_release(lambda request, label: addresses.in_release(request.kb.slug, label, "objects", extension), answer)

"""The routes of one knowledge base that follow an object from release to release."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from ctibutler.answers.differences import DifferenceQuery, object_difference
from ctibutler.answers.history import HistoryQuery, history
from ctibutler.answers.tables.history_tables import HISTORY_COLUMNS, history_table
from ctibutler.answers.tables.table import names_of
from ctibutler.api import responses
from ctibutler.api.forms import in_form, with_forms
from ctibutler.comparing.classes import CHANGE_CLASSES
from ctibutler.comparing.events import EVENTS
from ctibutler.forms.history import facts_of
from ctibutler.http.parameters import Parameter, page_parameters
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.settings import Settings


def endpoints(kb: KnowledgeBase, settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoints of this knowledge base that compare releases of one object."""
    yield with_forms(
        Endpoint(
            "GET",
            "objects/{id}/history/",
            _history,
            f"Tell the history of an object of {kb.title}",
            "HistoryPage",
            (*page_parameters(settings.default_page_size, settings.max_page_size), _HIDE_EVENTS),
            cached=True,
            fails=(404,),
            description="""
            Returns what happened to the object from each installed release to the next, oldest first. If several objects had
            the id over time, each has a thread, told apart by `stix_id`.
            """,
        ),
        names_of(HISTORY_COLUMNS),
        others=("atom",),
    )
    yield Endpoint(
        "GET",
        "objects/{id}/diff/",
        _difference,
        f"Compare an object of {kb.title} in two releases",
        "ObjectDifference",
        (*_releases(kb), _HIDE_CLASSES, _WORDS, _FOLLOW),
        cached=True,
        fails=(404,),
        description="""
        Returns what became of the object, the properties that differ, by what they are about, and the relationships that were
        added and removed. Texts are compared word by word, without markup and citations. If the object is revoked in the second
        release, it is compared with what replaced it. If one of the two releases has neither, the answer is a 404 that names
        those that have the object.
        """,
    )


def _history(request: Request) -> Response:
    values = request.values
    query = HistoryQuery(hide=values.csv("hide") or (), page=values.page())

    def page() -> Response:
        found = history(request.library, request.kb, request.path["id"], query)
        return responses.page(request, found.page, "history", facts_of(found))

    return in_form(
        request, page, lambda columns: history_table(request.library, request.kb, request.path["id"], query, columns)
    )


def _difference(request: Request) -> Response:
    values = request.values
    query = DifferenceQuery(
        since=values.text("from"),
        release=values.text("to"),
        hide=values.csv("hide") or (),
        words=values.flag("words"),
        follow=values.flag("follow"),
    )
    return responses.json(object_difference(request.library, request.kb, request.path["id"], query))


def _releases(kb: KnowledgeBase) -> tuple[Parameter, Parameter]:
    label = kb.example.release if kb.example else release_labels.LATEST
    return (
        Parameter(
            "from",
            "text",
            "The first release. Default: the last one before the second in which the object differs.",
            example=label,
        ),
        Parameter("to", "text", "The second release. Default: the latest installed one.", example=label),
    )


_HIDE_EVENTS = Parameter(
    "hide", "csv", f"Events to leave out: {', '.join(f'`{word}`' for word in EVENTS)}.", example="touched"
)
_HIDE_CLASSES = Parameter(
    "hide",
    "csv",
    f"Classes of properties to leave out: {', '.join(f'`{word}`' for word in CHANGE_CLASSES)}.",
    example="housekeeping,model",
)
_WORDS = Parameter("words", "flag", "Compare texts word by word.", default=True)
_FOLLOW = Parameter(
    "follow", "flag", "If the object is dead in the second release, compare it with what replaced it.", default=True
)

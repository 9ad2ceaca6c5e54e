"""The routes of one knowledge base that answer questions about its objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast, get_args

from starlette.responses import Response

from ctibutler.answers.across.questions import ask_across
from ctibutler.answers.asking import questions, sets
from ctibutler.answers.asking.answering import ROW_SORT_KEYS
from ctibutler.answers.asking.question_records import ALL_WAYS, QuestionQuery
from ctibutler.answers.pages import Sort
from ctibutler.answers.tables.across_question_tables import question_across_table
from ctibutler.answers.tables.layers import gives_techniques
from ctibutler.answers.tables.question_tables import Per, comparison_table, question_table
from ctibutler.api import responses
from ctibutler.api.forms import LAYER, OF_ANSWERS, in_form, with_forms
from ctibutler.api.object_parameters import including, list_filters, release_parameter
from ctibutler.api.object_queries import object_query, object_request
from ctibutler.errors import InvalidRequest
from ctibutler.forms.json_form import facts_of
from ctibutler.forms.questions import asked_questions, facts_of_answer, facts_of_comparison, known_questions
from ctibutler.http.bodies import MOST_IDS, Field
from ctibutler.http.parameters import Parameter, brief, page_parameters
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint, Method
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.settings import Settings

MOST_IDS_IN_URL = 100
TECHNIQUES = "techniques"

_WALKED = "Include what is {}: the objects asked about, relationships, and what they lead to."
_SUB = Parameter(
    "include_sub", "flag", "Ask about the kinds of the objects too, such as sub-techniques.", default=False
)
_EVIDENCE = Parameter("evidence", "flag", "Show the relationships that lead to each result.", default=True)
_EVIDENCE_LIMIT = Parameter(
    "evidence_limit", "number", "How many paths to show for each result, the oldest first.", default=5, maximum=1000
)
_SHOW = Parameter(
    "show", "choice", "`counts` leaves the results out.", default="objects", allowed=("objects", "counts")
)
_MATCH = Parameter(
    "match",
    "choice",
    "Return what answers for `any` of the objects asked about, or for `all`.",
    default="any",
    allowed=("any", "all"),
)
_AT_LEAST = Parameter(
    "at_least", "number", "Return what answers for at least this many of the objects asked about.", default=1
)
_PER = Parameter(
    "per",
    "choice",
    "In tables: a row for each `result`, for each path of `evidence` that leads to one, or for each result of each object"
    " asked about (`start`). With `start`, `format=layer` is a zip with a layer for each object asked about.",
    default="result",
    allowed=get_args(Per),
)
_SIDES = Parameter("in", "csv", "Return only what is in `both`, or only in `a` or `b`.", example="both")


def endpoints(kb: KnowledgeBase, knowledge_bases: KnowledgeBases, settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoints of this knowledge base that answer questions; none if it has no questions."""
    if not kb.questions:
        return
    words = _words(kb)
    release = release_parameter(kb)
    alive = including(False, _WALKED)
    answer = (*_answer_parameters(kb, settings), _PER)
    layers = _layers(kb, knowledge_bases)
    several = (*answer, _MATCH, _AT_LEAST)
    yield Endpoint(
        "GET",
        "questions/",
        _known,
        f"List the questions that can be asked about objects of {kb.title}",
        "KnownQuestions",
        cached=True,
        description="""
        Returns each question with the kinds of objects that it can be asked about, the kinds that answer it, and the ways that
        lead to the answers.
        """,
    )
    yield Endpoint(
        "GET",
        "objects/{id}/questions/",
        _asked,
        f"Count the answers to all questions about an object of {kb.title}",
        "AskedQuestions",
        (release, *alive),
        cached=True,
        fails=(404,),
        description="""
        Returns each question that the object can be asked, with the number of its answers: by each way, by the default ways,
        by all, and the same with the kinds of the object included.
        """,
    )
    yield with_forms(
        Endpoint(
            "GET",
            "objects/{id}/{question}/",
            _of_object,
            f"Ask a question about an object of {kb.title}",
            "QuestionPage",
            answer,
            choices={"question": words},
            cached=True,
            fails=(404,),
            description="""
        Returns the objects that answer the question, each with the ways and the relationships that lead to it. Revoked and
        deprecated objects and relationships do not count unless they are included. A question that objects of this kind
        cannot be asked is a 404 that names those that they can.
        """,
        ),
        closures=OF_ANSWERS,
        others=layers,
    )
    methods: tuple[tuple[Method, tuple[Field, ...] | None, tuple[Parameter, ...]], ...] = (
        ("GET", None, (_ids("ids", kb, "Ids of the objects to ask about."),)),
        ("POST", (_id_field("ids", kb, "Ids of the objects to ask about."),), ()),
    )
    for method, fields, ids in methods:
        yield with_forms(
            Endpoint(
                method,
                "questions/{question}/",
                _of_several,
                f"Ask a question about several objects of {kb.title}, or about all",
                "QuestionPage",
                (*ids, _of(kb), *several),
                fields=fields,
                choices={"question": words},
                cached=method == "GET",
                fails=(404,),
                description="""
            Returns the objects that answer the question for any of the objects asked about, those that answer for most of them
            first. Without ids, every object is asked that can be, and there is a result for each pair. `POST` takes more ids,
            and changes nothing.
            """,
            ),
            closures=OF_ANSWERS,
            others=layers,
        )
    for method, fields, sets_of_ids in _two_sets(kb):
        yield with_forms(
            Endpoint(
                method,
                "compare/",
                _compare,
                f"Compare two sets of objects of {kb.title}",
                "SetComparisonPage",
                (
                    *sets_of_ids,
                    _by(words),
                    _SIDES,
                    *_without(answer, "show", "evidence", "evidence_limit", "view", "per"),
                ),
                fields=fields,
                cached=method == "GET",
                fails=(404,),
                description="""
            Returns what answers a question for both sets, then what answers it for only one, with counts and the Jaccard index.
            `POST` takes more ids, and changes nothing.
            """,
            ),
            closures=OF_ANSWERS,
            others=layers,
        )


def _layers(kb: KnowledgeBase, knowledge_bases: KnowledgeBases) -> tuple[str, ...]:
    """The form of layers, if any question of a knowledge base is answered by techniques that the Navigator shows."""
    answered = ((knowledge_bases.named(item.knowledge_base or kb.slug), item.gives) for item in kb.questions)
    return (LAYER,) if any(gives_techniques(far, kinds) for far, kinds in answered) else ()


def across_endpoints(knowledge_bases: KnowledgeBases, settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoint that asks all knowledge bases."""
    words = {word: None for kb in knowledge_bases.all for word in _words(kb)}
    yield with_forms(
        Endpoint(
            "GET",
            "objects/{id}/{question}/",
            _of_any,
            "Ask all knowledge bases a question about an object",
            "QuestionAnswers",
            (
                *page_parameters(settings.default_page_size, settings.max_page_size),
                *including(False, _WALKED),
                Parameter("via", "csv", "Ways that lead to the results; `all` for all.", example=ALL_WAYS),
                _SUB,
                _SHOW,
                _EVIDENCE,
                _EVIDENCE_LIMIT,
                _PER,
            ),
            choices={"question": tuple(words)},
            cached=True,
            tag="objects",
            fails=(404,),
            description="""
        Returns an answer for each knowledge base whose latest release holds the object. The page applies to each of them. In
        tables, each row names its knowledge base and release; as `layer`, an object of several knowledge bases is a zip with a
        layer for each.
        """,
        ),
        closures=OF_ANSWERS,
        others=(LAYER,),
    )


def _answer_parameters(kb: KnowledgeBase, settings: Settings) -> tuple[Parameter, ...]:
    ways = tuple(dict.fromkeys(known.name for question in kb.questions for known in question.ways))
    default = "Default: those marked as default in `questions/`."
    return (
        *page_parameters(settings.default_page_size, settings.max_page_size),
        _sort(kb),
        release_parameter(kb),
        *including(False, _WALKED),
        *(item for item in list_filters(kb) if item.name != "description"),
        Parameter(
            "via", "csv", f"Ways that lead to the results: {', '.join(f'`{name}`' for name in ways)}; `all`. {default}",
            example=ALL_WAYS,
        ),
        _SUB,
        *(
            Parameter(
                "view", "text", f"Keep to relationships with this `{known.name}`. Default: to any one of them.",
                example="1000",
            )
            for known in kb.qualifiers
        ),
        _SHOW,
        _EVIDENCE,
        _EVIDENCE_LIMIT,
    )  # fmt: skip


def _sort(kb: KnowledgeBase) -> Parameter:
    """The order of results. It has no default: that depends on the question, and on how many objects are asked about."""
    keys = ("id", *kb.sort_keys, *ROW_SORT_KEYS)
    return Parameter(
        "sort",
        "choice",
        "Order of the results. `matched` is the number of objects asked about that a result answers for, `evidence` the number"
        " of paths, `depth` the least number of relationships. Default: by id, or what answers for most objects first.",
        allowed=tuple(f"{key}_{direction}" for key in keys for direction in ("ascending", "descending")),
    )


def _of(kb: KnowledgeBase) -> Parameter:
    first = next(question for question in kb.questions if question.word == _words(kb)[0])
    return Parameter(
        "of", "text", "Kind of the objects to ask about, where no ids are given. Default: all.", example=first.of[0]
    )


def _by(words: Sequence[str]) -> Parameter:
    return Parameter(
        "by",
        "choice",
        "The question to compare by.",
        default=words[0],
        allowed=tuple(words),
    )


def _two_sets(kb: KnowledgeBase) -> Iterator[tuple[Method, tuple[Field, ...] | None, tuple[Parameter, ...]]]:
    """The two methods of a comparison, each with its fields and parameters."""
    about = "Ids of the objects in set {}"
    yield (
        "GET",
        None,
        tuple(_ids(name, kb, f"{about.format(name)}.", required=True) for name in ("a", "b")),
    )
    yield "POST", tuple(_id_field(name, kb, f"{about.format(name)}.", required=True) for name in ("a", "b")), ()


def _ids(name: str, kb: KnowledgeBase, description: str, *, required: bool = False) -> Parameter:
    return Parameter(name, "csv", description, required=required, example=_example(kb), most_items=MOST_IDS_IN_URL)


def _id_field(name: str, kb: KnowledgeBase, description: str, *, required: bool = False) -> Field:
    return Field(name, "ids", description, required=required, example=[_example(kb)])


def _example(kb: KnowledgeBase) -> str:
    return kb.example.id if kb.example else kb.examples[0]


def _without(parameters: Sequence[Parameter], *names: str) -> tuple[Parameter, ...]:
    return tuple(item for item in parameters if item.name not in names)


def _words(kb: KnowledgeBase) -> tuple[str, ...]:
    """The questions of a knowledge base, those first that its example can be asked; of these, which techniques."""
    example = kb.example.stix_id.partition("--")[0] if kb.example else ""
    kinds = {kind.word for kind in kb.kinds if example in kind.types}
    ordered = sorted(kb.questions, key=lambda question: (not kinds <= set(question.of), question.word != TECHNIQUES))
    return tuple(dict.fromkeys(question.word for question in ordered))


def _known(request: Request) -> Response:
    return responses.json(known_questions(request.kb))


def _asked(request: Request) -> Response:
    return responses.json(asked_questions(questions.asked_counts(request.library, request.kb, object_request(request))))


def _of_object(request: Request) -> Response:
    return _answer(request, [request.path["id"]])


def _of_several(request: Request) -> Response:
    return _answer(request, _ids_of(request, "ids"))


def _answer(request: Request, ids: Sequence[str] | None) -> Response:
    word, query = request.path["question"], question_query(request)

    def page() -> Response:
        found = questions.ask(request.library, request.kb, ids, word, query)
        return responses.page(request, found.page, "results", facts_of_answer(found))

    return in_form(
        request,
        page,
        lambda columns: question_table(
            request.library,
            request.kb,
            ids,
            word,
            query,
            columns,
            per=cast("Per", request.values.choice("per")),
        ),
    )


def _compare(request: Request) -> Response:
    a, b = (_ids_of(request, name) or [] for name in ("a", "b"))
    by, query, sides = request.values.choice("by"), question_query(request), _sides(request)

    def page() -> Response:
        compared = sets.compare_sets(request.library, request.kb, a, b, by, query, sides)
        return responses.page(request, compared.page, "results", facts_of_comparison(compared))

    return in_form(
        request,
        page,
        lambda columns: comparison_table(request.library, request.kb, a, b, by, query, sides, columns),
    )


def _sides(request: Request) -> list[str] | None:
    sides = request.values.csv("in")
    wrong = [side for side in sides or () if side not in sets.SIDES]
    if wrong:
        raise InvalidRequest.of("in", f"`{brief(wrong[0])}` is none of {', '.join(sets.SIDES)}.")
    return sides


def _ids_of(request: Request, name: str) -> list[str] | None:
    """The ids in the URL or in the body, None if there are none."""
    if not request.values.has(name):
        return request.body.ids(name) or None
    ids = request.values.csv(name)
    if ids and len(ids) > MOST_IDS_IN_URL:
        raise InvalidRequest.of(name, f"At most {MOST_IDS_IN_URL} ids fit in a URL; POST takes {MOST_IDS}.")
    return ids


def _of_any(request: Request) -> Response:
    values = request.values
    query = QuestionQuery(
        page=values.page(),
        via=values.csv("via"),
        include_sub=values.flag("include_sub"),
        include_revoked=values.flag("include_revoked"),
        include_deprecated=values.flag("include_deprecated"),
        rows=values.choice("show") == "objects",
        evidence=values.flag("evidence"),
        evidence_limit=values.number("evidence_limit"),
    )
    object_id, word = request.path["id"], request.path["question"]

    def page() -> Response:
        found = ask_across(request.library, object_id, word, query)
        pages = [{**facts_of(answer.page), **facts_of_answer(answer), "results": answer.page.items} for answer in found]
        return responses.json({"answers": pages})

    per = cast("Per", values.choice("per"))
    return in_form(
        request,
        page,
        lambda columns: question_across_table(request.library, object_id, word, query, columns, per=per),
    )


def question_query(request: Request) -> QuestionQuery:
    """Return how a question is to be answered."""
    values = request.values
    listed = object_query(request)
    sort = values.text("sort")
    return QuestionQuery(
        release=listed.release,
        page=values.page(),
        sort=None if sort is None else Sort.parse(sort),
        of=values.text("of") if values.has("of") else None,
        via=values.csv("via"),
        include_sub=values.flag("include_sub"),
        at_least=_at_least(request),
        view=values.text("view") if values.has("view") else None,
        include_revoked=listed.include_revoked,
        include_deprecated=listed.include_deprecated,
        filters=listed,
        rows=not values.has("show") or values.choice("show") == "objects",
        evidence=values.has("evidence") and values.flag("evidence"),
        evidence_limit=values.number("evidence_limit") if values.has("evidence_limit") else 0,
    )


def _at_least(request: Request) -> int | None:
    values = request.values
    if not values.has("match"):
        return 1
    return None if values.choice("match") == "all" else values.number("at_least")

"""The page with what became of every object of a release since another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from ctibutler.answers.edited_words import edited_words
from ctibutler.answers.outcome_changes import STALE, OutcomesPage, OutcomesQuery, outcome_changes
from ctibutler.answers.pages import WHOLE, Sort
from ctibutler.answers.reading_ids import reading_ids_of
from ctibutler.comparing.outcomes import ADDED, HANDLINGS, OUTCOMES, Candidate, Outcome
from ctibutler.comparing.words import EditedWords
from ctibutler.http.forwarding import answer_at
from ctibutler.http.parameters import Parameter, page_parameters
from ctibutler.http.requests import Request
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.pages import addresses
from ctibutler.pages.paging import pager
from ctibutler.pages.releases_in_view import in_release, title_of
from ctibutler.pages.rows import shape_of_type
from ctibutler.pages.templating import Form, Frame, Scope, page
from ctibutler.settings import Settings

ROWS_ON_A_PAGE: Final = 100
_ROWS_IN_A_SECTION: Final = 20
_FOLDED: Final = ("touched", "unchanged")
"""What is only counted, unless it is asked for."""

_FORMS: Final[Mapping[str, str]] = {".json": "", ".csv": "csv", ".md": "md", ".atom": "atom", ".layer.json": "layer"}


def forms_of(kb: KnowledgeBase) -> tuple[str, ...]:
    """Return the extensions of the other forms of this page."""
    return tuple(extension for extension in _FORMS if extension != ".layer.json" or kb.navigator_domain)


def parameters(settings: Settings) -> tuple[Parameter, ...]:
    """Return the parameters of the page."""
    return (
        *page_parameters(ROWS_ON_A_PAGE, max(settings.max_page_size, ROWS_ON_A_PAGE)),
        Parameter("since", "text", "The release to compare with. Default: the one before."),
        Parameter("outcome", "csv", "Outcomes to show."),
        Parameter("handling", "csv", "Show what is automatic, needs a look, or a human."),
        Parameter("types", "csv", "STIX types to show."),
        Parameter("dead", "flag", "Show what was revoked or deprecated before too.", default=False),
    )


@dataclass(frozen=True)
class Named:
    """An object with the address of its page; empty if it has none."""

    id: str
    name: str
    address: str


@dataclass(frozen=True)
class Row:
    """What became of an object: `old` is it, `new` what stands for it now if that is another one, or has another name."""

    shape: str
    outcome: str
    also: Sequence[str]
    handling: str
    old: Named
    new: Named | None
    reason: str
    candidates: Sequence[Named]
    differences: str
    words: EditedWords | None


@dataclass(frozen=True)
class Section:
    """The rows with one outcome, or the first of them, and the address of all."""

    outcome: str
    total: int
    rows: Sequence[Row]
    address: str


@dataclass(frozen=True)
class KindCounts:
    """How many objects of a STIX type have which outcome, each with the address of a list."""

    kind: str
    shape: str
    cells: Sequence[tuple[int, str]]


class _View:
    """A comparison as the page shows it."""

    def __init__(self, request: Request, scope: Scope) -> None:
        self._request = request
        self._scope = scope
        self._kb = scope.kb
        values = request.values
        self.is_filtered = any(values.csv(name) is not None for name in ("outcome", "handling", "types"))
        self.query = OutcomesQuery(
            since=values.text("since"),
            outcome=values.csv("outcome"),
            handling=values.csv("handling"),
            types=values.csv("types"),
            hide=() if values.flag("dead") else (STALE,),
            page=values.page() if self.is_filtered else WHOLE,
            sort=Sort("change"),
        )
        self.found: OutcomesPage = outcome_changes(request.library, self._kb, scope.label, self.query)
        self._is_dead_too = values.flag("dead")

    def address(self, extension: str = "", **query: object) -> str:
        """The address of this page in another form, or with other filters."""
        given = self._request.values
        kept = {"since": given.text("since"), "dead": self._is_dead_too}
        return addresses.in_release(self._kb.slug, self._scope.label, "changes", extension, **{**kept, **query})

    def here(self, extension: str = "") -> str:
        """The address of this page in another form, with its filters."""
        chosen = (self.query.outcome, self.query.handling, self.query.types)
        return self.address(
            extension,
            **{name: words for name, words in zip(("outcome", "handling", "types"), chosen, strict=True) if words},
        )

    def counts(self) -> dict[str, int]:
        """Outcome → number of objects; without what was dead before, unless that is asked for."""
        whole, stale = self.found.counts.outcomes, self.found.counts.stale.outcomes
        left = {word: number - (0 if self._is_dead_too else stale.get(word, 0)) for word, number in whole.items()}
        return {word: number for word, number in left.items() if number}

    def kinds(self) -> tuple[list[str], list[KindCounts]]:
        """The outcomes that any object has, and how many of each type have them."""
        by_type: dict[str, Counter[str]] = {}
        for row in self.found.page.items:
            by_type.setdefault(row.type or "", Counter())[row.outcome] += 1
        words = [word for word in (*OUTCOMES, ADDED) if any(word in counts for counts in by_type.values())]
        found = [
            KindCounts(
                kind_of(self._kb, stix_type),
                shape_of_type(self._kb, stix_type),
                [(counts[word], self.address(outcome=word, types=stix_type)) for word in words],
            )
            for stix_type, counts in by_type.items()
        ]
        return words, sorted(found, key=lambda one: one.kind)

    def sections(self) -> list[Section]:
        """The rows by outcome: what needs a human first."""
        by_outcome: dict[str, list[Outcome]] = {}
        for row in self.found.page.items:
            by_outcome.setdefault(row.outcome, []).append(row)
        order = (*OUTCOMES, ADDED)
        shown = {
            word: rows if self.is_filtered else rows[:_ROWS_IN_A_SECTION]
            for word, rows in by_outcome.items()
            if self.is_filtered or word not in _FOLDED
        }
        every = [row for rows in shown.values() for row in rows]
        ids, words = self._ids(every), self._words(every)
        return [
            Section(
                word,
                len(by_outcome[word]),
                [self._row(row, ids, words) for row in shown[word]],
                self.address(outcome=word),
            )
            for word in sorted(shown, key=lambda word: (-_work(by_outcome[word]), order.index(word)))
        ]

    def _ids(self, rows: Sequence[Outcome]) -> dict[tuple[str, str], str]:
        """Release and STIX id → the id under which people read the object there."""
        now = {row.new_stix_id: row.new_id for row in rows if row.new_stix_id}
        before = {row.stix_id: row.id for row in rows if row.stix_id and not row.new_stix_id}
        found: dict[tuple[str, str], str] = {}
        for label, asked in ((self._scope.label, now), (self.found.since, before)):
            if label is not None and asked:
                read = reading_ids_of(self._request.library, self._kb, label, asked)
                found |= {(label, stix_id): object_id for stix_id, object_id in read.items()}
        return found

    def _words(self, rows: Sequence[Outcome]) -> Mapping[str, EditedWords]:
        """STIX id → how many words were added to the texts of an object, and removed."""
        since = self.found.since
        return {} if since is None else edited_words(self._request.library, self._kb, since, self._scope.label, rows)

    def _row(self, row: Outcome, ids: Mapping[tuple[str, str], str], words: Mapping[str, EditedWords]) -> Row:
        label, since = self._scope.label, self.found.since
        heir = None
        if row.new_stix_id is not None:
            heir = self._named(label, ids[label, row.new_stix_id], row.new_id, row.new_name)
        is_other = heir is not None and (row.new_id, row.new_name) != (row.id, row.name)
        if heir is not None and not is_other:
            old = heir
        elif heir is None and since is not None and row.stix_id is not None:
            old = self._named(since, ids[since, row.stix_id], row.id, row.name)
        else:
            old = Named("" if row.id == row.stix_id else row.id, row.name or row.id, "")
        differences = ""
        if heir is not None and since is not None and row.outcome not in (ADDED, "unchanged"):
            object_id = ids[label, str(row.new_stix_id)]
            differences = addresses.of_object(self._kb.slug, label, object_id, "diff", **{"from": since})
        return Row(
            shape_of_type(self._kb, row.type or ""),
            row.outcome,
            row.also,
            row.handling,
            old,
            heir if is_other else None,
            row.reason,
            [self._candidate(one) for one in row.candidates],
            differences if row.stix_id == row.new_stix_id else "",
            words.get(row.stix_id or ""),
        )

    def _named(self, label: str, object_id: str, shown_id: str | None, name: str | None) -> Named:
        has_id = shown_id is not None and "--" not in shown_id
        address = addresses.of_object(self._kb.slug, label, object_id)
        return Named(str(shown_id) if has_id else "", name or object_id, address)

    def _candidate(self, one: Candidate) -> Named:
        is_number = "--" not in one.id
        return Named(
            one.id if is_number else "",
            one.name or one.id,
            addresses.of_object(self._kb.slug, self._scope.label, one.id) if is_number else "",
        )


def _work(rows: Iterable[Outcome]) -> int:
    return max(HANDLINGS.index(row.handling) for row in rows)


def _page(request: Request, scope: Scope) -> Response:
    view = _View(request, scope)
    kb, found = scope.kb, view.found
    address = addresses.in_release(kb.slug, scope.label, "changes")
    words, kinds = view.kinds() if not view.is_filtered else ([], [])
    number, size, total = found.page.request.number, found.page.request.size, found.page.total
    since = found.since
    frame = Frame(
        title_of(scope, f"{since} → {scope.label}: changes" if since else "Changes"),
        address,
        scope,
        [Form(extension, view.here(extension)) for extension in forms_of(kb)],
        "changes",
    )
    counts = view.counts()
    return page(
        "changes.html",
        frame,
        kb=kb,
        found=found,
        since=since,
        is_filtered=view.is_filtered,
        whole=view.address(),
        tiles=[(word, counts[word], view.address(outcome=word)) for word in counts],
        words=words,
        kinds=kinds,
        sections=view.sections() if since else [],
        model=[(kind_of(kb, one.type), one) for one in found.model],
        vocabulary=[(kind_of(kb, one.type), one) for one in found.vocabulary],
        dead=sum(found.counts.stale.outcomes.values()),
        with_dead=view.address(dead=True),
        silent=(found.counts.silent, view.address(outcome="silent")),
        bases=[
            (other.label, addresses.in_release(kb.slug, scope.label, "changes", since=other.label))
            for other in scope.others
            if other.label not in (scope.label, since)
        ],
        in_matrix=addresses.in_release(kb.slug, scope.label, "matrix", since=since) if since else "",
        pager=pager(request, address, number, size, total) if view.is_filtered else None,
    )


the_changes = in_release(lambda request, label: addresses.in_release(request.kb.slug, label, "changes"), _page)


def changes_as(extension: str) -> Callable[[Request], Response]:
    """Return the handler of another form of the page: the same rows from the API."""

    def answer(request: Request, scope: Scope) -> Response:
        values = request.values
        query = addresses.query_of(
            view="outcome",
            since=values.text("since"),
            outcome=values.csv("outcome"),
            handling=values.csv("handling"),
            types=values.csv("types"),
            hide="" if values.flag("dead") else STALE,
            sort="change_ascending",
            page=values.number("page"),
            page_size=values.number("page_size"),
            format=_FORMS[extension],
        )
        return answer_at(request, addresses.api_of(request.kb, "versions", scope.label, "changes"), query)

    return in_release(lambda request, label: addresses.in_release(request.kb.slug, label, "changes", extension), answer)

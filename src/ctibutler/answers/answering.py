"""How a question is answered: walks as rows, filtered, in order, with their evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from itertools import islice

from ctibutler.answers.asked import Asked
from ctibutler.answers.library import Library
from ctibutler.answers.naming import brief
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.objects import ObjectQuery, selection_of, shown_types
from ctibutler.answers.pages import Page, Sort, cut
from ctibutler.answers.question_records import (
    ALL_WAYS,
    Counts,
    Evidence,
    QuestionAnswer,
    QuestionQuery,
    QuestionRow,
    WayCounts,
)
from ctibutler.answers.walks import Chain, Walk, Walker
from ctibutler.catalog import objects, relationship_contents, walks
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import folded
from ctibutler.catalog.releases import by_key as release_by_key
from ctibutler.catalog.walks import Hop, Node
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.questions import Question, Way

MOST_EVIDENCE = 10_000
"""No more paths of one row are put in order."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A row before it is shown: an object, and the ways by which it was reached from which objects. `of` is the one asked of,
    where there is a row for each pair."""

    node: Node
    found: Sequence[tuple[Way, Walk]]
    of: Node | None = None

    @property
    def via(self) -> tuple[str, ...]:
        """The names of the ways."""
        return tuple(dict.fromkeys(known.name for known, _ in self.found))

    @property
    def matched(self) -> int:
        """How many of the objects asked of it answers."""
        return len({walk.start for _, walk in self.found})

    @property
    def depth(self) -> int:
        """The least number of relationships."""
        return min(walk.reached[self.node][0] for _, walk in self.found)

    @property
    def count(self) -> int:
        """How many paths lead to it."""
        return sum(walk.reached[self.node][1] for _, walk in self.found)


class Answering:
    """Answers one request, in one transaction."""

    def __init__(self, library: Library, connection: Connection, query: QuestionQuery) -> None:
        self._library = library
        self._connection = connection
        self._query = query
        self._walks: dict[tuple[Asked, bool], dict[Way, list[Walk]]] = {}
        self._walker = Walker(connection, library.knowledge_bases, query.living)

    def answer(self, asked: Asked) -> QuestionAnswer:
        """Return the answer to one question."""
        ways, rows = self.rows(asked)
        far = self.far(asked)
        ordered = self.ordered(far, asked, rows)
        page = cut(ordered, self._query.page) if self._query.rows else Page(self._query.page, [], len(ordered))
        return self._shown(far, asked, page, tuple(known.name for known in ways))

    def far(self, asked: Asked) -> KnowledgeBase:
        """Return the knowledge base of the rows."""
        return self._library.knowledge_bases.named(asked.question.knowledge_base or asked.kb.slug)

    def rows(self, asked: Asked) -> tuple[tuple[Way, ...], list[Row]]:
        """Return the ways that were chosen, and what they lead to."""
        ways = _chosen(asked.question, self._query.via)
        self._walker.value = self._view(asked)
        walked = self._walked(asked, with_sub=self._query.include_sub)
        return ways, self._kept(asked, _rows({known: walked[known] for known in ways}, pairs=asked.of_all))

    def counted(self, asked: Asked) -> Counts:
        """Return the numbers of rows by each way."""
        alone = _way_counts(asked, self._walked(asked, with_sub=False))
        with_sub = None
        if asked.question.sub is not None:
            with_sub = _way_counts(asked, self._walked(asked, with_sub=True))
        return Counts(alone.ways, alone.default, alone.all, with_sub)

    def _view(self, asked: Asked) -> str | None:
        """The value of the qualifier that paths may keep to: written in full, or by its last part alone."""
        if self._query.view is None:
            return None
        name = asked.question.is_within
        if not name:
            raise InvalidRequest.of("view", f"`{asked.question.word}` is not asked within a view.")
        known = walks.values_of(self._connection, asked.release, name)
        wanted = folded(self._query.view)
        found = next((value for value in known if wanted in (value, value.rpartition("-")[2])), None)
        if found is None and known:
            raise InvalidRequest.of("view", f"`{brief(self._query.view)}` is none of {', '.join(known)}.")
        return found

    def _walked(self, asked: Asked, *, with_sub: bool) -> dict[Way, list[Walk]]:
        self._walker.places.update(asked.places)
        mark = (asked, with_sub)
        if mark not in self._walks:
            question, starts = asked.question, list(asked.starts)
            self._walks[mark] = {
                known: self._walker.walk(known, question, starts, with_sub=with_sub) for known in question.ways
            }
        return self._walks[mark]

    def _kept(self, asked: Asked, rows: Sequence[Row]) -> list[Row]:
        least = len(asked.starts) if self._query.at_least is None else self._query.at_least
        return [row for row in rows if row.matched >= least] if least > 1 and not asked.of_all else list(rows)

    def ordered(self, far: KnowledgeBase, asked: Asked, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that pass the filters, in order: of equal ones by id."""
        if not rows:
            return []
        several = len(asked.starts) > 1 and not asked.of_all
        sort = self._query.sort or (Sort("matched", descending=True) if several else Sort.parse(asked.question.sort))
        own = _OWN_SORTS.get(sort.key)
        by_content = Sort("id") if own else sort
        place = {key: number for number, key in enumerate(self._passing(far, rows, by_content))}
        object_of = {row.node: self._walker.places[row.node].object_key for row in rows}
        kept = [row for row in rows if object_of[row.node] in place]
        if asked.of_all:
            kept.sort(key=lambda row: asked.starts[row.of].id if row.of else "")
        kept.sort(key=lambda row: place[object_of[row.node]])
        if own:
            kept.sort(key=own, reverse=sort.descending)
        return kept

    def _passing(self, far: KnowledgeBase, rows: Sequence[Row], sort: Sort) -> list[int]:
        """The keys of the objects that pass the filters, in order."""
        filters = self._query.filters
        release_keys = sorted({row.node[0] for row in rows})
        release = release_by_key(self._connection, release_keys[0])
        _refuse_foreign(far, filters)
        selection = replace(
            selection_of(far, filters, release),
            releases=release_keys,
            only=[self._walker.places[row.node].object_key for row in rows],
            listed_only=False,
            types=None if filters.types is None else shown_types(far, release, filters.types),
            include_revoked=True,
            include_deprecated=True,
        )
        key = "id" if sort.key == far.id_parameter else sort.key
        return objects.select_all(self._connection, selection, sort=key, descending=sort.descending)

    def _shown(self, far: KnowledgeBase, asked: Asked, page: Page[Row], via: tuple[str, ...]) -> QuestionAnswer:
        kb, release, question = asked.kb, asked.release, asked.question
        label = self._label(page.items[0].node[0]) if page.items else None
        objects_shown = self.views(row.node for row in page.items)
        paths = {row: self._evidence(row) for row in page.items} if self._query.evidence else {}
        hops = {hop for chosen in paths.values() for _, chain in chosen for hop in chain}
        edges = walks.edges(self._connection, sorted(hops, key=_hop_order))
        limit = self._query.evidence_limit
        rows, used = [], dict[Hop, None]()
        for row in page.items:
            ranked = sorted(
                paths.get(row, ()),
                key=lambda found: (_times(found[1]), [edges[hop].id for hop in found[1]], found[0].name),
            )[:limit]
            used.update((hop, None) for _, chain in ranked for hop in chain)
            rows.append(
                QuestionRow(
                    object=objects_shown[row.node],
                    via=row.via,
                    depth=row.depth,
                    matched=row.matched,
                    evidence_count=row.count,
                    evidence=tuple(
                        Evidence(known.name, tuple(edges[hop].id for hop in chain)) for known, chain in ranked
                    ),
                    of=asked.starts[row.of] if row.of else None,
                )
            )
        taken = list({(edges[hop].family, edges[hop].key, edges[hop].id): hop for hop in used}.values())
        between = {node for hop in used for node in (hop.source, hop.target)}
        between -= {row.node for row in page.items} | asked.starts.keys()
        contents = relationship_contents.contents(self._connection, [edges[hop] for hop in taken])
        return QuestionAnswer(
            question=question,
            knowledge_base=kb.slug,
            release=release.label,
            of=[] if asked.of_all else list(asked.starts.values()),
            via=via,
            counts=self.counted(asked),
            page=page.with_items(rows),
            within=question.is_within if self._walker.is_within(question, release) else None,
            rows_from=far.slug,
            rows_release=release.label if far.slug == kb.slug else label,
            relationships=[
                ObjectView(content, kb, release.label)
                for _, content in sorted(zip((edges[hop].id for hop in taken), contents, strict=True))
            ],
            through=sorted(self.views(between).values(), key=lambda view: view.id),
        )

    def _evidence(self, row: Row) -> list[tuple[Way, Chain]]:
        """The oldest paths to a row, with those that are as old as the last of them."""
        found = [(known, chain) for known, walk in row.found for chain in islice(walk.chains(row.node), MOST_EVIDENCE)]
        limit = self._query.evidence_limit
        if len(found) <= limit:
            return found
        latest = nsmallest(limit, (_times(chain) for _, chain in found))[-1]
        return [one for one in found if _times(one[1]) <= latest]

    def views(self, nodes: Iterable[Node]) -> dict[Node, ObjectView]:
        """Return the objects at these nodes."""
        wanted = [node for node in dict.fromkeys(nodes) if node in self._walker.places]
        contents = objects.contents(self._connection, [self._walker.places[node].object_key for node in wanted])
        return {
            node: ObjectView(content, self._base(node[0]), self._label(node[0]))
            for node, content in zip(wanted, contents, strict=True)
        }

    def _base(self, release_key: int) -> KnowledgeBase:
        return self._library.knowledge_bases.named(self._walker.release(release_key).knowledge_base)

    def _label(self, release_key: int) -> str:
        return self._walker.release(release_key).label


def _refuse_foreign(far: KnowledgeBase, filters: ObjectQuery) -> None:
    """Raises InvalidRequest for a filter that the knowledge base of the rows does not have."""
    declared = {item.parameter for item in far.filters}
    for name in filters.filters:
        if name not in declared:
            raise InvalidRequest.of(name, f"The answers are objects of {far.slug}, which has no such filter.")


def _chosen(question: Question, via: Sequence[str] | None) -> tuple[Way, ...]:
    if via is None:
        return question.default_ways
    wanted = [name.strip().casefold() for name in via]
    known = {item.name: item for item in question.ways}
    wrong = [name for name in wanted if name not in known and name != ALL_WAYS]
    if wrong:
        raise InvalidRequest.of("via", f"`{brief(wrong[0])}` is none of {', '.join(known)}, {ALL_WAYS}.")
    return question.ways if ALL_WAYS in wanted else tuple(item for item in question.ways if item.name in wanted)


def _rows(walked: Mapping[Way, Sequence[Walk]], *, pairs: bool) -> list[Row]:
    """What these walks reach, each object once; with `pairs`, once for each object asked of."""
    found: dict[tuple[Node, Node | None], list[tuple[Way, Walk]]] = {}
    for known, several in walked.items():
        for walk in several:
            for node in walk.reached:
                found.setdefault((node, walk.start if pairs else None), []).append((known, walk))
    return [Row(node, by, of) for (node, of), by in found.items()]


def _way_counts(asked: Asked, walked: Mapping[Way, Sequence[Walk]]) -> WayCounts:
    def number(ways: Iterable[Way]) -> int:
        if asked.of_all:
            return len({(walk.start, node) for known in ways for walk in walked[known] for node in walk.reached})
        return len({node for known in ways for walk in walked[known] for node in walk.reached})

    return WayCounts(
        {known.name: number([known]) for known in walked},
        number(asked.question.default_ways),
        number(asked.question.ways),
    )


_OWN_SORTS: Mapping[str, Callable[[Row], int]] = {
    "matched": lambda row: row.matched,
    "evidence": lambda row: row.count,
    "depth": lambda row: row.depth,
}
ROW_SORT_KEYS = tuple(_OWN_SORTS)
"""What rows can be sorted by, besides what lists can be sorted by."""


def _times(chain: Chain) -> tuple[int, ...]:
    return tuple(0 if hop.created is None else hop.created for hop in chain)


def _hop_order(hop: Hop) -> tuple[str, int, bytes]:
    return hop.family, hop.key, hop.uuid

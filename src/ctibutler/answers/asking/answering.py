"""How a question is answered: walks as rows, filtered, in order, with their evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from itertools import islice

from ctibutler.answers.asking.asked import Asked
from ctibutler.answers.asking.question_records import (
    ALL_WAYS,
    Counts,
    Evidence,
    QuestionAnswer,
    QuestionQuery,
    QuestionRow,
    WayCounts,
)
from ctibutler.answers.asking.walks import Chain, Walk, Walker
from ctibutler.answers.library import Library
from ctibutler.answers.naming import brief
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.objects import ObjectQuery, selection_of, shown_types
from ctibutler.answers.pages import Page, Sort, cut
from ctibutler.catalog import objects, relationship_contents, walks
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import folded
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
        self._walker = Walker(connection, library.knowledge_bases, query.living, library.adjacencies)

    def answer(self, asked: Sequence[Asked]) -> QuestionAnswer:
        """Return the answer to one question."""
        ways, rows = self.rows(asked)
        ordered = self.ordered(asked, rows)
        page = cut(ordered, self._query.page) if self._query.rows else Page(self._query.page, [], len(ordered))
        return self._shown(asked, page, ways)

    def far(self, asked: Sequence[Asked]) -> KnowledgeBase:
        """Return the knowledge base of the rows.

        Raises InvalidRequest if there are several.
        """
        slugs = dict.fromkeys(of_it.question.knowledge_base or of_it.kb.slug for of_it in asked)
        if len(slugs) > 1:
            word, kinds = asked[0].question.word, ", ".join(kind for of_it in asked for kind in of_it.question.of)
            raise InvalidRequest.of(
                "of", f"`{word}` leads to {' or '.join(slugs)}; ask about one kind of {kinds} at a time."
            )
        return self._library.knowledge_bases.named(next(iter(slugs)))

    def rows(self, asked: Sequence[Asked]) -> tuple[tuple[str, ...], list[Row]]:
        """Return the names of the ways that were chosen, and what they lead to."""
        self._walker.value = self._view(asked[0])
        chosen = _chosen([of_it.question for of_it in asked], self._query.via)
        found: dict[tuple[Node, Node | None], list[tuple[Way, Walk]]] = {}
        for of_it in asked:
            walked = self._walked(of_it, with_sub=self._query.include_sub)
            for known in (item for item in walked if _is_chosen(item, chosen)):
                for walk in walked[known]:
                    for node in walk.reached:
                        found.setdefault((node, walk.start if self._in_pairs(of_it) else None), []).append(
                            (known, walk)
                        )
        rows = [Row(node, by, of) for (node, of), by in found.items()]
        names = (known.name for of_it in asked for known in of_it.question.ways if _is_chosen(known, chosen))
        return tuple(dict.fromkeys(names)), self._kept(asked, rows)

    def _in_pairs(self, asked: Asked) -> bool:
        """Whether there is a row for each object asked of and each that answers for it."""
        return asked.of_all or self._query.by_start

    def counted(self, asked: Sequence[Asked], *, with_sub: bool = True) -> Counts:
        """Return the numbers of rows by each way."""
        alone = self._way_counts(asked, with_sub=False)
        has_sub = with_sub and any(of_it.question.sub is not None for of_it in asked)
        more = self._way_counts(asked, with_sub=True) if has_sub else None
        return Counts(alone.ways, alone.default, alone.all, more)

    def _way_counts(self, asked: Sequence[Asked], *, with_sub: bool) -> WayCounts:
        reached: dict[str, set[object]] = {}
        default: set[object] = set()
        for of_it in asked:
            for known, walked in self._walked(of_it, with_sub=with_sub).items():
                marks = {
                    (walk.start if self._in_pairs(of_it) else None, node) for walk in walked for node in walk.reached
                }
                reached.setdefault(known.name, set()).update(marks)
                default |= marks if known.default else set()
        every = set[object]().union(*reached.values())
        return WayCounts({name: len(marks) for name, marks in reached.items()}, len(default), len(every))

    def _view(self, asked: Asked) -> str | None:
        """The value of the qualifier that paths may keep to: written in full, or by its last part alone."""
        if self._query.view is None:
            return None
        names = [known.name for known in asked.kb.qualifiers]
        known = [value for name in names for value in walks.values_of(self._connection, asked.release, name)]
        wanted = folded(self._query.view)
        found = next((value for value in known if wanted in (value, value.rpartition("-")[2])), None)
        if found is None and known:
            raise InvalidRequest.of("view", f"`{brief(self._query.view)}` is none of {', '.join(known)}.")
        return found

    def _walked(self, asked: Asked, *, with_sub: bool) -> dict[Way, list[Walk]]:
        self._walker.begin_at(asked.release, asked.places)
        question, starts = asked.question, list(asked.starts)
        mark = (asked, with_sub and self._walker.has_sub(question, starts))
        if mark not in self._walks:
            self._walks[mark] = {
                known: self._walker.walk(known, question, starts, with_sub=mark[1]) for known in question.ways
            }
        return self._walks[mark]

    def _kept(self, asked: Sequence[Asked], rows: list[Row]) -> list[Row]:
        starts = sum(len(of_it.starts) for of_it in asked)
        least = starts if self._query.at_least is None else self._query.at_least
        if least <= 1 or asked[0].of_all:
            return rows
        matched = Counter(row.node for row in rows) if self._query.by_start else {row.node: row.matched for row in rows}
        return [row for row in rows if matched[row.node] >= least]

    def ordered(self, asked: Sequence[Asked], rows: Sequence[Row]) -> list[Row]:
        """Return the rows that pass the filters, in order: of equal ones by id."""
        far = self.far(asked)
        if not rows:
            return []
        several = sum(len(of_it.starts) for of_it in asked) > 1 and not self._in_pairs(asked[0])
        sort = self._query.sort or (Sort("matched", descending=True) if several else Sort.parse(asked[0].question.sort))
        own = _OWN_SORTS.get(sort.key)
        place = {key: number for number, key in enumerate(self._passing(far, rows, Sort("id") if own else sort))}
        object_of = {row.node: self._walker.places[row.node].object_key for row in rows}
        kept = [row for row in rows if object_of[row.node] in place]
        if self._in_pairs(asked[0]):
            starts = {node: start.id for of_it in asked for node, start in of_it.starts.items()}
            kept.sort(key=lambda row: starts[row.of] if row.of else "")
        kept.sort(key=lambda row: place[object_of[row.node]])
        if own:
            kept.sort(key=own, reverse=sort.descending)
        return kept

    def _passing(self, far: KnowledgeBase, rows: Sequence[Row], sort: Sort) -> list[int]:
        """The keys of the objects that pass the filters, in order."""
        filters = self._query.filters
        release_keys = sorted({row.node[0] for row in rows})
        release = self._walker.release(release_keys[0])
        _refuse_foreign(far, filters)
        selection = replace(
            selection_of(self._connection, far, filters, release),
            releases=release_keys,
            only=[self._walker.places[row.node].object_key for row in rows],
            listed_only=False,
            types=None if filters.types is None else shown_types(far, release, filters.types),
            include_revoked=True,
            include_deprecated=True,
        )
        key = "id" if sort.key == far.id_parameter else sort.key
        return objects.select_all(self._connection, selection, sort=key, descending=sort.descending)

    def _shown(self, asked: Sequence[Asked], page: Page[Row], via: tuple[str, ...]) -> QuestionAnswer:
        first, far = asked[0], self.far(asked)
        kb, release, question = first.kb, first.release, first.question
        starts = {node: start for of_it in asked for node, start in of_it.starts.items()}
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
                    of=starts[row.of] if row.of else None,
                )
            )
        taken = list({(edges[hop].family, edges[hop].key, edges[hop].id): hop for hop in used}.values())
        between = {node for hop in used for node in (hop.source, hop.target)}
        between -= {row.node for row in page.items} | starts.keys()
        through = self.views(between)
        ids = {hop.source: edges[hop].source for hop in used} | {hop.target: edges[hop].target for hop in used}
        contents = relationship_contents.contents(self._connection, [edges[hop] for hop in taken])
        return QuestionAnswer(
            question=question,
            knowledge_base=kb.slug,
            release=release.label,
            of=[] if first.of_all else list(starts.values()),
            via=via,
            counts=self.counted(asked),
            page=page.with_items(rows),
            within=next(
                (of_it.question.is_within for of_it in asked if self._walker.is_within(of_it.question, release)), None
            ),
            rows_from=far.slug,
            rows_release=release.label if far.slug == kb.slug else label,
            relationships=[
                ObjectView(content, kb, release.label)
                for _, content in sorted(zip((edges[hop].id for hop in taken), contents, strict=True))
            ],
            through=[through[node] for node in sorted(through, key=ids.__getitem__)],
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


def _chosen(questions: Sequence[Question], via: Sequence[str] | None) -> set[str] | None:
    """The names of the ways to take, None for the default ones."""
    if via is None:
        return None
    wanted = [name.strip().casefold() for name in via]
    known = dict.fromkeys(item.name for question in questions for item in question.ways)
    wrong = [name for name in wanted if name not in known and name != ALL_WAYS]
    if wrong:
        raise InvalidRequest.of("via", f"`{brief(wrong[0])}` is none of {', '.join(known)}, {ALL_WAYS}.")
    return set(known) if ALL_WAYS in wanted else set(wanted)


def _is_chosen(known: Way, chosen: set[str] | None) -> bool:
    return known.default if chosen is None else known.name in chosen


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

"""How a release arranges its techniques: in which tactics, below which others, and in which matrices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import msgspec

from ctibutler.answers.object_view import ObjectView, views
from ctibutler.catalog import members, objects, walks
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import folded, natural_order
from ctibutler.catalog.kept import Kept
from ctibutler.catalog.releases import Release, Stamp
from ctibutler.catalog.selections import Selection
from ctibutler.catalog.walks import Living, Node
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of, kinds_named
from ctibutler.knowledge_bases.matrices import MatrixForm
from ctibutler.knowledge_bases.properties import strings

_PLATFORMS = "platforms"
# Enterprise takes 0.7 MB.
MOST_ARRANGEMENTS = 8


class ArrangedTechnique(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A technique. `order` sorts it by its id, as people count, `folded_name` by its name."""

    id: str
    external_id: str | None
    name: str | None
    type: str
    platforms: tuple[str, ...]
    folded_name: str
    order: tuple[str, str]


class ArrangedTactic(msgspec.Struct, frozen=True, gc=False):
    """A tactic, which may be revoked or deprecated."""

    id: str
    external_id: str | None
    name: str | None
    is_dead: bool


class ArrangedMatrix(msgspec.Struct, frozen=True, gc=False):
    """A matrix as its publisher made it: the STIX ids of its tactics, in their order."""

    id: str
    external_id: str | None
    name: str | None
    is_dead: bool
    tactics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What a release says: objects by node, which techniques each tactic has, and what is below each technique."""

    techniques: Mapping[Node, ArrangedTechnique]
    tactics: Mapping[Node, ArrangedTactic]
    parts: Sequence[ArrangedMatrix]
    served: Mapping[Node, Set[Node]]
    below: Mapping[Node, Sequence[Node]]


class Arrangements:
    """Remembers how a few releases arrange their techniques: matrices differ in what is marked on them."""

    def __init__(self) -> None:
        self._kept = Kept[Stamp, Arrangement](MOST_ARRANGEMENTS)

    def get(self, connection: Connection, kb: KnowledgeBase, release: Release, form: MatrixForm) -> Arrangement:
        """Return the arrangement of a release."""
        return self._kept.get(release.stamp, lambda: read_arrangement(connection, kb, release, form))


def read_arrangement(connection: Connection, kb: KnowledgeBase, release: Release, form: MatrixForm) -> Arrangement:
    """Read how a release arranges its techniques. Revoked and deprecated ones are left out."""
    living = Living()
    techniques = _of_kinds(connection, kb, release, form.techniques, alive=True)
    # The tactics of a matrix that its publisher withdrew are withdrawn too; they stay columns of it.
    tactics = _of_kinds(connection, kb, release, form.tactics, alive=False)
    kinds = kinds_named(kb, form.techniques)
    served: dict[Node, set[Node]] = {}
    for hop, _ in walks.take(connection, form.serves, release, [node[1] for node in tactics], kinds, living):
        if hop.far in techniques:
            served.setdefault(hop.near, set()).add(hop.far)
    below: dict[Node, list[Node]] = {}
    if form.below is not None:
        for hop, _ in walks.take(connection, form.below, release, [node[1] for node in techniques], kinds, living):
            if hop.far in techniques and hop.far != hop.near:
                below.setdefault(hop.near, []).append(hop.far)
    types = [name for name in release.types if name.endswith("-matrix")]
    keys = members.member_keys(connection, release, types) if types else []
    parts = views(objects.contents(connection, keys), kb, release.label)
    return Arrangement(
        {node: _technique(kb, view) for node, view in techniques.items()},
        {node: ArrangedTactic(it.id, it.external_id, it.name, _is_dead(it)) for node, it in tactics.items()},
        [ArrangedMatrix(it.id, it.external_id, it.name, _is_dead(it), tuple(order_of_tactics([it]))) for it in parts],
        served,
        below,
    )


def _technique(kb: KnowledgeBase, view: ObjectView) -> ArrangedTechnique:
    return ArrangedTechnique(
        id=view.id,
        external_id=view.external_id,
        name=view.name,
        type=view.type,
        platforms=platforms_of(kb, view),
        folded_name=folded(view.name or ""),
        order=(natural_order(view.external_id or ""), view.id),
    )


def _is_dead(view: ObjectView) -> bool:
    return view.is_revoked or view.is_deprecated


def _of_kinds(
    connection: Connection, kb: KnowledgeBase, release: Release, words: Sequence[str], *, alive: bool
) -> dict[Node, ObjectView]:
    types = sorted({name for kind in kinds_named(kb, words) for name in kind.types})
    selection = Selection(
        releases=[release.key],
        types=types,
        listed_only=False,
        include_revoked=not alive,
        include_deprecated=not alive,
    )
    keys = objects.select_all(connection, selection)
    nodes = walks.nodes_of(connection, release, keys)
    read = zip(keys, views(objects.contents(connection, keys), kb, release.label), strict=True)
    return {nodes[key]: view for key, view in read if kind_of(kb, view.type, view.properties) in words}


def order_of_tactics(parts: Iterable[ObjectView]) -> dict[str, None]:
    """Return the STIX ids of tactics, in the order in which these matrices name them."""
    return dict.fromkeys(ref for part in parts for ref in strings(part.properties.get("tactic_refs")))


def platforms_of(kb: KnowledgeBase, view: ObjectView) -> tuple[str, ...]:
    """Return the platforms of an object, none if tables do not show them of its type."""
    columns = (column for column in kb.columns if column.name == _PLATFORMS and view.type in column.types)
    return tuple(dict.fromkeys(name for column in columns for name in column.read(view.properties)))

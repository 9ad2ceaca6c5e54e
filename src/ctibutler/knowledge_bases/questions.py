"""What a question is: which objects it is asked of, which it is answered with, and the walks that lead from one to the other.

`techniques` of a group are those that it uses, and those that its campaigns use: two ways, each a few steps along
relationships. Questions are data. One walker (`answers/asking/walks.py`) runs them all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

Direction = Literal["out", "in", "both"]
Family = Literal["native", "embedded", "link"]

ANY: Final = "*"
"""Every relationship type."""


@dataclass(frozen=True)
class Step:
    """One relationship, taken from the objects at hand to those at its other end."""

    family: Family
    """Who wrote it: a publisher as an object, a publisher as a property, or we as a link."""

    relations: tuple[str, ...]
    """The relationship types; `ANY` for all. Those of an embedded relationship are derived from its property, as everywhere."""

    direction: Direction
    """Whether the object at hand is its source (`out`), its target (`in`), or either."""

    kinds: tuple[str, ...] = ()
    """The kinds of objects at its other end, in the words of their knowledge base; empty for all."""

    besides: tuple[str, ...] = ()
    """Relationship types that do not count, where `relations` is `ANY`."""

    mode: str = ""
    """The mode of a link."""

    knowledge_base: str = ""
    """The knowledge base that a link leads to; empty for the one it starts in."""

    repeat: bool = False
    """Take it once or more. Each object is then reached once, by the shortest paths."""

    optional: bool = False
    """Also go on without it."""

    within: str = ""
    """The name of a qualifier. All relationships of a path must have a value of it in common."""

    through_dead: bool = False
    """Objects at its other end are walked on from even if they are revoked or deprecated."""

    of_start: bool = False
    """That value is the id of the object asked of."""


def Out(  # noqa: N802 - reads as a word of the declarations
    *relations: str,
    to: str | tuple[str, ...] = (),
    besides: tuple[str, ...] = (),
    repeat: bool = False,
    optional: bool = False,
    within: str = "",
    through_dead: bool = False,
) -> Step:
    """A relationship of the publisher, from its source to its target."""
    return Step(
        "native",
        relations,
        "out",
        _several(to),
        besides,
        repeat=repeat,
        optional=optional,
        within=within,
        through_dead=through_dead,
    )


def In(  # noqa: N802
    *relations: str,
    to: str | tuple[str, ...] = (),
    besides: tuple[str, ...] = (),
    repeat: bool = False,
    optional: bool = False,
    within: str = "",
    of_start: bool = False,
) -> Step:
    """A relationship of the publisher, from its target to its source."""
    return Step(
        "native",
        relations,
        "in",
        _several(to),
        besides,
        repeat=repeat,
        optional=optional,
        within=within,
        of_start=of_start,
    )


def Both(*relations: str, to: str | tuple[str, ...] = ()) -> Step:  # noqa: N802
    """A relationship of the publisher, from either end to the other."""
    return Step("native", relations, "both", _several(to))


def Embedded(  # noqa: N802
    relation: str, direction: Direction = "out", *, to: str | tuple[str, ...] = (), repeat: bool = False
) -> Step:
    """A property that refers to other objects."""
    return Step("embedded", (relation,), direction, _several(to), repeat=repeat)


def Link(mode: str, knowledge_base: str = "", *, to: str | tuple[str, ...] = ()) -> Step:  # noqa: N802
    """A link of this mode, from either end to the other, which is in this knowledge base."""
    return Step("link", (ANY,), "both", _several(to), mode=mode, knowledge_base=knowledge_base)


@dataclass(frozen=True)
class Way:
    """One walk that answers a question."""

    name: str
    """Name in URLs and options."""

    steps: tuple[Step, ...]
    """The steps, from the object asked of to the answer."""

    default: bool = True
    """Whether it is taken unless the client chooses."""


def way(name: str, *steps: Step, default: bool = True) -> Way:
    """A way of these steps."""
    return Way(name, steps, default)


@dataclass(frozen=True)
class Question:
    """A word that can follow the id of an object: `techniques`."""

    word: str
    """Name in URLs and on the command line."""

    of: tuple[str, ...]
    """The kinds of objects that it is asked of, in the words of the knowledge base."""

    gives: tuple[str, ...]
    """The kinds of objects that answer it, in the words of their knowledge base."""

    says: str
    """What the answer is, for people: a sentence."""

    ways: tuple[Way, ...]
    """The walks that answer it. An answer has what any of them finds."""

    inverse: str = ""
    """The question that leads back, where there is one."""

    sub: Step | None = None
    """Leads from an object to those that are kinds of it, for answers that include theirs."""

    names: tuple[str, ...] = ()
    """Other words for it, such as the publisher's own."""

    of_dead: bool = False
    """Whether it may be asked of a revoked or deprecated object without further ado."""

    tally: tuple[str, str] = ("", "")
    """How one answer, and how several are counted, for people. `{}` stands for the number, which comes first otherwise. Empty
    where the word is a plural that says so."""

    sort: str = "id_ascending"
    """Order of the rows unless the client asks for another."""

    @property
    def knowledge_base(self) -> str:
        """The knowledge base of the answers; empty for that of the question. All ways lead to the same one."""
        found = ""
        for step in self.ways[0].steps:
            found = step.knowledge_base or found
        return found

    @property
    def nouns(self) -> tuple[str, str]:
        """How one answer, and how several are counted: `technique` and `techniques`."""
        one, many = self.tally
        word = self.word.replace("-", " ")
        return one or word.removesuffix("s"), many or word

    @property
    def is_within(self) -> str:
        """The qualifier that keeps paths inside one of its values, or an empty text."""
        return next((step.within for known in self.ways for step in known.steps if step.within), "")


@dataclass(frozen=True)
class Qualifier:
    """What a publisher says about a relationship in the details of its source: CWE names the views that it holds in."""

    name: str
    """Name of the qualifier."""

    records: str
    """The field of the details that lists the relationships."""

    relation: str
    """The field of such a record that holds the relationship type."""

    target: str
    """The field that holds the primary id of the target."""

    value: str
    """The field that holds the value."""


def hierarchy(
    kinds: tuple[str, ...],
    parent: Step,
    child: Step,
    *,
    parents: tuple[str, ...] = (),
    children: tuple[str, ...] = (),
    tops: tuple[str, ...] = (),
    bottoms: tuple[str, ...] = (),
) -> tuple[Question, ...]:
    """The questions along a relationship from the narrower to the wider: one step and all steps, up and down.

    `parents` and `children` are the publisher's own words for the first two. Where only some kinds have parents or children,
    these are `bottoms` and `tops`.
    """
    above, below = bottoms or kinds, tops or kinds
    return (
        Question("parents", above, below, "What it is a kind of.", (way("own", parent),), "children", names=parents),
        Question(
            "children",
            below,
            above,
            "Its kinds.",
            (way("own", child),),
            "parents",
            names=children,
            tally=("child", "children"),
        ),
        Question(
            "ancestors",
            above,
            below,
            "What it is a kind of, at any distance.",
            (way("own", _repeated(parent)),),
            "descendants",
        ),
        Question(
            "descendants", below, above, "Its kinds, at any distance.", (way("own", _repeated(child)),), "ancestors"
        ),
    )


def _repeated(step: Step) -> Step:
    return replace(step, repeat=True)


def _several(kinds: str | tuple[str, ...]) -> tuple[str, ...]:
    return (kinds,) if isinstance(kinds, str) else kinds

"""Releases as they are named on the command line: `cwe`, `cwe@4.15`, `cwe@all`, `attack@18.1`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctibutler.cli.session import Session
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.attack import APT29
from ctibutler.knowledge_bases.declaration import KnowledgeBase

if TYPE_CHECKING:
    from ctibutler.publishers.sources.offers import Sources

ALL = "all"


@dataclass(frozen=True)
class Target:
    """A knowledge base and, after `@`, the label of one of its releases as a person wrote it."""

    kb: KnowledgeBase
    label: str | None

    def __str__(self) -> str:
        return self.kb.slug if self.label is None else f"{self.kb.slug}@{release_labels.shown(self.label)}"

    @property
    def is_all(self) -> bool:
        """Whether it names every release."""
        return self.label == ALL

    @property
    def is_newest(self) -> bool:
        """Whether it names the newest release, whichever that is."""
        return self.label is None


def read_target(session: Session, text: str) -> Target:
    """A knowledge base, one release of it, or all of them.

    Raises InvalidRequest.
    """
    name, at, label = text.partition("@")
    kb = session.knowledge_base(name)
    if not at:
        return Target(kb, None)
    word = label.strip().lower()
    if word == release_labels.LATEST:
        return Target(kb, None)
    if word == ALL:
        return Target(kb, ALL)
    if not release_labels.is_label(label):
        raise InvalidRequest(f"`{text}`: after @ stands a release, such as {_example(kb)}")
    return Target(kb, label)


def read_targets(session: Session, texts: Iterable[str]) -> list[Target]:
    """What these words name, each once. A family (`attack@18.1`) is each of its knowledge bases.

    Raises InvalidRequest.
    """
    named = []
    for text in texts:
        name, at, label = text.partition("@")
        family = session.knowledge_bases.of_family(name)
        named += [f"{kb.slug}{at}{label}" for kb in family] if family else [text]
    return list(dict.fromkeys(read_target(session, text) for text in named))


def require_release(target: Target) -> Target:
    """The same target.

    Raises InvalidRequest if it does not name one release by its label.
    """
    if target.is_newest or target.is_all:
        raise InvalidRequest(f"`{target}`: name one release, such as {_example(target.kb)}")
    return target


def read_installed(session: Session, text: str) -> Target:
    """One release, the latest installed one where no label is given.

    Raises InvalidRequest.
    """
    target = read_target(session, text)
    if target.is_all:
        raise InvalidRequest(f"`{text}`: name one release, such as {_example(target.kb)}")
    return target


def labels_of(sources: Sources, target: Target, tell: Callable[[str], None]) -> tuple[list[str], bool]:
    """The labels of the releases that a target means, and whether the sources may have more; `tell` hears why.

    Raises NotFound when no source has one, SourceUnavailable when one that might does not answer.
    """
    if not target.is_all:
        return [target.label if target.label is not None else sources.best(target.kb).label], False
    labels, gaps = sources.every_label(target.kb)
    for gap in gaps:
        tell(f"not all releases are known: {gap}")
    return labels, bool(gaps)


def _example(kb: KnowledgeBase) -> str:
    """A release that the knowledge base has, for messages: `capec@3.9`."""
    return f"{kb.slug}@{(kb.example or APT29).release}"

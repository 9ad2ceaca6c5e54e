"""Files to migrate, how to do it, and what they became."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from ctibutler.errors import InvalidRequest, Problem, UnreadableFile
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration.contexts import Settled
from ctibutler.migration.decisions import Decision
from ctibutler.migration.guess import Fit
from ctibutler.migration.items import Item, Joined
from ctibutler.migration.kinds.layer_entries import COMBINE
from ctibutler.migration.recognising import FileKind

ACCEPT = ("named", "same-name")
"""Candidates that may be taken without a human, if somebody says so."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to migrate. `name` is for messages and the review."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Options:
    """How to migrate.

    `source` is the release that the files are of (None: guessed), `target` the one to bring them to (None: the latest).
    """

    source: str | None = None
    target: str | None = None
    accept: tuple[str, ...] = ()
    combine: str | None = None
    column: str | None = None
    refresh: bool = False
    add_columns: bool = False
    form: str | None = None
    decisions: tuple[Decision, ...] = ()

    def __post_init__(self) -> None:
        """Raise InvalidRequest for words that are none."""
        if self.combine is not None and self.combine not in COMBINE:
            raise InvalidRequest.of("combine", f"`{self.combine[:40]}` is none of {', '.join(COMBINE)}.")
        for word in self.accept:
            if word not in ACCEPT:
                raise InvalidRequest.of("accept", f"`{word[:40]}` is none of {', '.join(ACCEPT)}.")


class Source(msgspec.Struct, frozen=True):
    """The release that a file is of, and how it is known: `guessed` from its ids, with how well the best three releases fit."""

    version: str
    guessed: bool
    fits: tuple[Fit, ...] = ()


@dataclass(frozen=True)
class Migrated:
    """A file that was migrated. `remarks` are about the file as a whole."""

    name: str
    kind: FileKind | None
    before: bytes
    after: bytes
    source: Source
    items: Sequence[Item]
    settled: Sequence[Settled]
    joined: Mapping[int, Joined] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether the file is another one now."""
        return self.before != self.after

    @property
    def media_type(self) -> str:
        """What it is sent as."""
        return "text/plain" if self.kind is None else self.kind.media_type


@dataclass(frozen=True)
class Migration:
    """Files that were migrated to a release of a knowledge base. `broken` are the errors of those that were not, each of
    which names its file."""

    kb: KnowledgeBase
    target: str
    files: tuple[Migrated, ...]
    broken: tuple[Problem, ...] = ()

    @property
    def source(self) -> Source:
        """The release that the files are of: that of the first one, and guessed if any was."""
        sources = [file.source for file in self.files]
        return next((source for source in sources if source.guessed), sources[0])

    def refuse_broken(self) -> None:
        """Raise the errors of all files that could not be migrated, as one."""
        if len(self.broken) == 1:
            raise self.broken[0]
        if self.broken:
            raise UnreadableFile("; ".join(map(str, self.broken)), {"file": [str(one) for one in self.broken]})

"""What every answer needs: the catalogue and the declared knowledge bases."""

from __future__ import annotations

from dataclasses import dataclass, field

from ctibutler.answers.arrangements import Arrangements
from ctibutler.answers.list_cache import ListCache
from ctibutler.answers.mention_cache import MentionCache
from ctibutler.answers.scope_cache import ScopeCache
from ctibutler.catalog.adjacency import Adjacencies
from ctibutler.catalog.engine.database import Database
from ctibutler.comparing.pairs import ComparedPairs, JudgedPairs
from ctibutler.comparing.wide import KeptReleaseWide
from ctibutler.knowledge_bases import KnowledgeBases


@dataclass(frozen=True)
class Library:
    """The catalogue, the knowledge bases, and what is cached in memory. Edges hold it and pass it to every question."""

    database: Database
    knowledge_bases: KnowledgeBases
    comparisons: ComparedPairs = field(default_factory=ComparedPairs, compare=False, repr=False)
    judged: JudgedPairs = field(default_factory=JudgedPairs, compare=False, repr=False)
    release_wide: KeptReleaseWide = field(default_factory=KeptReleaseWide, compare=False, repr=False)
    list_cache: ListCache = field(default_factory=ListCache, compare=False, repr=False)
    scopes: ScopeCache = field(default_factory=ScopeCache, compare=False, repr=False)
    mentions: MentionCache = field(default_factory=MentionCache, compare=False, repr=False)
    adjacencies: Adjacencies = field(default_factory=Adjacencies, compare=False, repr=False)
    arrangements: Arrangements = field(default_factory=Arrangements, compare=False, repr=False)

"""All hosted knowledge bases."""

from __future__ import annotations

from collections.abc import Iterable

from ctibutler.errors import NotFound
from ctibutler.knowledge_bases.atlas import ATLAS
from ctibutler.knowledge_bases.attack import ENTERPRISE, ICS, MOBILE
from ctibutler.knowledge_bases.capec import CAPEC
from ctibutler.knowledge_bases.cwe import CWE
from ctibutler.knowledge_bases.d3fend import D3FEND
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.disarm import DISARM
from ctibutler.knowledge_bases.fraud import F3
from ctibutler.knowledge_bases.locations import LOCATION
from ctibutler.knowledge_bases.sectors import SECTOR
from ctibutler.knowledge_bases.tlp import TLP

ALL: tuple[KnowledgeBase, ...] = (
    ENTERPRISE,
    MOBILE,
    ICS,
    CAPEC,
    CWE,
    ATLAS,
    DISARM,
    D3FEND,
    F3,
    LOCATION,
    SECTOR,
    TLP,
)


class KnowledgeBases:
    """The knowledge bases of an installation, found by any of their names."""

    def __init__(self, declarations: Iterable[KnowledgeBase] = ALL) -> None:
        self.all = tuple(declarations)
        self._by_name = {name: kb for kb in self.all for name in kb.names}

    def named(self, name: str) -> KnowledgeBase:
        """The knowledge base with this name or alias, ignoring case.

        Raises NotFound, which lists the names that exist.
        """
        found = self._by_name.get(name.strip().lower())
        if found is None:
            known = ", ".join(kb.slug for kb in self.all)
            raise NotFound(f"no knowledge base `{name}`; there are {known}")
        return found

    def of_family(self, name: str) -> tuple[KnowledgeBase, ...]:
        """The knowledge bases that share this name (`attack`); none if it is not the name of a family."""
        wanted = name.strip().lower()
        return tuple(kb for kb in self.all if kb.family == wanted)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that selects at least one of them: families, slugs and aliases."""
        families = (kb.family for kb in self.all if kb.family is not None)
        aliases = (alias for kb in self.all for alias in kb.aliases)
        return tuple(dict.fromkeys((*families, *(kb.slug for kb in self.all), *aliases)))

    def selected(self, words: Iterable[str]) -> tuple[KnowledgeBase, ...]:
        """The knowledge bases with these names, aliases or families (`attack`). Unknown words are ignored."""
        wanted = {word.strip().lower() for word in words}
        return tuple(kb for kb in self.all if wanted & {*kb.names, *((kb.family,) if kb.family else ())})


HOSTED = KnowledgeBases()

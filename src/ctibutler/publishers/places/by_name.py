"""The publishers' places, by the names that declarations use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.publishers.converters import disarm_xlsx
from ctibutler.publishers.places.atlas import AtlasRepository
from ctibutler.publishers.places.atlas_data import AtlasData
from ctibutler.publishers.places.attack import AttackStixData
from ctibutler.publishers.places.capec import CapecRepository
from ctibutler.publishers.places.cwe import CweSite
from ctibutler.publishers.places.d3fend import D3fendSite
from ctibutler.publishers.places.disarm import DisarmRepository
from ctibutler.publishers.places.fraud import FraudRepository
from ctibutler.publishers.places.place import Place

PLACES: Final[Mapping[str, Callable[[KnowledgeBase], Place]]] = MappingProxyType(
    {
        "attack-stix-data": lambda kb: AttackStixData(f"{kb.matrix}-attack"),
        "capec-repository": lambda _: CapecRepository(),
        "cwe-site": lambda _: CweSite(),
        "atlas-data": lambda _: AtlasData(),
        "atlas-repository": lambda _: AtlasRepository(),
        "disarm-repository": lambda _: DisarmRepository(disarm_xlsx.RELEASE_DAYS),
        "d3fend-site": lambda _: D3fendSite(),
        "fraud-repository": lambda _: FraudRepository(),
    }
)

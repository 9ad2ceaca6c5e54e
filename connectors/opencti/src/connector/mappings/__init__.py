"""The conversion rules of each knowledge base, by the name in `knowledge_bases`."""

from connector.mappings.attack import AttackMapping
from connector.mappings.capec import CapecMapping
from connector.mappings.cwe import CweMapping
from connector.mappings.d3fend import D3fendMapping
from connector.mappings.disarm import DisarmMapping
from connector.mappings.location import LocationMapping
from connector.mappings.mapping import Mapping
from connector.mappings.sector import SectorMapping

MAPPINGS: dict[str, Mapping] = {
    "attack": AttackMapping(),
    "capec": CapecMapping(),
    "cwe": CweMapping(),
    "disarm": DisarmMapping(),
    "atlas": Mapping(),
    "f3": Mapping(),
    "location": LocationMapping(),
    "sector": SectorMapping(),
    "d3fend": D3fendMapping(),
}

__all__ = ["MAPPINGS", "Mapping"]

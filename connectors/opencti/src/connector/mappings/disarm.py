"""DISARM: techniques of influence operations, with a little HTML in their texts."""

from collections.abc import Iterable
from typing import Any

from connector.mappings.mapping import Mapping
from connector.markdown import from_html
from connector.release_index import ReleaseIndex
from connector.stix import StixObject

KILL_CHAIN = "disarm"


class DisarmMapping(Mapping):
    """DISARM techniques."""

    def phases(self, item: StixObject) -> Iterable[dict[str, Any]]:
        # The foundation's own file calls its chain `mitre-attack`, which would put its tactics into ATT&CK's matrix.
        return [{**phase, "kill_chain_name": KILL_CHAIN} for phase in item["kill_chain_phases"]]

    def text(self, text: str | None, index: ReleaseIndex) -> str | None:
        return from_html(text) if text else text

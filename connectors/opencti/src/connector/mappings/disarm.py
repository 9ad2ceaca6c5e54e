"""DISARM: techniques of influence operations. Their texts have some HTML."""

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
        # In the foundation's own file the chain is `mitre-attack`, which would put its tactics into the matrix of ATT&CK.
        return [
            {**phase, "kill_chain_name": KILL_CHAIN}
            for phase in item["kill_chain_phases"]
        ]

    def text(self, text: str | None, index: ReleaseIndex) -> str | None:
        return from_html(text) if text else text

"""CAPEC. Its hierarchy is in properties, and its texts are HTML."""

from collections.abc import Iterator

from connector.mappings.mapping import Mapping
from connector.markdown import from_html
from connector.relationships import Relation
from connector.release_index import ReleaseIndex
from connector.stix import StixObject

_FACTS = (
    ("Abstraction", "x_capec_abstraction"),
    ("Typical severity", "x_capec_typical_severity"),
    ("Likelihood of attack", "x_capec_likelihood_of_attack"),
    ("Status", "x_capec_status"),
    ("Domains", "x_capec_domains"),
)


class CapecMapping(Mapping):
    """CAPEC attack patterns and their mitigations."""

    def describe(self, item: StixObject, index: ReleaseIndex) -> str | None:
        text = super().describe(item, index)
        facts = ". ".join(
            f"{label}: {_listed(item[key])}" for label, key in _FACTS if item.get(key)
        )
        return "\n\n".join(filter(None, (text, f"{facts}." if facts else None))) or None

    def relations(self, index: ReleaseIndex) -> Iterator[Relation]:
        """The published relationships, and those in the properties of the patterns.

        `parent_of` and `can_follow` are not read: they repeat `child_of` and `can_precede` from the other side.
        """
        yield from super().relations(index)
        for item in index.of_type("attack-pattern"):
            for parent in item.get("x_capec_child_of_refs") or ():
                yield Relation("subtechnique-of", item["id"], parent, origin=item)
            for follower in item.get("x_capec_can_precede_refs") or ():
                yield Relation(
                    "related-to",
                    item["id"],
                    follower,
                    origin=item,
                    description="can precede",
                )
            for peer in item.get("x_capec_peer_of_refs") or ():
                first, second = sorted((item["id"], peer))
                origin = index.objects.get(first, item)
                yield Relation(
                    "related-to", first, second, origin=origin, description="peer of"
                )

    def text(self, text: str | None, index: ReleaseIndex) -> str | None:
        return from_html(text) if text else text


def _listed(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)

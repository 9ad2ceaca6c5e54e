"""D3FEND. Its techniques become courses of action.

Its digital artifacts are indicators with placeholder patterns and are not sent. The description of a technique says
what it does to them, and names its tactic.
"""

from collections.abc import Iterator

from connector.mappings.mapping import Mapping
from connector.markdown import absolute_links, from_html
from connector.relationships import Relation
from connector.release_index import ReleaseIndex
from connector.stix import StixObject, type_of


class D3fendMapping(Mapping):
    """Defensive techniques."""

    def describe(self, item: StixObject, index: ReleaseIndex) -> str | None:
        tactics: list[str] = []
        effects: dict[str, list[str]] = {}
        for relation in index.once("by source", lambda: _by_source(index)).get(
            item["id"], ()
        ):
            target = relation["target_ref"]
            if type_of(target) == "x-mitre-tactic":
                tactics.append(target)
            elif type_of(target) == "indicator":
                effects.setdefault(relation["relationship_type"], []).append(target)
        tactic = ", ".join(index.names(tactics))
        verbs = "\n".join(
            f"- {verb.replace('-', ' ').capitalize()}: {', '.join(index.names(effects[verb]))}"
            for verb in sorted(effects)
        )
        return "\n\n".join(
            filter(
                None,
                (
                    f"Tactic: {tactic}" if tactic else None,
                    super().describe(item, index),
                    verbs,
                ),
            )
        )

    def relations(self, index: ReleaseIndex) -> Iterator[Relation]:
        for item in index.relationships:
            if (
                type_of(item["source_ref"])
                == type_of(item["target_ref"])
                == "course-of-action"
            ):
                kind = (
                    "derived-from"
                    if item["relationship_type"] == "subtechnique-of"
                    else item["relationship_type"]
                )
                yield Relation(
                    kind,
                    item["source_ref"],
                    item["target_ref"],
                    item,
                    self.text(item.get("description"), index),
                )
            elif (
                type_of(item["target_ref"]) == "x-mitre-tactic"
                or type_of(item["source_ref"]) == "course-of-action"
            ):
                index.left_out["relationship: in a description instead"] += 1
            else:
                index.left_out["relationship: between digital artifacts"] += 1

    def text(self, text: str | None, index: ReleaseIndex) -> str | None:
        return absolute_links(from_html(text), index.kb.site) if text else text


def _by_source(index: ReleaseIndex) -> dict[str, list[StixObject]]:
    found: dict[str, list[StixObject]] = {}
    for item in index.relationships:
        found.setdefault(item["source_ref"], []).append(item)
    return found

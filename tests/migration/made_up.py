"""Two made-up releases: a tactic that was split, a technique that was renumbered, and what needs a human."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ctibutler.comparing.outcomes import Handling, Outcome
from ctibutler.knowledge_bases import HOSTED
from ctibutler.migration.contexts import Settled, TacticFlow, follow_techniques, replacement_of
from ctibutler.migration.items import Item, Reading, Tactic, Written
from ctibutler.migration.recognising import KINDS, FileKind, recognised

ENTERPRISE = HOSTED.named("attack-enterprise")
OLD, NEW = "18.1", "19.0"

EVASION, STEALTH = Tactic("TA0005", "defense-evasion", "Defense Evasion"), Tactic("TA0005", "stealth", "Stealth")
IMPAIRMENT = Tactic("TA0112", "defense-impairment", "Defense Impairment")
EXECUTION = Tactic("TA0002", "execution", "Execution")

# id → new id, new name, tactics before, tactics after
TECHNIQUES: Mapping[str, tuple[str, str, set[str], set[str]]] = {
    "T1562.001": ("T1685", "Disable or Modify Tools", {"TA0005"}, {"TA0112"}),
    "T1562": ("T1685", "Disable or Modify Tools", {"TA0005"}, {"TA0112"}),
    "T1086": ("T1059.001", "PowerShell", {"TA0002"}, {"TA0002"}),
    "T1059.001": ("T1059.001", "PowerShell", {"TA0002"}, {"TA0002"}),
    "T1059": ("T1059", "Command and Scripting Interpreter", {"TA0002"}, {"TA0002"}),
    "T1055": ("T1055", "Process Injection", {"TA0005"}, {"TA0005"}),
    "T1127": ("T1127", "Trusted Developer Utilities", {"TA0005"}, {"TA0005", "TA0002"}),
    "T1550.001": ("T1550.001", "Application Access Token", {"TA0005"}, set()),
}
HUMAN = {"T1064": "deprecated"}
NAMES = {
    **{new: name for new, name, _, _ in TECHNIQUES.values()},
    "TA0005": "Stealth",
    "TA0112": IMPAIRMENT.name,
    "TA0002": EXECUTION.name,
}


class MadeUp:
    """The two releases, as a migration asks about them."""

    flow = TacticFlow(
        before=(EVASION, EXECUTION),
        after=(STEALTH, IMPAIRMENT, EXECUTION),
        ends={"TA0005": (("TA0005", 0.6), ("TA0112", 0.4)), "TA0002": (("TA0002", 1.0),)},
        of_before={f"old {key}": before for key, (_, _, before, _) in TECHNIQUES.items()},
        of_after={f"new {new}": after for new, _, _, after in TECHNIQUES.values()},
    )

    def outcomes(self, ids: Sequence[str]) -> list[Outcome]:
        return [self._outcome(object_id.upper()) for object_id in ids]

    def in_new(self, ids: Sequence[str]) -> list[Outcome]:
        return [
            made(one, one, NAMES[one], "unchanged") if one in NAMES else made(one, None, None, "unknown", "human")
            for one in ids
        ]

    def contents(self, stix_ids: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(stix_ids, "{}")

    def _outcome(self, object_id: str) -> Outcome:
        if object_id in TECHNIQUES:
            new, name, before, after = TECHNIQUES[object_id]
            word = "renumbered" if new != object_id else "unchanged" if before == after else "moved"
            return made(object_id, new, name, word, "look" if word == "moved" else "automatic")
        if object_id == "TA0005":
            return made(object_id, None, None, "split", "human")
        if object_id == "TA0002":
            return made(object_id, object_id, "Execution", "unchanged")
        return made(object_id, None, None, HUMAN.get(object_id, "unknown"), "human")


def made(object_id: str, new: str | None, name: str | None, outcome: str, handling: Handling = "automatic") -> Outcome:
    return Outcome(
        id=object_id,
        name=f"{object_id} as it was",
        outcome=outcome,
        handling=handling,
        new_id=new,
        new_name=name,
        reason=f"{object_id} is {outcome}.",
        stix_id=f"old {object_id}",
        new_stix_id=new and f"new {new}",
    )


def migrated(
    content: str | bytes, kind: str | None = None, **reading: object
) -> tuple[bytes, list[Item], list[Settled]]:
    """A file brought from the old release to the new one, with its items and what became of them."""
    content = content.encode() if isinstance(content, str) else content
    known: FileKind = KINDS[kind] if kind else recognised(content, ENTERPRISE)
    pair = MadeUp()
    items = known.read(content, Reading(ENTERPRISE, **reading))  # type: ignore[arg-type]
    settled = []
    for item in items:
        tactic = pair.flow.old(item.id) if item.is_slug else None
        [outcome] = pair.outcomes([tactic.id if tactic else item.id])
        settled.append(Settled(outcome, replacement_of(item, outcome, NEW, pair.flow)))
    follow_techniques(items, settled, pair.flow, NEW)
    replacements = {number: one.replacement for number, one in enumerate(settled) if one.replacement is not None}
    of = {f"{one.outcome.new_id}": pair.flow.of_after.get(one.outcome.new_stix_id or "", ()) for one in settled}
    full = Reading(ENTERPRISE, release=NEW, names=NAMES, tactics=pair.flow.new, tactics_of=of, **reading)  # type: ignore[arg-type]
    written: Written = known.write(content, full, items, replacements)
    return written.content, items, settled

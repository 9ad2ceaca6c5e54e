"""Technique inference: which further techniques are likely, given those that were observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.naming import comparable_id, installed_release
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.objects import ObjectQuery, matching_keys
from ctibutler.catalog import objects as catalog
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.members import live_external_ids, live_pairs
from ctibutler.catalog.releases import Release
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase

if TYPE_CHECKING:
    from ctibutler.answers.factors import Matrix

FEWEST_ROWS = 20
TECHNIQUE = "attack-pattern"
USERS = ("intrusion-set", "campaign", "malware", "tool")


@dataclass(frozen=True, slots=True)
class Model:
    """The factors of a release's techniques: one row for each of `technique_ids` (STIX ids, sorted)."""

    technique_ids: tuple[str, ...]
    external_ids: tuple[str, ...]
    factors: Matrix


class Inference(msgspec.Struct, frozen=True):
    """The techniques that most likely go with the observed ones, most likely first, and their scores by external id."""

    scores: Mapping[str, float]
    objects: Sequence[ObjectView]


def infer(
    library: Library, kb: KnowledgeBase, technique_ids: Sequence[str], query: ObjectQuery, limit: int = 20
) -> Inference:
    """Infer the most likely further techniques. `query` selects the release, and which of its techniques may be returned.

    Raises InvalidRequest if there is no technique or the model does not know one, NotFound if the release is not installed
    or has too few groups, campaigns and software to learn from.
    """
    if not technique_ids:
        raise InvalidRequest.of("technique_ids", "This field is required.")
    with library.database.read() as connection:
        release = installed_release(connection, kb, query.release)
        model = _model_of(connection, kb, release)
        observed = _observed(kb, model, technique_ids)
        allowed = _allowed(connection, kb, release, query)
        ranked = [
            (external_id, score, allowed[stix_id])
            for stix_id, external_id, score in _ranked(model, observed)
            if stix_id in allowed
        ][:limit]
        contents = catalog.contents(connection, [key for _, _, key in ranked])
    return Inference({external_id: score for external_id, score, _ in ranked}, views(contents, kb, release.label))


def _model_of(connection: Connection, kb: KnowledgeBase, release: Release) -> Model:
    """The release's model, made once in a process."""
    key = (release.knowledge_base, release.digest)
    model = _MODELS.get(key)
    if model is None:
        model = _trained(connection, kb, release)
        _MODELS[key] = model
        while len(_MODELS) > _MOST_MODELS:
            _MODELS.pop(next(iter(_MODELS)))
    return model


_MODELS: dict[tuple[str, str], Model] = {}
_MOST_MODELS = 16


def _trained(connection: Connection, kb: KnowledgeBase, release: Release) -> Model:
    from ctibutler.answers.factors import factorise  # late, for its numpy

    techniques = live_external_ids(connection, release, [TECHNIQUE])
    # What uses techniques under a new type is a group, a campaign or software under a new name.
    users = live_external_ids(connection, release, [*USERS, *filter(kb.is_new, release.types)])
    pairs = live_pairs(connection, release, "uses")
    columns = {stix_id: place for place, stix_id in enumerate(sorted(techniques))}
    seen: dict[str, set[int]] = {}
    for user, technique in pairs:
        if user in users and technique in columns:
            seen.setdefault(user, set()).add(columns[technique])
    if len(seen) < FEWEST_ROWS:
        raise NotFound(
            f"{kb.slug} {release.label} has {len(seen)} groups, campaigns and software with techniques:"
            f" too few to infer from ({FEWEST_ROWS} are needed)"
        )
    rows = [sorted(seen[user]) for user in sorted(seen)]
    ordered = sorted(techniques)
    return Model(tuple(ordered), tuple(techniques[stix_id] for stix_id in ordered), factorise(rows, len(ordered)))


def _observed(kb: KnowledgeBase, model: Model, technique_ids: Sequence[str]) -> list[int]:
    """The row numbers of the observed techniques in the model."""
    places = {comparable_id(kb, external_id): place for place, external_id in enumerate(model.external_ids)}
    wanted = list(dict.fromkeys(technique_ids))
    unknown = [item for item in wanted if comparable_id(kb, item) not in places]
    if unknown:
        sentence = f"Model has not been trained on {len(unknown)} passed techniques."
        raise InvalidRequest(sentence, {"error": sentence, "unknown_techniques": unknown})
    return sorted({places[comparable_id(kb, item)] for item in wanted})


def _ranked(model: Model, observed: Sequence[int]) -> list[tuple[str, str, float]]:
    """STIX id, external id and score of every technique that was not observed, the most likely first."""
    from ctibutler.answers.factors import scores  # late, for its numpy

    known = set(observed)
    scored = zip(model.technique_ids, model.external_ids, scores(model.factors, observed), strict=True)
    listed = [found for place, found in enumerate(scored) if place not in known]
    return sorted(listed, key=lambda item: (-item[2], item[1]))


def _allowed(connection: Connection, kb: KnowledgeBase, release: Release, query: ObjectQuery) -> dict[str, int]:
    """STIX id → object key of the techniques that match the query."""
    keys = matching_keys(connection, kb, replace(query, types=[TECHNIQUE]), release)
    found = catalog.ids_of(connection, keys)
    return {stix_id: key for key, stix_id in found.items()}

"""Which objects of some releases are wanted, as a condition in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.transaction import numbers
from ctibutler.catalog.folding import folded
from ctibutler.knowledge_bases.declaration import TypeWord
from ctibutler.stix.objects import RELATIONSHIP


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters on the objects of some releases. A list that is None is no filter; an empty list lets nothing pass.

    Of several objects with one id, the one of the release named first comes first. Relationships are left out unless
    `types` names them. `ids` are STIX ids. `external_ids` are primary ids, folded and without optional prefix, or STIX
    ids. `name` and `text` are what a user typed: a part of the name, and a full-text query. `fields` maps indexed fields
    to one of several values (a list) or to a part of a value (a text). `visible_to` is the STIX id of an identity:
    objects with restrictive markings pass only if it created them. `without` are keys of objects to leave out, `only` those
    of all that may pass. `linked_to` is the mode of a link, and the identifiers that such a link of the same release must lead
    to. `created_min` and `modified_min` are in microseconds.
    """

    releases: Sequence[int]
    types: Sequence[str] | None = None
    listed_only: bool = True
    include_revoked: bool = True
    include_deprecated: bool = True
    ids: Sequence[str] | None = None
    external_ids: Sequence[str] | None = None
    name: str | None = None
    text: str | None = None
    type_words: Sequence[TypeWord] | None = None
    fields: Mapping[str, Sequence[str] | str] = field(default_factory=dict)
    visible_to: str | None = None
    without: Sequence[int] = ()
    only: Sequence[int] | None = None
    linked_to: tuple[str, Sequence[int]] | None = None
    created_min: int | None = None
    modified_min: int | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on the tables `member`, `object` and `identifier`, joined, and the parameters that it binds."""

    sql: str
    parameters: Mapping[str, object]


# A filter beside its condition. A filter that is in use has a value, bound under its own name; `{ids}` is what follows
# IN for the list `ids`, `{find}(text, part)` the engine's function that finds a part of a text.
_FILTERS = {
    "listed_only": "object.listed = 1",
    "without_revoked": "object.revoked = 0",
    "without_deprecated": "object.deprecated = 0",
    "ids": "identifier.stix_id IN {ids}",
    "external_ids": "(object.found_by IN {external_ids} OR identifier.stix_id IN {external_ids})",
    "name": "{find}(object.name, :name) > 0",
    "visible_to": """(object.public > 0
                   OR object.creator_key IS NULL
                   OR object.creator_key = (SELECT identifier_key FROM identifier WHERE stix_id = :visible_to))""",
    "without": "object.object_key NOT IN {without}",
    "only": "object.object_key IN {only}",
    "created_min": "object.created >= :created_min",
    "modified_min": "object.modified >= :modified_min",
}
_NOTHING = Condition("1 = 0", {})


def condition_of(connection: Connection, selection: Selection) -> Condition:
    """Return the selection as one condition."""
    parts = [
        Condition(f"member.release_key IN {numbers(selection.releases)}", {}),
        _of_types(connection, selection.types),
    ]
    parts += _plain(connection, selection)
    if selection.type_words is not None:
        parts.append(_of_type_words(connection, selection.type_words))
    if selection.text is not None:
        parts.append(_matching(connection, selection.text))
    if selection.linked_to is not None:
        parts.append(_linked(connection, *selection.linked_to))
    for place, (name, wanted) in enumerate(selection.fields.items()):
        parts.append(_with_field(connection, name, wanted, f"field_{place}"))
    return Condition(
        "\n   AND ".join(part.sql for part in parts),
        {name: value for part in parts for name, value in part.parameters.items()},
    )


def _plain(connection: Connection, selection: Selection) -> list[Condition]:
    """The conditions of `_FILTERS` whose filter is in use."""
    words = {
        "ids": connection.in_list("ids", "text"),
        "external_ids": connection.in_list("external_ids", "text"),
        "without": connection.in_list("without"),
        "only": connection.in_list("only"),
        "find": connection.by_engine(sqlite="instr", postgresql="strpos"),
    }
    in_use = {name: value for name, value in _values(selection).items() if value is not None}
    return [
        Condition(_FILTERS[name].format_map(words), {} if value is True else {name: value})
        for name, value in in_use.items()
    ]


def _values(selection: Selection) -> dict[str, object]:
    """Filter → its value; None for one that is not in use, True for one that binds nothing."""
    return {
        "listed_only": selection.listed_only or None,
        "without_revoked": not selection.include_revoked or None,
        "without_deprecated": not selection.include_deprecated or None,
        "ids": None if selection.ids is None else [stix_id.lower() for stix_id in selection.ids],
        "external_ids": None if selection.external_ids is None else list(selection.external_ids),
        "name": None if selection.name is None else folded(selection.name),
        "visible_to": selection.visible_to,
        "without": list(selection.without) or None,
        "only": None if selection.only is None else list(selection.only),
        "created_min": selection.created_min,
        "modified_min": selection.modified_min,
    }


def _of_types(connection: Connection, types: Sequence[str] | None) -> Condition:
    if types is None:
        return Condition(f"member.type_key <> {connection.key(RELATIONSHIP)}", {})
    return Condition(f"member.type_key IN {numbers(connection.keys(types))}", {})


def _of_type_words(connection: Connection, words: Sequence[TypeWord]) -> Condition:
    forms = [_of_type_word(connection, word) for word in words]
    return Condition(f"({' OR '.join(forms)})", {}) if forms else _NOTHING


def _of_type_word(connection: Connection, word: TypeWord) -> str:
    of_type = f"object.type_key IN {numbers(connection.keys(word.types))}"
    return of_type if word.subtechnique is None else f"({of_type} AND object.subtechnique = {int(word.subtechnique)})"


def _matching(connection: Connection, text: str) -> Condition:
    from ctibutler.catalog.text_hits import matching_keys  # loads numpy

    keys = matching_keys(connection, text)
    return Condition(f"object.object_key IN {connection.in_list('matching')}", {"matching": keys}) if keys else _NOTHING


def _linked(connection: Connection, mode: str, targets: Sequence[int]) -> Condition:
    return Condition(
        f"""EXISTS (SELECT 1
                 FROM link
                 JOIN link_set ON link_set.set_key = link.set_key AND link_set.mode = :linked_mode
                WHERE link.source_key = object.identifier_key
                  AND link.source_release = member.release_key
                  AND link.target_release = member.release_key
                  AND link.target_key IN {numbers(targets)})""",
        {"linked_mode": mode},
    )


def _with_field(connection: Connection, name: str, wanted: Sequence[str] | str, parameter: str) -> Condition:
    value: object
    if isinstance(wanted, str):
        passes, value = connection.contains("field.value", parameter), folded(wanted)
    else:
        passes, value = f"field.value IN {connection.in_list(parameter, 'text')}", [folded(item) for item in wanted]
    return Condition(
        f"""EXISTS (SELECT 1
                 FROM field
                WHERE field.object_key = object.object_key
                  AND field.name_key = {connection.key(name)}
                  AND {passes})""",
        {parameter: value},
    )

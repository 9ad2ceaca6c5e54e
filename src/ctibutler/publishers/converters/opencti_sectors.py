"""Converts OpenCTI's data set of sectors to the identities of sector2stix. Names stay the same, ids change.

The objects and their order equal the reconstructed release 1.0. The file is rejected if a sector has no name, or an id or
name occurs twice. A relationship that is not between two sectors is logged and left out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters.conversion import Converted, Converter, Description, Edition, ObjectRules, Rule
from ctibutler.publishers.converters.sectors import Sector, sector_objects

_log = logging.getLogger(__name__)

_FILE: Final = "OpenCTI sectors"
_NO_SECTOR: Final = "Unknown"
"""The data set's entry for everything without a sector. Upstream's release has one sector less, most likely this one."""


class _Object(msgspec.Struct):
    """The properties that we read of an object of any type."""

    type: str
    id: str
    name: str = ""
    description: str | None = None
    identity_class: str = ""
    x_opencti_aliases: list[str] | None = None
    relationship_type: str = ""
    source_ref: str = ""
    target_ref: str = ""


class _Bundle(msgspec.Struct):
    type: Literal["bundle"]
    objects: list[_Object]


_decode = msgspec.json.Decoder(_Bundle).decode


def convert(content: bytes, edition: Edition) -> Converted:
    """The objects of one release, in the order of the data set. They do not depend on the edition.

    Raises MalformedFile if the file is not the data set.
    """
    objects = _read(content)
    sectors = _sectors(objects)
    return Converted(sector_objects(list(sectors.values()), list(dict.fromkeys(_subsectors(objects, sectors)))))


def _read(content: bytes) -> list[_Object]:
    try:
        return _decode(content.removeprefix(b"\xef\xbb\xbf")).objects
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedFile(f"{_FILE}: expected a STIX bundle of identities: {error}") from None
    except RecursionError:
        raise MalformedFile(f"{_FILE}: nested too deeply") from None


def _sectors(objects: list[_Object]) -> dict[str, Sector]:
    """The sectors by their ids in the data set."""
    sectors: dict[str, Sector] = {}
    for position, obj in enumerate(objects):
        if obj.type != "identity" or obj.identity_class != "class" or obj.name == _NO_SECTOR:
            continue
        if not obj.name.strip():
            raise MalformedFile(f"{_FILE}: objects[{position}]: the sector has no name")
        if obj.id in sectors:
            raise MalformedFile(f"{_FILE}: objects[{position}]: duplicate id {obj.id}")
        sectors[obj.id] = Sector(obj.name, obj.description or "", tuple(obj.x_opencti_aliases or ()))
    if not sectors:
        raise MalformedFile(f"{_FILE}: no sectors found")
    return sectors


def _subsectors(objects: list[_Object], sectors: Mapping[str, Sector]) -> Iterator[tuple[str, str]]:
    for obj in objects:
        if obj.type != "relationship" or obj.relationship_type != "part-of":
            continue
        child, parent = sectors.get(obj.source_ref), sectors.get(obj.target_ref)
        if child is None or parent is None:
            _log.warning("%s: not between two sectors; left out", obj.id)
        else:
            yield child.name, parent.name


CONVERTER: Final = Converter(
    "opencti-sectors",
    1,
    convert,
    Description(
        title="OpenCTI's data set of sectors",
        reads="`data/sectors.json` of OpenCTI-Platform/datasets, a STIX 2.1 bundle",
        objects=(
            ObjectRules(
                kind="identity",
                of="each identity of the class `class`, except `Unknown`",
                id_text="its name, as written",
                rules=(
                    Rule("name", "`name`"),
                    Rule("description", "`description`"),
                    Rule("identity_class", "always `class`"),
                    Rule("external_references", "`sector2stix` with the short form of the name"),
                    Rule("x_opencti_aliases", "the name, then `x_opencti_aliases`, without repeats"),
                ),
            ),
            ObjectRules(
                kind="relationship",
                of="each `part-of` between two sectors",
                id_text="`part-of+`, the STIX id of the subsector, `+` and the STIX id of the sector",
                rules=(
                    Rule("relationship_type", "`part-of`"),
                    Rule("description", "a sentence with both names"),
                ),
            ),
        ),
        remarks=(
            "The ids, times and creators of the data set are not used. All times are 2020-01-01, the creator is dogesec, and "
            "the marking definitions are TLP:CLEAR and the one of sector2stix.",
            "A short form is the name in lower case, with `-` for everything that is not a letter or digit.",
        ),
        differences=(
            "The public release 1.0 is no longer available, and its converter is not public. The ids of sectors equal all "
            "known ids. Other short forms, aliases and the ids of relationships are our interpretation.",
            "`Unknown` is left out because the public release has one sector less than the data set.",
        ),
    ),
)

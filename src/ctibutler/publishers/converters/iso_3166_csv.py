"""The list of countries with regional codes (CSV) as STIX locations; columns are found by name.

Equal, object for object, to what upstream's converter makes of the same list, but each relationship comes once. A list
with a column missing, a row that is not whole, a code of another form, or a name or code that comes twice is refused.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Final

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters.conversion import Converted, Converter, Description, Edition, ObjectRules, Rule
from ctibutler.publishers.converters.locations import LEVELS, Country, location_objects

_FILE: Final = "list of countries"
_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    "name": re.compile(r".*\S.*"),
    "alpha-2": re.compile(r"[A-Z]{2}"),
    "alpha-3": re.compile(r"[A-Z]{3}"),
    # Spreadsheets make 4 of 004.
    "country-code": re.compile(r"[0-9]{3}"),
    "iso_3166-2": re.compile(r"ISO 3166-2:[A-Z]{2}"),
}


def convert(content: bytes, edition: Edition) -> Converted:
    """The objects of one release, in the order of the list. They are the same whatever the edition.

    Raises MalformedFile when the file is not the list.
    """
    countries: dict[str, Country] = {}
    for where, values in _rows(content):
        country = _country(values, where)
        if country.alpha_2 in countries:
            raise MalformedFile(f"{where}: {country.alpha_2} is in a line above too")
        countries[country.alpha_2] = country
    if not countries:
        raise MalformedFile(f"{_FILE}: no country in it")
    return Converted(location_objects(list(countries.values())))


def _rows(content: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row that is not blank: where it is, and its values by column."""
    try:
        lines = csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = next(lines, [])
        for column in (*_FORMS, *LEVELS):
            if header.count(column) != 1:
                raise MalformedFile(f"{_FILE}: line 1: expected one column {column}, found {header.count(column)}")
        for values in lines:
            where = f"{_FILE}: line {lines.line_num}"
            if any(value.strip() for value in values):
                if len(values) != len(header):
                    raise MalformedFile(f"{where}: expected {len(header)} values, found {len(values)}")
                yield where, dict(zip(header, values, strict=True))
    except UnicodeDecodeError as error:
        raise MalformedFile(f"{_FILE}: no text in UTF-8: {error.reason} at byte {error.start}") from error
    except csv.Error as error:
        raise MalformedFile(f"{_FILE}: no table of values with commas between them: {error}") from error


def _country(values: Mapping[str, str], where: str) -> Country:
    for column, form in _FORMS.items():
        if not form.fullmatch(values[column]):
            raise MalformedFile(f"{where}: {column}: not of its form: {values[column][:40]!r}")
    regions = [values[level] for level in LEVELS]
    while regions and not regions[-1]:
        regions.pop()
    if not all(regions):
        raise MalformedFile(f"{where}: {regions[-1]!r} is a {LEVELS[len(regions) - 1]} in no larger region")
    return Country(
        name=values["name"],
        alpha_2=values["alpha-2"],
        alpha_3=values["alpha-3"],
        numeric=values["country-code"],
        subdivisions=values["iso_3166-2"],
        regions=tuple(regions),
    )


def _region_rules(level: str) -> ObjectRules:
    return ObjectRules(
        kind="location",
        of=f"each name in the column `{level}`",
        id_text="the name, as written",
        rules=(
            Rule("name", f"`{level}`"),
            Rule("region", "the name's short form"),
            Rule(
                "external_references",
                f"`location2stix` with the short form; `{level}-code` with the name; `type` with `{level}`",
            ),
        ),
    )


CONVERTER: Final = Converter(
    "iso-3166-csv",
    1,
    convert,
    Description(
        title="ISO 3166 countries with regional codes",
        reads="ISO-3166-Countries-with-Regional-Codes, the table with all columns (CSV), by the names of its columns",
        objects=(
            ObjectRules(
                kind="location",
                of="each row",
                id_text="`name`, as written",
                rules=(
                    Rule("name", "`name`"),
                    Rule("country", "`alpha-2`"),
                    Rule("region", "short form of `sub-region`; empty for Antarctica, which is in none"),
                    Rule(
                        "external_references",
                        "`location2stix` and `alpha-2` with the two letters, `type` with `country`, then `alpha-3`, "
                        "`iso_3166-2` and `country-code` with the values of those columns",
                    ),
                ),
            ),
            *(_region_rules(level) for level in LEVELS),
            ObjectRules(
                kind="relationship",
                of="a country and each of its regions; a sub-region and its region; an intermediate region and its "
                "sub-region",
                id_text="STIX id of the smaller, `+`, STIX id of the larger",
                rules=(
                    Rule(
                        "relationship_type", "the column of the larger: `region`, `sub-region`, `intermediate-region`"
                    ),
                    Rule("description", "a sentence of both names and the type"),
                ),
            ),
        ),
        remarks=(
            "A short form is the name in small letters with `-` for spaces, without “and” and “the” between words.",
            "What a region belongs to is what the first row that names it says.",
            "All times are 2020-01-01. `created_by_ref` and `object_marking_refs` name the identity and the marking "
            "definition of location2stix, which are objects of the release; TLP:CLEAR is the other marking.",
            "A country that is renamed in the list becomes another location.",
            "`region-code` and its likes hold names, not the numbers of the list: clients look for them there.",
        ),
        differences=("Each relationship comes once. The public bundle of release 1.0 holds every one twice.",),
    ),
)

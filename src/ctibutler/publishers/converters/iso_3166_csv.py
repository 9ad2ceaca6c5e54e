"""Converts the list of countries with regional codes (CSV) to STIX locations. Columns are found by name.

The objects equal the result of upstream's converter for the same list, except that each relationship occurs once. A list
is rejected if a column is missing, a row is incomplete, a code has the wrong form, or a name or code occurs twice.
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
    # Spreadsheets turn 004 into 4.
    "country-code": re.compile(r"[0-9]{3}"),
    "iso_3166-2": re.compile(r"ISO 3166-2:[A-Z]{2}"),
}


def convert(content: bytes, edition: Edition) -> Converted:
    """The objects of one release, in the order of the list. They do not depend on the edition.

    Raises MalformedFile if the file is not the list.
    """
    countries: dict[str, Country] = {}
    for where, values in _rows(content):
        country = _country(values, where)
        if country.alpha_2 in countries:
            raise MalformedFile(f"{where}: duplicate code {country.alpha_2}")
        countries[country.alpha_2] = country
    if not countries:
        raise MalformedFile(f"{_FILE}: no countries found")
    return Converted(location_objects(list(countries.values())))


def _rows(content: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row that is not blank: its place in the file, and its values by column."""
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
        raise MalformedFile(f"{_FILE}: not UTF-8: {error.reason} at byte {error.start}") from error
    except csv.Error as error:
        raise MalformedFile(f"{_FILE}: not CSV: {error}") from error


def _country(values: Mapping[str, str], where: str) -> Country:
    for column, form in _FORMS.items():
        if not form.fullmatch(values[column]):
            raise MalformedFile(f"{where}: {column}: unexpected value {values[column][:40]!r}")
    regions = [values[level] for level in LEVELS]
    while regions and not regions[-1]:
        regions.pop()
    if not all(regions):
        raise MalformedFile(f"{where}: {LEVELS[len(regions) - 1]} {regions[-1]!r} is not in a larger region")
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
            Rule("region", "the short form of the name"),
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
        reads="ISO-3166-Countries-with-Regional-Codes, the CSV file with all columns; columns are found by name",
        objects=(
            ObjectRules(
                kind="location",
                of="each row",
                id_text="`name`, as written",
                rules=(
                    Rule("name", "`name`"),
                    Rule("country", "`alpha-2`"),
                    Rule("region", "the short form of `sub-region`; empty for Antarctica, which has none"),
                    Rule(
                        "external_references",
                        "`location2stix` and `alpha-2`, both with `alpha-2`; `type` with `country`; `alpha-3`, `iso_3166-2` "
                        "and `country-code`, each with the column of that name",
                    ),
                ),
            ),
            *(_region_rules(level) for level in LEVELS),
            ObjectRules(
                kind="relationship",
                of="each country and each of its regions; each sub-region and its region; each intermediate region and its "
                "sub-region",
                id_text="the STIX id of the smaller location, `+` and the STIX id of the larger one",
                rules=(
                    Rule(
                        "relationship_type",
                        "the column of the larger one: `region`, `sub-region` or `intermediate-region`",
                    ),
                    Rule("description", "a sentence with both names and the type"),
                ),
            ),
        ),
        remarks=(
            "A short form is the name in lower case, with `-` for spaces and without “and” and “the” between words.",
            "The first row that mentions a region decides which larger region it belongs to.",
            "All times are 2020-01-01. `created_by_ref` is the identity of location2stix. `object_marking_refs` are the "
            "marking definition of location2stix and TLP:CLEAR. The identity and the marking definition are objects of the "
            "release.",
            "A country that is renamed in the list becomes a new location, because ids are made from names.",
            "`region-code`, `sub-region-code` and `intermediate-region-code` have names, not the numbers of the list, because "
            "clients expect names there.",
        ),
        differences=("Each relationship occurs once. In the public bundle of release 1.0, each occurs twice.",),
    ),
)

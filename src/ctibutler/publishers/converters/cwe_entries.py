"""Reads the values of an entry in CWE's XML catalogue."""

from __future__ import annotations

from datetime import date
from typing import Final

from lxml import etree

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters.xml_files import local_name

FILE: Final = "CWE catalogue"
"""The name of the file in messages."""


def text(entry: etree._Element, path: str) -> str:
    """The text of the first element at a path, or an empty string."""
    return next(iter(texts(entry, path)), "")


def texts(entry: etree._Element, path: str) -> list[str]:
    """The text of each element at a path, without that of nested elements.

    Upstream's converter reads it this way too, and loses the objective of one view.
    """
    return [
        "".join((found.text or "", *(child.tail or "" for child in found))) for found in entry.iterfind("{*}" + path)
    ]


def attribute(entry: etree._Element, name: str) -> str:
    """The value of an attribute. Raises MalformedFile if it is missing."""
    value = entry.get(name)
    if value is None:
        raise MalformedFile(f"{FILE}: {_place(entry)}: {name} is missing")
    return value


def times(entry: etree._Element) -> tuple[str, str]:
    """`created` and `modified`: the first submission and the last modification, in the order of the file."""
    submitted = texts(entry, "Content_History/{*}Submission/{*}Submission_Date")
    modified = texts(entry, "Content_History/{*}Modification/{*}Modification_Date")
    if not submitted:
        raise MalformedFile(f"{FILE}: {_place(entry)}: Submission_Date is missing")
    return _timestamp(entry, submitted[0]), _timestamp(entry, (modified or submitted)[-1])


def _timestamp(entry: etree._Element, day: str) -> str:
    try:
        return f"{date.fromisoformat(day)}T00:00:00.000Z"
    except ValueError:
        raise MalformedFile(f'{FILE}: {_place(entry)}: expected a date, found "{day}"') from None


def _place(entry: etree._Element) -> str:
    return f"{local_name(entry)} {entry.get('ID', '')} (line {entry.sourceline})".replace("  ", " ")

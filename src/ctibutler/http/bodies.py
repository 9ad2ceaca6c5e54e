"""Request bodies: JSON objects whose declared fields are read into typed values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn, cast
from urllib.parse import parse_qsl

from ctibutler.errors import InvalidRequest
from ctibutler.http.exceptions import BodyTooLarge, UnsupportedMediaType
from ctibutler.http.parameters import BLANKS, brief
from ctibutler.knowledge_bases import release_labels
from ctibutler.stix.times import microseconds

LARGEST_BODY = 1024 * 1024
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 100

MOST_IDS = 5000
"""A body names no more objects."""

LARGEST_NUMBER = 1_000_000
"""The largest number that is read as a version: for a larger one, it is not certain which text was meant."""


class NumberText(str):
    """A JSON number as it was written: `4.10` is not `4.1`."""

    __slots__ = ()


@dataclass(frozen=True)
class Field:
    """One field of a body: a `version` (text or number), a `flag` (JSON boolean), a `time` (RFC 3339), or `ids` (a list of
    texts, none of them blank)."""

    name: str
    kind: Literal["version", "flag", "time", "ids"]
    description: str
    default: object = None
    required: bool = False
    example: object = None


class BodyValues:
    """The fields of one body, typed and with defaults filled in; `given` names those that the client sent."""

    def __init__(self, values: Mapping[str, object], given: frozenset[str]) -> None:
        self._values = values
        self.given = given

    def text(self, name: str) -> str | None:
        """A text, or None."""
        return cast("str | None", self._values[name])

    def flag(self, name: str) -> bool:
        """A boolean."""
        return cast("bool", self._values[name])

    def ids(self, name: str) -> list[str]:
        """The items of a list, none if it was not sent."""
        return cast("list[str] | None", self._values[name]) or []


def read_body(content: bytes, media_type: str | None) -> dict[str, object]:
    """Return the JSON object in a body. An empty body is an empty object.

    Raises UnsupportedMediaType, InvalidRequest, BodyTooLarge.
    """
    if len(content) > LARGEST_BODY:
        raise BodyTooLarge(f"the body is longer than {LARGEST_BODY} bytes")
    if not content:
        return {}
    kind = (media_type or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMediaType(f"the body must be application/json, not `{brief(kind) or 'nothing'}`")
    try:
        value = json.loads(
            content.decode("utf-8-sig"), parse_float=NumberText, parse_int=NumberText, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        raise InvalidRequest("the body is not JSON") from None
    if not isinstance(value, dict):
        raise InvalidRequest("the body must be a JSON object")
    return value


def read_form(content: bytes, media_type: str | None) -> dict[str, str]:
    """Return the fields of a form, as browsers send it. Of several with one name, the last counts.

    Raises UnsupportedMediaType, InvalidRequest, BodyTooLarge.
    """
    if len(content) > LARGEST_BODY:
        raise BodyTooLarge(f"the form is longer than {LARGEST_BODY} bytes")
    if not content:
        return {}
    kind = (media_type or "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise UnsupportedMediaType(f"the form must be {_FORM}, not `{brief(kind) or 'nothing'}`")
    try:
        return dict(parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"))
    except ValueError:
        raise InvalidRequest("the form cannot be read") from None


def read_fields(fields: Iterable[Field], body: Mapping[str, object]) -> BodyValues:
    """Return the declared fields of a body. Other fields are ignored.

    Raises InvalidRequest with a list of sentences for each field that is wrong.
    """
    values: dict[str, object] = {}
    wrong: dict[str, list[str]] = {}
    for declared in fields:
        if declared.name not in body:
            values[declared.name] = declared.default
            if declared.required:
                wrong[declared.name] = ["This field is required."]
            continue
        if body[declared.name] is None and not declared.required and declared.kind == "version":
            values[declared.name] = declared.default
            continue
        try:
            values[declared.name] = _READERS[declared.kind](body[declared.name])
            if declared.required and values[declared.name] == []:
                raise ValueError("This list may not be empty.")
        except ValueError as failure:
            wrong[declared.name] = [str(failure)]
    if wrong:
        raise InvalidRequest.of_fields(wrong)
    return BodyValues(values, frozenset(values) & frozenset(body))


def _version(value: object) -> str:
    if value is None:
        raise ValueError("This field may not be null.")
    if not isinstance(value, str):
        raise ValueError("Not a valid string.")
    if isinstance(value, NumberText) and not 0 < float(value) <= LARGEST_NUMBER:
        raise ValueError(f"As a number it must be above 0 and at most {LARGEST_NUMBER}; write others as a string.")
    label = str(value).strip(BLANKS)
    if not label:
        raise ValueError("This field may not be blank.")
    if len(value) > release_labels.MAX_LENGTH:
        raise ValueError(f"Ensure this field has no more than {release_labels.MAX_LENGTH} characters.")
    if not (label.isascii() and label.isprintable()) or not release_labels.is_label(label):
        raise ValueError("Letters, digits and single `.`, `_` or `-` between them, such as `16.0`, make a version.")
    return label


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Must be a valid boolean.")
    return value


def _time(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and not isinstance(value, NumberText):
        try:
            microseconds(value.upper())
        except (ValueError, OverflowError):
            pass
        else:
            return value.upper()
    raise ValueError("Must be a time as in RFC 3339, such as `2024-09-12T15:20:07.264Z`.")


def _ids(value: object) -> list[str]:
    if not isinstance(value, list) or not all(
        isinstance(item, str) and not isinstance(item, NumberText) for item in value
    ):
        raise ValueError("Must be a list of strings.")
    if len(value) > MOST_IDS:
        raise BodyTooLarge(f"the body names {len(value)} objects; at most {MOST_IDS} can be asked about at once")
    ids = [item.strip(BLANKS) for item in value]
    if not all(ids):
        raise ValueError("No item may be blank.")
    return ids


_READERS = {"version": _version, "flag": _flag, "time": _time, "ids": _ids}


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")

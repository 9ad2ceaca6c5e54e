"""Query parameters, each declared once: the declaration reads it into a typed value, and describes it in the schema."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal, cast
from urllib.parse import parse_qsl, quote

from ctibutler.answers.pages import PageRequest, Sort
from ctibutler.errors import InvalidRequest
from ctibutler.stix.times import Instant, microseconds, moment_of, rfc3339

Kind = Literal["csv", "text", "flag", "page", "page_size", "choice", "number", "time", "ignored"]

PAGES = 2**32
# The longest name that a publisher wrote has 124 characters.
LONGEST_TEXT = 1000
MOST_ITEMS = 1000
_TRUE = frozenset(("true", "1", "yes", "y", "on"))
_FALSE = frozenset(("false", "0", "no", "n", "off"))
BLANKS = " \t\n\r\f\v"
"""White space that may surround a value: less than Unicode's, because the schema's patterns have to say the same."""

_NUMBER = re.compile(rf"[{BLANKS}]*([+-]?)0*([0-9]+)[{BLANKS}]*")

# PostgreSQL cannot store NUL, and no published text contains it. This noncharacter of Unicode takes its place, so that such
# a value is treated like any other and matches nothing.
_NOT_NUL = "\uffff"

# An error names no more unknown parameters than this.
_MOST_REFUSED = 20


@dataclass(frozen=True)
class Parameter:
    """One query parameter.

    `csv`: a comma-separated list of at most MOST_ITEMS, also over repeated keys and `name[]`, of those `allowed` if there
    are any. `text`: the last value given, of at most LONGEST_TEXT characters. `flag`: strictly a boolean. `page`,
    `page_size`: invalid values fall back to the default. `choice`: one of `allowed`, or another spelling of one in `also`.
    `number`: from `minimum` to `maximum`. `time`: a day or a time of RFC 3339, read as microseconds. `ignored`: accepted
    because real clients send it. An empty value is the same as none.

    `example` is a value for the schema. Parameters that say which values they take need none. `most_items` is what the
    description says of a `csv`: a route that takes fewer than MOST_ITEMS refuses more itself.
    """

    name: str
    kind: Kind
    description: str
    default: object = None
    aliases: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    also: Mapping[str, str] = field(default_factory=dict)
    minimum: int = 1
    maximum: int = PAGES - 1
    required: bool = False
    example: str | None = None
    most_items: int = MOST_ITEMS

    def read(self, given: list[str]) -> object:
        """Return the typed value of a text that is not empty.

        Raises InvalidRequest.
        """
        return _READERS[self.kind](self, given)

    @property
    def changes_answers(self) -> bool:
        """Whether answers depend on it."""
        return self.kind != "ignored" and self.name != "strict"

    def written(self, value: object) -> str:
        """Return the text that is read as this value."""
        if isinstance(value, list):
            return ",".join(value)
        if self.kind == "time" and isinstance(value, int):
            return rfc3339(Instant(value))
        return str(value).lower() if isinstance(value, bool) else str(value)


STRICT = Parameter(
    "strict", "flag", "Answer 400 if there are query parameters that this route does not know.", default=False
)
"""Every route has it. It changes no answer, so it is not part of the canonical URL."""


class Values:
    """The parameters of one request, typed and with defaults filled in."""

    def __init__(
        self, table: Mapping[str, Parameter], given: Mapping[str, object], ignored: tuple[str, ...] = ()
    ) -> None:
        """`ignored` are the names that the route does not know, as the client wrote them."""
        self._table = table
        self._given = given
        self.ignored = ignored

    def _value(self, name: str) -> object:
        value = self._given.get(name)
        return self._table[name].default if value is None else value

    def csv(self, name: str) -> list[str] | None:
        """Return the items of a list, or None if it was not given."""
        return cast("list[str] | None", self._value(name))

    def text(self, name: str) -> str | None:
        """Return a text, or None if it was not given."""
        return cast("str | None", self._value(name))

    def choice(self, name: str) -> str:
        """Return the chosen word."""
        return cast("str", self._value(name))

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        return cast("bool", self._value(name))

    def number(self, name: str) -> int:
        """Return a number."""
        return cast("int", self._value(name))

    def has(self, name: str) -> bool:
        """Return whether the route has this parameter."""
        return name in self._table

    def time(self, name: str) -> int | None:
        """Return a time in microseconds, or None if it was not given."""
        return cast("int | None", self._value(name))

    def page(self) -> PageRequest:
        """Return the requested page."""
        return PageRequest(self.number("page"), self.number("page_size"))

    def sort(self) -> Sort:
        """Return the requested order."""
        return Sort.parse(self.choice("sort"))

    def query(self, **instead: object) -> str:
        """Return the parameters as a query string: the known ones, in a fixed order, without those that have their default."""
        values = {**self._given, **instead}
        parts = []
        for name in sorted(values):
            value = values[name]
            parameter = self._table[name]
            if value is not None and value != parameter.default and parameter.changes_answers:
                parts.append(f"{name}={quote(parameter.written(value), safe=',:')}")
        return "&".join(parts)


class Table:
    """The parameters of one route, ready to read query strings."""

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self.parameters = {parameter.name: parameter for parameter in (*parameters, STRICT)}
        self._names: dict[str, tuple[str, int]] = {}
        for parameter in self.parameters.values():
            for rank, name in enumerate((parameter.name, *parameter.aliases)):
                self._names.setdefault(name, (parameter.name, rank))
                if parameter.kind == "csv":
                    self._names.setdefault(f"{name}[]", (parameter.name, rank))

    @property
    def names(self) -> Container[str]:
        """Every name that the route knows, aliases included."""
        return self._names.keys()

    def read(self, query_string: str) -> Values:
        """Return the typed values of a percent-encoded query string. Unknown parameters are ignored unless it is `strict`.

        Raises InvalidRequest that names every parameter that is wrong.
        """
        given, unknown = self._sorted(query_string)
        values: dict[str, object] = {}
        wrong: dict[str, list[str]] = {}
        for name, parameter in self.parameters.items():
            try:
                if name in given:
                    ranks = given[name]
                    values[name] = parameter.read(ranks[min(ranks)])
                if parameter.required and values.get(name) is None:
                    raise InvalidRequest.of(name, "This field is required.")
            except InvalidRequest as problem:
                if not problem.details:
                    raise
                wrong.update(cast("dict[str, list[str]]", problem.details))
        if values.get(STRICT.name):
            wrong |= {brief(name): [self._no_such(name)] for name in unknown[:_MOST_REFUSED]}
        if wrong:
            raise InvalidRequest.of_fields(wrong)
        return Values(self.parameters, values, unknown)

    def _sorted(self, query_string: str) -> tuple[dict[str, dict[int, list[str]]], tuple[str, ...]]:
        """The texts given for each parameter, by the rank of the name that was used; and the unknown names."""
        given: dict[str, dict[int, list[str]]] = {}
        unknown: dict[str, None] = {}
        for name, value in parse_qsl(query_string):
            known = self._names.get(name)
            if known is None:
                unknown[name] = None
            else:
                given.setdefault(known[0], {}).setdefault(known[1], []).append(value.replace("\x00", _NOT_NUL))
        return given, tuple(unknown)

    def _no_such(self, name: str) -> str:
        names = [known for known in self._names if not known.endswith("[]")]
        near = " or ".join(f"`{word}`" for word in get_close_matches(name[:100], names, n=3, cutoff=0.7))
        return f"This parameter is not known here.{f' Did you mean {near}?' if near else ''}"


def _read_csv(parameter: Parameter, given: list[str]) -> object:
    items = [word for text in given for item in text.split(",") if (word := item.strip(BLANKS))]
    if len(items) > MOST_ITEMS:
        raise InvalidRequest.of(parameter.name, f"Must have no more than {MOST_ITEMS} items.")
    for item in items if parameter.allowed else ():
        _refuse_others(parameter, item)
    return items or None


def _read_text(parameter: Parameter, given: list[str]) -> object:
    if len(given[-1]) > LONGEST_TEXT:
        raise InvalidRequest.of(parameter.name, f"Must have no more than {LONGEST_TEXT} characters.")
    return given[-1]


def _read_ignored(_: Parameter, given: list[str]) -> object:
    return given[-1]


def _read_flag(parameter: Parameter, given: list[str]) -> object:
    word = given[-1].strip(BLANKS).lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    if not word:
        return None
    raise InvalidRequest.of(parameter.name, "Must be a boolean: true, 1, yes, y, on or false, 0, no, n, off.")


def _read_page(_: Parameter, given: list[str]) -> object:
    number = _whole_number(given[-1])
    if number is None or number < 1:
        return None
    if number >= PAGES:
        raise InvalidRequest(f"unable to serve page `{given[-1].strip(BLANKS)[:40]}`")
    return number


def _read_page_size(parameter: Parameter, given: list[str]) -> object:
    number = _whole_number(given[-1])
    return None if number is None or number < 1 else min(number, parameter.maximum)


def _read_choice(parameter: Parameter, given: list[str]) -> object:
    word = given[-1]
    chosen = parameter.also.get(word, word)
    _refuse_others(parameter, chosen)
    return chosen


def _refuse_others(parameter: Parameter, word: str) -> None:
    if word not in parameter.allowed:
        raise InvalidRequest.of(parameter.name, f"`{brief(word)}` is none of {', '.join(parameter.allowed)}.")


def _read_number(parameter: Parameter, given: list[str]) -> object:
    number = _whole_number(given[-1])
    if number is None or not parameter.minimum <= number <= parameter.maximum:
        raise InvalidRequest.of(parameter.name, f"Must be a number from {parameter.minimum} to {parameter.maximum}.")
    return number


def _read_time(parameter: Parameter, given: list[str]) -> object:
    word = given[-1].strip(BLANKS)
    if not word:
        return None
    try:
        return microseconds(moment_of(word))
    except (ValueError, OverflowError):
        raise InvalidRequest.of(
            parameter.name, "Must be a day or a time, as `2024-09-12` or `2024-09-12T15:20:07Z`."
        ) from None


def _whole_number(text: str) -> int | None:
    """The number in a text. With more than twenty digits it is read as 10**20: it is too large anyway."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    number = int(match[2]) if len(match[2]) <= 20 else 10**20
    return -number if match[1] == "-" else number


_READERS = {
    "csv": _read_csv,
    "text": _read_text,
    "flag": _read_flag,
    "page": _read_page,
    "page_size": _read_page_size,
    "choice": _read_choice,
    "number": _read_number,
    "time": _read_time,
    "ignored": _read_ignored,
}


def brief(text: str) -> str:
    """Return a text from a client in a form that a message can quote: printable and not too long."""
    printable = "".join(char if char.isprintable() else "�" for char in text[:101])
    return printable if len(printable) <= 100 else printable[:97] + "..."


def sort_parameter(keys: Iterable[str], default: str, also: Mapping[str, str] | None = None) -> Parameter:
    """Return the parameter `sort` with these keys. `also` maps further names to keys."""
    directions = ("ascending", "descending")
    return Parameter(
        "sort",
        "choice",
        "Order of the list. Ties are in order of STIX id.",
        default=default,
        allowed=tuple(f"{key}_{direction}" for key in keys for direction in directions),
        also={f"{name}_{way}": f"{key}_{way}" for name, key in (also or {}).items() for way in directions},
    )


def page_parameters(default_size: int, largest: int) -> tuple[Parameter, Parameter]:
    """Return the parameters that every list has."""
    return (
        Parameter("page", "page", "Number of the page, from 1. Invalid values fall back to 1.", default=1),
        Parameter(
            "page_size",
            "page_size",
            f"Results per page, at most {largest}. Invalid values fall back to the default.",
            default=default_size,
            maximum=largest,
        ),
    )

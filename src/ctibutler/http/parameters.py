"""Query parameters: declared once, read into typed values and described in the schema by the same declaration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import Literal, cast
from urllib.parse import parse_qsl, quote

from ctibutler.answers.pages import PageRequest, Sort
from ctibutler.errors import InvalidRequest

Kind = Literal["csv", "text", "flag", "page", "page_size", "choice", "number", "ignored"]

PAGES = 2**32
_TRUE = frozenset(("true", "1", "yes", "y", "on"))
_FALSE = frozenset(("false", "0", "no", "n", "off"))
BLANKS = " \t\n\r\f\v"
"""What may stand around a value. Not all that Unicode calls white space: the schema says the same in another dialect."""

_NUMBER = re.compile(rf"[{BLANKS}]*([+-]?)0*([0-9]+)[{BLANKS}]*")

# PostgreSQL cannot hold NUL, and no published text has it. This character, which Unicode keeps from ever being one, takes
# its place: such a value goes the way of any other and matches nothing.
_NOT_NUL = "\uffff"


# How much of the names of unknown parameters is repeated to the client.
_MOST_NAMES = 20
_LONGEST_NAME = 50


@dataclass(frozen=True)
class Parameter:
    """One query parameter.

    `csv`: a list, comma separated, over repeated keys and `name[]`. `text`: the last one given. `flag`: strictly a boolean.
    `page`, `page_size`: anything that is no number is the default. `choice`: one of `allowed`, or of the other spellings
    in `also`. `number`: between `minimum` and `maximum`. `ignored`: real clients send it. An empty value is no value.
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

    def read(self, given: list[str]) -> object:
        """The typed value of what was given, which is not empty.

        Raises InvalidRequest.
        """
        return _READERS[self.kind](self, given)

    def written(self, value: object) -> str:
        """The text that is read as this value."""
        if isinstance(value, list):
            return ",".join(value)
        return str(value).lower() if isinstance(value, bool) else str(value)


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
        """The items of a list, or None when there is no such filter."""
        return cast("list[str] | None", self._value(name))

    def text(self, name: str) -> str | None:
        """A text, or None."""
        return cast("str | None", self._value(name))

    def choice(self, name: str) -> str:
        """The chosen word."""
        return cast("str", self._value(name))

    def flag(self, name: str) -> bool:
        """A boolean."""
        return cast("bool", self._value(name))

    def number(self, name: str) -> int:
        """A number."""
        return cast("int", self._value(name))

    def has(self, name: str) -> bool:
        """Whether this request can have the parameter at all."""
        return name in self._table

    def page(self) -> PageRequest:
        """Which page was asked for."""
        return PageRequest(self.number("page"), self.number("page_size"))

    def sort(self) -> Sort:
        """The order that was asked for."""
        return Sort.parse(self.choice("sort"))

    def query(self, **instead: object) -> str:
        """The parameters as a query string: known ones only, in one order, without those that say what is so anyway."""
        values = {**self._given, **instead}
        parts = []
        for name in sorted(values):
            value = values[name]
            if value is not None and value != self._table[name].default and self._table[name].kind != "ignored":
                parts.append(f"{name}={quote(self._table[name].written(value), safe=',:')}")
        return "&".join(parts)


class Table:
    """The parameters of one route, ready to read query strings."""

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self.parameters = {parameter.name: parameter for parameter in parameters}
        self._names: dict[str, tuple[str, int]] = {}
        for parameter in self.parameters.values():
            for rank, name in enumerate((parameter.name, *parameter.aliases)):
                self._names.setdefault(name, (parameter.name, rank))
                if parameter.kind == "csv":
                    self._names.setdefault(f"{name}[]", (parameter.name, rank))

    def read(self, query_string: str) -> Values:
        """The typed values of a query string, still percent-encoded. Unknown parameters are ignored unless `strict`.

        Raises InvalidRequest that names every parameter that is wrong.
        """
        given: dict[str, dict[int, list[str]]] = {}
        unknown: dict[str, None] = {}
        strict: list[str] = []
        for name, value in parse_qsl(query_string):
            known = self._names.get(name)
            if known is not None:
                given.setdefault(known[0], {}).setdefault(known[1], []).append(value.replace("\x00", _NOT_NUL))
            elif name == STRICT.name:
                strict.append(value)
            else:
                unknown[name] = None
        values: dict[str, object] = {}
        wrong: dict[str, list[str]] = {}
        if strict and STRICT.read(strict):
            wrong = {brief(name): [self._unknown(name)] for name in islice(unknown, _MOST_NAMES)}
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
        if wrong:
            raise InvalidRequest.of_fields(wrong)
        return Values(self.parameters, values, tuple(unknown))

    def _unknown(self, name: str) -> str:
        near = get_close_matches(
            name[:_LONGEST_NAME], (known for known in self._names if known[-1] != "]"), n=3, cutoff=0.7
        )
        hint = f" Did you mean {' or '.join(f'`{word}`' for word in near)}?" if near else ""
        return f"This parameter is not known here.{hint}"


def ignored_header(names: Sequence[str]) -> tuple[tuple[bytes, bytes], ...]:
    """The header that names these ignored parameters, percent-encoded: at most twenty, each cut at 50 characters."""
    if not names:
        return ()
    shown = list(dict.fromkeys(quote(name[:_LONGEST_NAME], safe="[]") for name in names))
    if len(shown) > _MOST_NAMES:
        shown[_MOST_NAMES:] = ["..."]
    return ((b"ctibutler-ignored-parameters", ", ".join(shown).encode("ascii")),)


def _read_csv(_: Parameter, given: list[str]) -> object:
    items = [item.strip(BLANKS) for text in given for item in text.split(",")]
    return [item for item in items if item] or None


def _read_text(_: Parameter, given: list[str]) -> object:
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
    if chosen not in parameter.allowed:
        raise InvalidRequest.of(parameter.name, f"`{brief(word)}` is none of {', '.join(parameter.allowed)}.")
    return chosen


def _read_number(parameter: Parameter, given: list[str]) -> object:
    number = _whole_number(given[-1])
    if number is None or not parameter.minimum <= number <= parameter.maximum:
        raise InvalidRequest.of(parameter.name, f"Must be a number from {parameter.minimum} to {parameter.maximum}.")
    return number


def _whole_number(text: str) -> int | None:
    """The number that a text is; one of more than twenty digits is only known to be large."""
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
    "ignored": _read_text,
}


def brief(text: str) -> str:
    """A text of a client, short and printable enough to be repeated in a sentence."""
    printable = "".join(char if char.isprintable() else "�" for char in text[:101])
    return printable if len(printable) <= 100 else printable[:97] + "..."


STRICT = Parameter(
    "strict", "flag", "Refuse parameters that this route does not know, instead of ignoring them.", default=False
)
"""Known on every route. It changes no answer, so it is not part of a canonical URL."""


def sort_parameter(keys: Iterable[str], default: str, also: Mapping[str, str] | None = None) -> Parameter:
    """The parameter `sort` over these keys; `also` gives further names of keys."""
    directions = ("ascending", "descending")
    return Parameter(
        "sort",
        "choice",
        "Order of the list. Equal ones are in order of STIX id.",
        default=default,
        allowed=tuple(f"{key}_{direction}" for key in keys for direction in directions),
        also={f"{name}_{way}": f"{key}_{way}" for name, key in (also or {}).items() for way in directions},
    )


def page_parameters(default_size: int, largest: int) -> tuple[Parameter, Parameter]:
    """The parameters that every list has."""
    return (
        Parameter("page", "page", "Which page, from 1. Anything that is no number of a page is 1.", default=1),
        Parameter(
            "page_size",
            "page_size",
            f"Objects on a page, at most {largest}. Anything that is no such number is the default.",
            default=default_size,
            maximum=largest,
        ),
    )

"""All converters, by the name that declarations and stored releases refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final

from ctibutler.publishers.converters.conversion import Converter

_NAMES = ("atlas-yaml", "cwe-xml", "d3fend-json", "disarm-xlsx", "iso-3166-csv", "opencti-sectors", "stix20")


class _Converters(Mapping[str, Converter]):
    """Converters, each imported when it is asked for: readers of YAML, XML and workbooks take long to load."""

    def __getitem__(self, name: str) -> Converter:
        if name not in _NAMES:
            raise KeyError(name)
        converter: Converter = import_module(f"{__name__}.{name.replace('-', '_')}").CONVERTER
        return converter

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


CONVERTERS: Final[Mapping[str, Converter]] = _Converters()

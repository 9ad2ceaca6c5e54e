"""All converters, by the name that declarations and stored releases refer to."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ctibutler.publishers.converters import (
    atlas_yaml,
    cwe_xml,
    d3fend_json,
    disarm_xlsx,
    iso_3166_csv,
    opencti_sectors,
    stix20,
)
from ctibutler.publishers.converters.conversion import Converter

CONVERTERS: Final[Mapping[str, Converter]] = MappingProxyType(
    {
        module.CONVERTER.name: module.CONVERTER
        for module in (atlas_yaml, cwe_xml, d3fend_json, disarm_xlsx, iso_3166_csv, opencti_sectors, stix20)
    }
)

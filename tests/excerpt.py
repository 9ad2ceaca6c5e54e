"""An excerpt of CWE 4.14 as a release with details, for tests of every layer."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.converters import cwe_xml
from ctibutler.publishers.converters.conversion import Converted, Edition
from tests.catalogue import made_content

EXCERPT = Path(__file__).parent / "publishers" / "data" / "cwec_v4.14-excerpt.xml"
CVE = b"CVE-2008-2223"
_AS_READ: Any = object()


@lru_cache(maxsize=4)
def converted(other_cve: bytes = CVE) -> Converted:
    """The converted excerpt; another CVE id changes only the details of CWE-1287."""
    return cwe_xml.convert(EXCERPT.read_bytes().replace(CVE, other_cve), Edition("4.14"))


def excerpt(other_cve: bytes = CVE, details: Any = _AS_READ) -> ReleaseFile:
    """The excerpt, ready for import, with its details or with these instead."""
    read = converted(other_cve)
    return made_content(read.objects, details=read.details if details is _AS_READ else details)


def details_of(external_id: str) -> dict[str, Any]:
    """The details of one of its objects, by CWE id."""
    read = converted()
    assert read.details is not None
    [stix_id] = [
        stix["id"]
        for stix in read.objects
        if stix["type"] in ("weakness", "grouping")
        and any(
            (ref["source_name"], ref.get("external_id")) == ("cwe", external_id) for ref in stix["external_references"]
        )
    ]
    return dict(read.details[stix_id])


def put_beside(folder: Path, label: str, *, with_details: bool = True) -> Path:
    """The excerpt as a bundle in this folder, with the file of its details beside it."""
    content = excerpt()
    assert content.details is not None
    file = folder / f"cwe-bundle-v{label.replace('.', '_')}.json"
    file.write_bytes(content.bundle_bytes)
    if with_details:
        (folder / f"cwe-details-v{label.replace('.', '_')}.json").write_bytes(content.details)
    return file

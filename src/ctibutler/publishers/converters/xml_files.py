"""Parses XML without resolving entities or loading other files."""

from __future__ import annotations

from lxml import etree

from ctibutler.errors import MalformedFile


def parse_xml(content: bytes, name: str) -> etree._Element:
    """The root element, without comments and processing instructions. `name` is the name of the file in messages.

    Raises MalformedFile if the file is not well-formed or has a document type. No file that we read has one, and only a
    document type can refer to other files, URLs or entities.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise MalformedFile(f"{name}: not well-formed XML: {error}") from error
    if root.getroottree().docinfo.internalDTD:
        raise MalformedFile(f"{name}: document types are not allowed")
    return root


def local_name(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]

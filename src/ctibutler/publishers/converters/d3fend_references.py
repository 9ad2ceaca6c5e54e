"""External references of what is made from D3FEND's ontology: its own pages, and what its nodes cite."""

from __future__ import annotations

import logging
from typing import Final

from ctibutler.publishers.converters.d3fend_graph import Graph, Node

SITE: Final = "https://d3fend.mitre.org/"

_log = logging.getLogger(__name__)


def page(folder: str, node: Node) -> dict[str, str]:
    """The page of a node in a folder of D3FEND's site, such as `technique`, with the node's external id."""
    return {"source_name": "mitre-d3fend", "url": f"{SITE}{folder}/{node.id}", "external_id": node.external_id}


def enabled(tactic: Node) -> dict[str, str]:
    """The page of a tactic, as a technique that enables it refers to it."""
    source, *rest = page("tactic", tactic).items()
    return dict([source, ("description", f"This technique enables the tactic {tactic.name}"), *rest])


def cited(node: Node, graph: Graph) -> list[dict[str, str]]:
    """What a node cites: what to see also, the publications behind it, and where its definition is from."""
    # `url` gets the text that is no address too, such as a sentence: upstream writes it so.
    also = [{"source_name": "rdfs-seeAlso", "url": _address(text) or text} for text in node.texts("rdfs:seeAlso")]
    publications = [_publication(name, node, graph) for name in node.targets("d3f:kb-reference")]
    origins = [_origin(text) for text in node.texts("rdfs:isDefinedBy")]
    return [*also, *(publication for publication in publications if publication), *origins]


def _publication(name: str, cited_by: Node, graph: Graph) -> dict[str, str]:
    """A publication as a reference, or nothing when it has neither abstract nor link. Empty ones count."""
    publication = graph.find(name)
    if publication is None:
        _log.warning("%s: d3f:kb-reference %s: no such node, left out", cited_by.id, name)
        return {}
    members = {"description": "d3f:kb-abstract", "url": "d3f:has-link"}
    texts = {key: publication.text(member) for key, member in members.items() if publication.texts(member)}
    title = publication.text("d3f:kb-reference-title") or publication.name
    return {"source_name": title, **texts} if texts else {}


def _origin(text: str) -> dict[str, str]:
    address = _address(text)
    return {"source_name": "rdfs-defined-by", **({"url": address} if address else {"external_id": text})}


def _address(text: str) -> str:
    """The address that a text is, empty where it is none. `dbr:` is short for DBpedia."""
    if text.startswith("dbr:"):
        return "http://dbpedia.org/resource/" + text.removeprefix("dbr:")
    return text if text.startswith(("http://", "https://")) else ""

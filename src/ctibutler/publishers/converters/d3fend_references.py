"""External references of D3FEND's objects: their own pages, and the sources that they cite."""

from __future__ import annotations

import logging
from typing import Final

from ctibutler.publishers.converters.d3fend_graph import Graph, Node

SITE: Final = "https://d3fend.mitre.org/"

_log = logging.getLogger(__name__)


def page(folder: str, node: Node) -> dict[str, str]:
    """The page of a node in a folder of D3FEND's site, such as `technique`, and its external id."""
    return {"source_name": "mitre-d3fend", "url": f"{SITE}{folder}/{node.id}", "external_id": node.external_id}


def enabled(tactic: Node) -> dict[str, str]:
    """The page of a tactic, as a reference of a technique that enables it."""
    source, *rest = page("tactic", tactic).items()
    return dict([source, ("description", f"This technique enables the tactic {tactic.name}"), *rest])


def cited(node: Node, graph: Graph) -> list[dict[str, str]]:
    """The sources that a node cites: `rdfs:seeAlso`, publications, and the origin of its definition."""
    # Like upstream, use the text as the `url` even if it is not a URL.
    also = [{"source_name": "rdfs-seeAlso", "url": _url(text) or text} for text in node.texts("rdfs:seeAlso")]
    publications = [_publication(name, node, graph) for name in node.targets("d3f:kb-reference")]
    origins = [_origin(text) for text in node.texts("rdfs:isDefinedBy")]
    return [*also, *(publication for publication in publications if publication), *origins]


def _publication(name: str, cited_by: Node, graph: Graph) -> dict[str, str]:
    """The reference of a publication; empty if it has neither abstract nor link. An empty abstract or link is enough."""
    publication = graph.find(name)
    if publication is None:
        _log.warning("%s: d3f:kb-reference: there is no node %s; left out", cited_by.id, name)
        return {}
    members = {"description": "d3f:kb-abstract", "url": "d3f:has-link"}
    texts = {key: publication.text(member) for key, member in members.items() if publication.texts(member)}
    title = publication.text("d3f:kb-reference-title") or publication.name
    return {"source_name": title, **texts} if texts else {}


def _origin(text: str) -> dict[str, str]:
    url = _url(text)
    return {"source_name": "rdfs-defined-by", **({"url": url} if url else {"external_id": text})}


def _url(text: str) -> str:
    """The text if it is a URL, otherwise an empty string. The prefix `dbr:` is expanded to DBpedia."""
    if text.startswith("dbr:"):
        return "http://dbpedia.org/resource/" + text.removeprefix("dbr:")
    return text if text.startswith(("http://", "https://")) else ""

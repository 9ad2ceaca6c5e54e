"""Downloads a release from its publisher: one file, or a STIX bundle and the file that it was made from."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec

from ctibutler.errors import MalformedFile, SourceUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.converters import CONVERTERS
from ctibutler.publishers.converters.conversion import Converted, Converter, Edition
from ctibutler.publishers.places.place import Place, Published, Web
from ctibutler.publishers.sources.source import Offer, converted_file, published_bundle, release_of
from ctibutler.publishers.web.progress import Progress

_log = logging.getLogger(__name__)


def fetch_published(
    kb: KnowledgeBase, place: Place, published: Published, offer: Offer, web: Web, progress: Progress
) -> ReleaseFile:
    """Download a release. A STIX bundle is used unchanged, any other file is converted.

    If the publisher also has the file that the bundle was made from, the details come from that file. It is converted
    instead, with a warning, if the bundle is missing or belongs to another release.

    Raises SourceUnavailable, which says what was expected where, or MalformedFile if the file cannot be read.
    """
    downloaded = web.file(published.url, progress)
    converter = CONVERTERS[kb.converter] if kb.converter is not None else None
    if published.own_file is not None and converter is not None:
        return _bundle_and_own_file(place, published, offer, downloaded, _own_file(web, published.own_file), converter)
    if downloaded is None:
        raise SourceUnavailable(f"{kb.slug} {offer.label}: expected a file at {published.url}")
    name, content = _checked(place, published, downloaded)
    if converter is None or published.is_bundle:
        return published_bundle(offer, content, name)
    return converted_file(offer, content, name, converter)


def _bundle_and_own_file(
    place: Place,
    published: Published,
    offer: Offer,
    downloaded: bytes | None,
    own: bytes | SourceUnavailable | None,
    converter: Converter,
) -> ReleaseFile:
    converted, no_details = _converted(own, published, offer, converter)
    try:
        if downloaded is None:
            raise SourceUnavailable(f"{published.url} does not exist")
        name, content = _checked(place, published, downloaded)
        if converted is not None:
            _check_same_objects(published, content, converted)
    except (MalformedFile, SourceUnavailable) as no_bundle:
        if converted is None or not isinstance(own, bytes):
            raise type(no_bundle)(f"{no_bundle}; {no_details}") from None
        _log.warning("%s %s: %s; converted from %s", offer.knowledge_base, offer.label, no_bundle, published.own_file)
        own_name = str(published.own_file).rpartition("/")[2]
        return release_of(converted, offer, own, own_name, converter, location=published.own_file)
    if converted is None:
        _log.warning("%s %s: without details: %s", offer.knowledge_base, offer.label, no_details)
        return published_bundle(offer, content, name)
    return published_bundle(offer, content, name, details=msgspec.json.encode(converted.details or {}))


def _own_file(web: Web, url: str) -> bytes | SourceUnavailable | None:
    """The publisher's own file, or the error: the bundle alone is enough."""
    try:
        return web.file(url)
    except SourceUnavailable as failure:
        return failure


def _converted(
    own: bytes | SourceUnavailable | None, published: Published, offer: Offer, converter: Converter
) -> tuple[Converted | None, str]:
    """The converted own file of the publisher; None and the reason if there is none."""
    if own is None:
        return None, f"{published.own_file} does not exist"
    if isinstance(own, SourceUnavailable):
        return None, str(own)
    try:
        return converter.convert(own, Edition(offer.label, offer.published)), ""
    except MalformedFile as failure:
        return None, f"{published.own_file}: {failure}"


def _checked(place: Place, published: Published, downloaded: bytes) -> tuple[str, bytes]:
    """The name and content of the file to read.

    Raises MalformedFile if its digest or its label is not that of the release.
    """
    name, content = place.content(published.url.rpartition("/")[2], downloaded)
    digest = sha256(content).hexdigest()
    if published.sha256 is not None and digest != published.sha256:
        raise MalformedFile(f"{published.url}: expected the SHA-256 {published.sha256}, found {digest}")
    found = place.label_in(name, content)
    if found is not None and release_labels.sort_key(found) != release_labels.sort_key(published.label):
        raise MalformedFile(f"{published.url}: expected release {published.label}, found {found}")
    return name, content


class _Object(msgspec.Struct):
    type: str
    id: str


class _Bundle(msgspec.Struct):
    objects: list[_Object]


_read_bundle = msgspec.json.Decoder(_Bundle).decode
# Their ids depend on who creates the bundle, or a release has only one such object.
_NOT_COMPARED = frozenset(("relationship", "x-mitre-matrix", "x-mitre-collection", "identity", "marking-definition"))


def _check_same_objects(published: Published, content: bytes, converted: Converted) -> None:
    """Raises MalformedFile if the bundle and the publisher's own file have different objects, so are different releases.

    Only types in both are compared: the bundle may leave some out, or have some that the converter does not know.
    """
    try:
        in_bundle = _by_type((item.type, item.id) for item in _read_bundle(content).objects)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as failure:
        raise MalformedFile(f"{published.url}: expected a STIX 2.1 bundle: {str(failure)[:200]}") from None
    in_file = _by_type((str(stix["type"]), str(stix["id"])) for stix in converted.objects)
    names = {str(stix["id"]): str(stix.get("name", "")) for stix in converted.objects}
    in_both = (in_bundle.keys() & in_file.keys()) - _NOT_COMPARED
    if not in_both:
        raise MalformedFile(f"{published.url}: has none of the objects of {published.own_file}")
    for stix_type in sorted(in_both):
        ids, expected = in_bundle[stix_type], in_file[stix_type]
        if ids != expected:
            one = min(ids ^ expected)
            raise MalformedFile(
                f"{published.url}: not the objects of {published.own_file}: {len(ids)} of type {stix_type}, expected"
                f" {len(expected)}; one that only one of them has is {one} {names.get(one, '')}".rstrip()
            )


def _by_type(objects: Iterable[tuple[str, str]]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for stix_type, stix_id in objects:
        found.setdefault(stix_type, set()).add(stix_id)
    return {stix_type: frozenset(ids) for stix_type, ids in found.items()}

"""Which sources an installation has, and where they are, according to its settings."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ctibutler.errors import InvalidRequest
from ctibutler.publishers.sources.bucket import Bucket, Place
from ctibutler.publishers.sources.built_in import BuiltIn
from ctibutler.publishers.sources.folder import Folder, folder_named
from ctibutler.publishers.sources.packages import Snapshots
from ctibutler.publishers.sources.publisher_source import PublisherSource, PublisherWeb
from ctibutler.publishers.sources.source import Source
from ctibutler.publishers.sources.website import Website
from ctibutler.publishers.web.addresses import WebAddress
from ctibutler.publishers.web.download_cache import DownloadCache
from ctibutler.publishers.web.limits import NOT_THERE, Limits
from ctibutler.settings import SOURCES, Settings, source_named


def configured(settings: Settings, bucket_at: str | None) -> list[Source]:
    """The sources of every installation, with the bucket at this place or where the settings say; no bucket where
    they name none.

    Raises InvalidRequest when a setting or this place is neither a folder nor a URL.
    """
    cache = None
    if settings.download_cache_bytes:
        cache = DownloadCache(settings.data_dir / "downloads", settings.download_cache_bytes)
    others: list[Source] = [
        PublisherSource(PublisherWeb(replace(_limits(settings), missing=NOT_THERE), cache, _stand_in(settings))),
        Snapshots(settings.bundle_max_bytes),
        BuiltIn(),
    ]
    text, said_by = (settings.bucket.strip(), "CTIBUTLER_BUCKET") if bucket_at is None else (bucket_at, "--source")
    if not text:
        return others
    return [Bucket(_place(text, said_by, settings, cache), settings.bundle_max_bytes), *others]


def is_source(word: str) -> bool:
    """Whether this is the word for a source, even where a folder has the same name."""
    try:
        source_named(word)
    except ValueError:
        return False
    return True


def restriction(only: str, settings: Settings) -> tuple[str, str | None]:
    """The one source that a word, folder or URL names, and where the bucket is if it is a folder or URL.

    Raises InvalidRequest.
    """
    if is_source(only):
        name = source_named(only)
        if name == Bucket.name and not settings.bucket.strip():
            raise InvalidRequest(f"`{only}`: there is no bucket (CTIBUTLER_BUCKET)")
        return name, None
    if "://" not in only and not Path(only).expanduser().is_dir():
        raise InvalidRequest(f"`{only}` is no source ({', '.join(SOURCES)}), no folder and no URL")
    return Bucket.name, only


def _stand_in(settings: Settings) -> WebAddress | None:
    text = settings.publishers_url.strip()
    return WebAddress.parse(text, "CTIBUTLER_PUBLISHERS_URL") if text else None


def _place(text: str, said_by: str, settings: Settings, cache: DownloadCache | None) -> Place:
    """The bucket that this setting or option names: a folder, or a URL.

    Raises InvalidRequest when it is neither.
    """
    if re.match(r"file:", text, re.IGNORECASE) or "://" not in text:
        return Folder(folder_named(text, said_by), settings.download_max_bytes, said_by)
    return Website(WebAddress.parse(text, said_by), _limits(settings), cache)


def _limits(settings: Settings) -> Limits:
    """The limits for the file of a release."""
    return Limits(
        silence=settings.download_timeout,
        seconds=settings.download_max_seconds,
        max_bytes=settings.download_max_bytes,
        unpacked_max_bytes=settings.bundle_max_bytes,
        retries=settings.download_retries,
    )

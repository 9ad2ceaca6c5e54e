"""The sources that the settings configure."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ctibutler.errors import InvalidRequest
from ctibutler.publishers.sources.bucket import Bucket, BucketLocation
from ctibutler.publishers.sources.built_in import BuiltIn
from ctibutler.publishers.sources.folder import Folder, folder_named
from ctibutler.publishers.sources.packages import Snapshots
from ctibutler.publishers.sources.publisher_source import PublisherSource
from ctibutler.publishers.sources.publisher_web import PublisherWeb
from ctibutler.publishers.sources.source import Source
from ctibutler.publishers.sources.website import Website
from ctibutler.publishers.web.addresses import WebAddress
from ctibutler.publishers.web.download_cache import DownloadCache
from ctibutler.publishers.web.limits import NOT_THERE, Limits
from ctibutler.settings import SOURCES, Settings, source_named


def configured(settings: Settings, bucket_at: str | None) -> list[Source]:
    """The configured sources. The bucket is at `bucket_at`, or else where the settings place it, if they do.

    Raises InvalidRequest if a setting or `bucket_at` is neither a folder nor a URL.
    """
    cache = None
    if settings.download_cache_bytes:
        cache = DownloadCache(settings.data_dir / "downloads", settings.download_cache_bytes)
    others: list[Source] = [
        PublisherSource(PublisherWeb(replace(_limits(settings), missing=NOT_THERE), cache, _stand_in(settings))),
        Snapshots(settings.bundle_max_bytes),
        BuiltIn(),
    ]
    text, setting = (settings.bucket.strip(), "CTIBUTLER_BUCKET") if bucket_at is None else (bucket_at, "--source")
    if not text:
        return others
    return [Bucket(_bucket_location(text, setting, settings, cache), settings.bundle_max_bytes), *others]


def is_source(word: str) -> bool:
    """Whether this is the name of a source. It can also be the name of a folder."""
    try:
        source_named(word)
    except ValueError:
        return False
    return True


def restriction(only: str, settings: Settings) -> tuple[str, str | None]:
    """The name of the source that a name, folder or URL selects, and the place of the bucket if it is a folder or URL.

    Raises InvalidRequest.
    """
    if is_source(only):
        name = source_named(only)
        if name == Bucket.name and not settings.bucket.strip():
            raise InvalidRequest(f"`{only}`: no bucket is configured (CTIBUTLER_BUCKET)")
        return name, None
    if "://" not in only and not Path(only).expanduser().is_dir():
        raise InvalidRequest(f"`{only}` is not a source ({', '.join(SOURCES)}), a folder or a URL")
    return Bucket.name, only


def _stand_in(settings: Settings) -> WebAddress | None:
    text = settings.publishers_url.strip()
    return WebAddress.parse(text, "CTIBUTLER_PUBLISHERS_URL") if text else None


def _bucket_location(text: str, setting: str, settings: Settings, cache: DownloadCache | None) -> BucketLocation:
    """The bucket in a folder or at a URL. `setting` is the setting or option that contains it.

    Raises InvalidRequest if it is neither.
    """
    if re.match(r"file:", text, re.IGNORECASE) or "://" not in text:
        return Folder(folder_named(text, setting), settings.download_max_bytes, setting)
    return Website(WebAddress.parse(text, setting), _limits(settings), cache)


def _limits(settings: Settings) -> Limits:
    """The limits for downloading a release."""
    return Limits(
        silence=settings.download_timeout,
        seconds=settings.download_max_seconds,
        max_bytes=settings.download_max_bytes,
        unpacked_max_bytes=settings.bundle_max_bytes,
        retries=settings.download_retries,
    )

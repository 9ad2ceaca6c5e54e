"""Checks a download against the checksums in its HTTP headers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping

_MD5_ETAG = re.compile(r'"([0-9a-fA-F]{32})"')
_DIGEST_FIELDS = ("repr-digest", "content-digest", "digest")
_SHA256_MEMBER = re.compile(r"(?:^|,)\s*sha-256\s*=\s*:?([A-Za-z0-9+/=]+):?", re.IGNORECASE)
_OBJECT_FIELDS = ("x-amz-checksum-sha256", "x-amz-meta-sha256")


def contradiction(headers: Mapping[str, str], body: bytes) -> str | None:
    """The first header whose checksum does not match the body; None if all match.

    Header names are in lower case. `body` is what was sent, before any decoding. Unreadable checksums are ignored.
    """
    for name, algorithm, expected in _checksums(headers):
        if hashlib.new(algorithm, body, usedforsecurity=False).digest() != expected:
            return name
    return None


def _checksums(headers: Mapping[str, str]) -> Iterator[tuple[str, str, bytes]]:
    """(header, algorithm, digest) for each checksum of the body as it was sent."""
    for name in _DIGEST_FIELDS:
        found = _SHA256_MEMBER.search(headers.get(name, ""))
        if found and (digest := _sha256(found[1])):
            yield name, "sha256", digest
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return  # the other headers describe the stored object, which was sent in another encoding
    for name in _OBJECT_FIELDS:
        if digest := _sha256(headers.get(name, "")):
            yield name, "sha256", digest
    etag = _MD5_ETAG.fullmatch(headers.get("etag", "").strip())
    if etag and not _is_encrypted_with_own_key(headers):
        yield "etag", "md5", bytes.fromhex(etag[1])


def _sha256(text: str) -> bytes | None:
    """A SHA-256 digest from hexadecimal or base64; None for anything else, such as the checksum of a multipart upload."""
    text = text.strip()
    if re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text)
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return digest if len(digest) == hashlib.sha256().digest_size else None


def _is_encrypted_with_own_key(headers: Mapping[str, str]) -> bool:
    # In S3, the ETag of an object encrypted with SSE-KMS or SSE-C looks like an MD5 digest but is not one.
    return (
        headers.get("x-amz-server-side-encryption", "").startswith("aws:kms")
        or "x-amz-server-side-encryption-customer-algorithm" in headers
    )

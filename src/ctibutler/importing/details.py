"""Reads the details of objects: a JSON object that maps STIX ids to objects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from ctibutler.errors import MalformedFile

_raw_values = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_record = msgspec.json.Decoder(dict[str, object]).decode


def read_details(content: bytes, name: str) -> dict[str, bytes]:
    """The details by STIX id, as JSON without insignificant white space. `name` is the name of the file in messages.

    Raises MalformedFile, which states what is wrong and where: `cwe-details-v4_14.json: weakness--1…: expected an object`.
    """
    with _refused(name, "an object that maps STIX ids to details"):
        raws = _raw_values(content.removeprefix(b"\xef\xbb\xbf"))
    return {stix_id: _minified(bytes(raw), f"{name}: {stix_id[:100]}") for stix_id, raw in raws.items()}


def _minified(raw: bytes, where: str) -> bytes:
    with _refused(where, "an object"):
        _record(raw)
        return msgspec.json.format(raw, indent=-1)


@contextmanager
def _refused(where: str, expected: str) -> Iterator[None]:
    """Turn decoder errors into MalformedFile, with the place and what was expected there."""
    try:
        yield
    except msgspec.ValidationError:
        raise MalformedFile(f"{where}: expected {expected}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise MalformedFile(f"{where}: not JSON, or cut off: {str(failure)[:200]}") from None
    except RecursionError:
        raise MalformedFile(f"{where}: is nested too deeply") from None

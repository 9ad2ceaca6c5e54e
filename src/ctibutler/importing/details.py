"""Details of objects as they come: a JSON object of objects, by STIX id."""

from __future__ import annotations

import msgspec

from ctibutler.errors import MalformedFile

_raw_values = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_record = msgspec.json.Decoder(dict[str, object]).decode


def read_details(content: bytes, name: str) -> dict[str, bytes]:
    """The details by STIX id, each as its JSON without insignificant white space.

    `name` stands for the file in messages.

    Raises MalformedFile that says what is wrong and where: `cwe-details-v4_14.json: weakness--1…: expected an object`.
    """
    try:
        raws = _raw_values(content.removeprefix(b"\xef\xbb\xbf"))
    except msgspec.ValidationError:
        raise MalformedFile(f"{name}: expected an object with details by STIX id") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise MalformedFile(f"{name}: not JSON, or cut off: {str(failure)[:200]}") from None
    except RecursionError:
        raise MalformedFile(f"{name}: nests too deep") from None
    return {stix_id: _minified(bytes(raw), f"{name}: {stix_id[:100]}") for stix_id, raw in raws.items()}


def _minified(raw: bytes, where: str) -> bytes:
    try:
        _record(raw)
        return msgspec.json.format(raw, indent=-1)
    except msgspec.ValidationError:
        raise MalformedFile(f"{where}: expected an object") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise MalformedFile(f"{where}: not JSON: {str(failure)[:200]}") from None
    except RecursionError:
        raise MalformedFile(f"{where}: nests too deep") from None

"""What the installed pycti offers, and which platforms accept it.

A platform refuses a request that has a field it does not know. pycti added such fields over time, so a pycti that is
newer than the platform may not work with it. The features of a given pycti are read from its signatures.
"""

import inspect
import re
from importlib.metadata import version
from typing import Any

from pycti import OpenCTIApiClient

OLDEST_PLATFORM = "6.5.10"

# The pycti versions that were the first to send or read these fields when they register or open a work.
FIELDS = (
    ("6.5.7", ("listen_callback_uri",)),
    ("6.8.9", ("auto_update", "enrichment_resolution")),
    ("6.9.10", ("s3",)),
    ("7.260224.0", ("jwks",)),
    ("7.260422.0", ("isMultiPartWork",)),
    ("7.261008.0", ("version", "slug")),
)

_UNKNOWN = re.compile(
    r"""Field ["'](?P<field>\w+)["'] is not defined by type|Cannot query field ["'](?P<selected>\w+)["']"""
    r"""|Unknown (?:argument|type) ["'](?P<argument>\w+)["']"""
)


def installed_pycti() -> str:
    """The version of the installed pycti, such as `7.261026.0`."""
    return version("pycti")


def oldest_platform(pycti: str) -> str:
    """The oldest platform that knows all that this pycti sends."""
    fitting = (since for since, _ in FIELDS if _number(since) <= _number(pycti))
    return max((OLDEST_PLATFORM, *fitting), key=_number)


def supports_multipart(initiate_work: Any) -> bool:
    """Whether this pycti can open a work that stays open until it is closed."""
    return "is_multipart" in inspect.signature(initiate_work).parameters


def unknown_field(error: BaseException) -> str | None:
    """The field that the platform does not know, or None if the error is about something else."""
    # The message may be quoted once more, inside the text of another exception or of JSON.
    found = _UNKNOWN.search(str(error).replace("\\", ""))
    return found[found.lastgroup] if found and found.lastgroup else None


def explained(error: BaseException, client: OpenCTIApiClient) -> str | None:
    """What to say if an error comes from versions that do not fit. Asks the platform for its version."""
    if unknown_field(error) is None:
        return None
    return mismatch(error, platform_version(client))


def mismatch(error: BaseException, platform_version: str | None) -> str | None:
    """What to say if the platform refused pycti because the versions do not fit; None for any other error."""
    field = unknown_field(error)
    if field is None:
        return None
    platform = (
        f"OpenCTI {platform_version}" if platform_version else "This OpenCTI platform"
    )
    wanted = (
        f"pycti=={platform_version}"
        if platform_version
        else "the pycti that has the version of the platform"
    )
    return (
        f"{platform} does not know `{field}`, which pycti {installed_pycti()} sends. "
        f"The pycti is newer than the platform. Install {wanted}: pip install "
        f'"{wanted if platform_version else "pycti==<version of the platform>"}"'
    )


def platform_version(client: OpenCTIApiClient) -> str | None:
    """The version of the platform, or None if it does not say."""
    try:
        answer = client.query("query { about { version } }")
    except (
        Exception
    ):  # pycti raises whatever it meets, and the reason is not needed here
        return None
    return (((answer or {}).get("data") or {}).get("about") or {}).get("version")


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))

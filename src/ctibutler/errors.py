"""What can go wrong, in words for whoever asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal


class Problem(Exception):
    """Something we can explain to whoever asked.

    `str(problem)` is one sentence that says what and where. `details` holds further facts under their own names,
    such as one list of sentences per bad field.
    """

    def __init__(self, message: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.details: dict[str, object] = dict(details or {})


class NotFound(Problem):
    """No such knowledge base, release, object or job."""


class Hidden(NotFound):
    """An object that exists, but is revoked or deprecated, and the request leaves such objects out.

    `state` is the one that hides it in this release.
    """

    def __init__(self, object_id: str, release: str, state: Literal["revoked", "deprecated"]) -> None:
        super().__init__(f"object `{object_id}` exists in release {release} but is {state}")
        self.release = release
        self.state = state


class InvalidRequest(Problem):
    """A parameter or field that we cannot accept."""

    @classmethod
    def of(cls, field: str, *sentences: str) -> InvalidRequest:
        """One bad field and what is wrong with it."""
        return cls(f"{field}: {' '.join(sentences)}", {field: list(sentences)})

    @classmethod
    def of_fields(cls, fields: Mapping[str, Sequence[str]]) -> InvalidRequest:
        """Several bad fields at once."""
        text = "; ".join(f"{field}: {' '.join(sentences)}" for field, sentences in fields.items())
        return cls(text, {field: list(sentences) for field, sentences in fields.items()})


class Unauthorized(Problem):
    """No key, or a key that we do not know."""


class Forbidden(Problem):
    """A key without the right, or a page of another origin."""


class NotAllowed(Problem):
    """A change on a server that is set to read only."""


class Busy(Problem):
    """A job is writing what should be removed, or another process holds the same job."""


class MalformedFile(Problem):
    """The publisher's file is not what its format promises: its job fails."""


class SourceUnavailable(Problem):
    """A place that releases come from does not answer, or does not have what was asked."""


class StoreUnavailable(Problem):
    """The database cannot be reached or cannot be used."""

"""The errors that users see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal


class Problem(Exception):
    """An error with an explanation for the user.

    `str(problem)` is one sentence that says what is wrong and where. `details` holds further facts by name, such as a list
    of sentences for each invalid field.
    """

    def __init__(self, message: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.details: dict[str, object] = dict(details or {})


class NotFound(Problem):
    """There is no such knowledge base, release, object or job."""


class Hidden(NotFound):
    """An object that exists, but is revoked or deprecated, and the request leaves such objects out.

    `state` is the one that hides it in this release.
    """

    def __init__(self, object_id: str, release: str, state: Literal["revoked", "deprecated"]) -> None:
        super().__init__(f"object `{object_id}` exists in release {release} but is {state}")
        self.release = release
        self.state = state


class InvalidRequest(Problem):
    """A parameter or field is invalid."""

    @classmethod
    def of(cls, field: str, *sentences: str) -> InvalidRequest:
        """The error for one invalid field."""
        return cls.of_fields({field: sentences})

    @classmethod
    def of_fields(cls, fields: Mapping[str, Sequence[str]]) -> InvalidRequest:
        """The error for several invalid fields."""
        text = "; ".join(f"{field}: {' '.join(sentences)}" for field, sentences in fields.items())
        return cls(text, {field: list(sentences) for field, sentences in fields.items()})


class Unauthorized(Problem):
    """The API key is missing or unknown."""


class Forbidden(Problem):
    """The API key lacks the right, or the request comes from a page of another origin."""


class NotAllowed(Problem):
    """The server is configured as read-only."""


class Busy(Problem):
    """A job is writing what should be removed, or another process runs the same job."""


class MalformedFile(Problem):
    """A publisher's file does not have the expected format. The import fails."""


class UnreadableFile(Problem):
    """A file that somebody gave us is not what it seems to be, or breaks a limit."""


class TooMuch(UnreadableFile):
    """More than is accepted at once: bytes, items or files."""


class SourceUnavailable(Problem):
    """A source does not answer, or does not have the requested release."""


class Overloaded(Problem):
    """Too many questions that take long are being answered: this one was not begun, or not finished."""


class TooSlow(Problem):
    """The question took longer than any may take."""


class Abandoned(Problem):
    """Nobody waits for the answer any more."""


StoreTrouble = Literal["unreachable", "gone", "full", "read-only"]
"""What is wrong with a database: it cannot be reached or used, its file was deleted or replaced while we had it open, its
disk is full, or it can only be read."""


class StoreUnavailable(Problem):
    """The database cannot be reached or cannot be used."""

    def __init__(self, message: str, trouble: StoreTrouble = "unreachable") -> None:
        super().__init__(message)
        self.trouble: StoreTrouble = trouble


class StandbyLost(StoreUnavailable):
    """The standby failed in the middle of a read. The same read works on the primary."""

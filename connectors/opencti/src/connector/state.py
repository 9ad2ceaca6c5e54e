"""The state that the platform keeps for the connector. It goes with every ping, so it stays under 2 kB."""

from dataclasses import dataclass, field
from typing import Any, Protocol

FORMAT = 1


class StateReset(Exception):
    """The state was reset on the platform while a run was using it."""


class Helper(Protocol):
    """The part of pycti's helper that this module needs."""

    connector_id: str
    connector_info: Any
    api: Any
    connector_logger: Any

    def get_state(self) -> dict[str, Any] | None: ...
    def set_state(self, state: dict[str, Any] | None) -> None: ...


@dataclass(slots=True)
class Imported:
    """The release of a knowledge base that OpenCTI has."""

    version: str
    release: str | None
    """The start of the server's digest of the release; None if the server has none."""
    digest: str
    """Digest of the objects of the release, without cross-links and borrowed objects."""
    objects: int
    done: str
    links: str | None = None
    """Digest of how many cross-links the server had for the release; None where no other knowledge base is involved."""
    link_ends: str | None = None
    """Digest of the releases at the other ends of these links."""


@dataclass(frozen=True, slots=True)
class Open:
    """A run that has not finished, and where it continues."""

    kb: str
    version: str
    base: str | None
    sent: int
    list: str
    """Digest of the objects that `sent` counts."""
    work: str | None = None


@dataclass(slots=True)
class SyncState:
    """What the connector remembers."""

    config: str
    last_run: str | None = None
    kb: dict[str, Imported] = field(default_factory=dict)
    open: Open | None = None

    @classmethod
    def read(cls, raw: Any, config: str) -> "SyncState":
        """The state from the platform. A state that cannot be read, or comes from other settings, counts as empty.

        An unfinished run is always read, because its work must be closed.
        """
        state = cls(config)
        if not isinstance(raw, dict) or raw.get("v") != FORMAT:
            return state
        try:
            state.last_run = raw.get("last_run")
            state.open = Open(**raw["open"]) if raw.get("open") else None
            if raw.get("config") == config:
                state.kb = {
                    slug: Imported(**entry) for slug, entry in raw.get("kb", {}).items()
                }
        except TypeError:
            return cls(config)
        return state

    def write(self) -> dict[str, Any]:
        """The state as the platform stores it."""
        raw: dict[str, Any] = {
            "v": FORMAT,
            "last_run": self.last_run,
            "config": self.config,
        }
        raw["kb"] = {slug: _compact(entry) for slug, entry in self.kb.items()}
        if self.open:
            raw["open"] = _compact(self.open)
        return raw


class StateStore:
    """Reads and writes the state, and notices a reset.

    The helper's own `force_ping` writes the old state back after a reset, so this class pings by itself.
    """

    def __init__(self, helper: Helper) -> None:
        self._helper = helper
        self._written = False

    def read(self, config: str) -> SyncState:
        """The state at the start of a run."""
        self._written = False
        return SyncState.read(self._helper.get_state(), config)

    def write(self, state: SyncState) -> None:
        """Store the state on the platform. Raises StateReset if someone reset it in the meantime."""
        if self._written and self._helper.get_state() is None:
            self._forget()
            raise StateReset
        raw = state.write()
        self._helper.set_state(raw)
        self._written = True
        answer = self._ping(raw)
        if answer is not None and answer.get("connector_state") in (
            None,
            "",
            "null",
            "{}",
        ):
            self._forget()
            raise StateReset

    def _forget(self) -> None:
        self._helper.set_state(None)
        self._written = False
        self._ping(None)

    def _ping(self, raw: dict[str, Any] | None) -> dict[str, Any] | None:
        """The platform's answer, or None if the ping failed. The helper pings again soon."""
        try:
            details = self._helper.connector_info.all_details
            answer = self._helper.api.connector.ping(
                self._helper.connector_id, raw, details
            )
        except Exception as error:  # pycti raises whatever it meets
            self._helper.connector_logger.warning(
                "The ping failed", {"reason": str(error)}
            )
            return None
        return answer if isinstance(answer, dict) else None


def _compact(entry: Imported | Open) -> dict[str, Any]:
    names = type(entry).__slots__
    return {
        name: getattr(entry, name)
        for name in names
        if name not in ("links", "link_ends", "work") or getattr(entry, name)
    }

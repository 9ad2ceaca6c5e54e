"""What the connector remembers."""

import json
from typing import Any

import pytest
from connector.knowledge_bases import ALL
from connector.state import Imported, Open, StateReset, StateStore, SyncState

WORK = "work_0f8e4c1c-4a3e-4f2c-8d2b-0a1b2c3d4e5f_1795474915764459409"


def full_state() -> SyncState:
    state = SyncState("0123456789ab", "2026-01-01T00:00:00Z")
    for kb in ALL:
        links = (
            ("4f53cda1", "f52494fc") if kb.links or kb.borrows_from else (None, None)
        )
        state.kb[kb.slug] = Imported(
            "18.10",
            "0123456789ab",
            "0123456789ab",
            23968,
            "2026-01-01T00:00:00Z",
            *links,
        )
    state.open = Open("attack-enterprise", "18.10", "17.1", 20000, "01234567", WORK)
    return state


def test_the_state_of_everything_is_under_two_kilobytes() -> None:
    assert len(json.dumps(full_state().write())) < 2000


def test_the_state_is_read_as_it_was_written() -> None:
    state = full_state()
    assert (
        SyncState.read(json.loads(json.dumps(state.write())), "0123456789ab") == state
    )


def test_other_settings_mean_a_first_sync_that_still_knows_the_open_work() -> None:
    state = SyncState.read(full_state().write(), "another-one")
    assert state.kb == {}
    assert state.open is not None


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        [],
        "x",
        {"v": 2},
        {"v": 1, "config": "c", "kb": {"cwe": {"nonsense": 1}}},
    ],
)
def test_an_unreadable_state_counts_as_lost(raw: Any) -> None:
    assert SyncState.read(raw, "c") == SyncState("c")


class Helper:
    """The part of pycti's helper that keeps the state, and the platform behind it."""

    connector_id = "id"

    def __init__(self) -> None:
        self.local: str | None = None
        self.platform: str | None = None
        self.reset = False
        self.api = self.connector = self
        self.connector_info = type("Info", (), {"all_details": {}})()
        self.connector_logger = type(
            "Logger", (), {"warning": staticmethod(lambda *_: None)}
        )()

    def get_state(self) -> Any:
        return json.loads(self.local) if self.local else None

    def set_state(self, state: Any) -> None:
        self.local = json.dumps(state) if state else None

    def ping(self, connector_id: str, state: Any, info: Any) -> dict[str, Any]:
        if self.reset:
            self.reset, self.platform = False, ""
        else:
            self.platform = json.dumps(state)
        return {"id": connector_id, "connector_state": self.platform}


def test_the_platform_learns_the_state_at_once() -> None:
    helper = Helper()
    StateStore(helper).write(full_state())
    assert json.loads(helper.platform or "") == full_state().write()


def test_a_reset_is_not_written_over() -> None:
    helper = Helper()
    store = StateStore(helper)
    store.write(full_state())
    helper.reset = True
    with pytest.raises(StateReset):
        store.write(full_state())
    assert helper.get_state() is None
    assert helper.platform in ("", "null")


def test_a_reset_during_a_ping_of_the_helper_is_noticed_too() -> None:
    helper = Helper()
    store = StateStore(helper)
    store.write(full_state())
    helper.set_state(None)
    with pytest.raises(StateReset):
        store.write(full_state())
    assert helper.platform == "null"

"""What is remembered stays within its limit, and can be made once for all who wait."""

from __future__ import annotations

import threading

from ctibutler.catalog.kept import Kept


def test_what_was_asked_for_longest_ago_is_given_up_first() -> None:
    kept = Kept[str, str](6, len)
    made: list[str] = []

    def value(key: str) -> str:
        def make() -> str:
            made.append(key)
            return key

        return kept.get(key, make)

    for key in ("aaa", "bbb", "aaa", "ccc"):
        assert value(key) == key
    assert made == ["aaa", "bbb", "ccc"]
    assert kept.weight == 6
    assert (kept.find("aaa"), kept.find("bbb")) == ("aaa", None)


def test_the_newest_stays_even_if_it_alone_is_too_heavy() -> None:
    kept = Kept[str, str](1, len)
    assert kept.get("heavy", lambda: "heavy") == "heavy"
    assert kept.find("heavy") == "heavy"


def test_a_value_is_made_once_however_many_wait_for_it() -> None:
    kept = Kept[str, int](3, once=True)
    made = []
    begun, may_end = threading.Event(), threading.Event()

    def make() -> int:
        made.append(1)
        begun.set()
        assert may_end.wait(30)
        return 1

    threads = [threading.Thread(target=kept.get, args=("key", make)) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert begun.wait(30)
    may_end.set()
    for thread in threads:
        thread.join(30)
    assert made == [1]

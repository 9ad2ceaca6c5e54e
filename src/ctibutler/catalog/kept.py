"""What was asked for last, remembered up to a limit."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Remembers the values that were asked for last, until they weigh more than `most`. The newest stays even if it alone does.

    Without `weigh`, each value weighs one. With `once`, whoever asks waits while a value is made, so that none is made twice.
    """

    def __init__(self, most: int, weigh: Callable[[Value], int] = lambda _: 1, *, once: bool = False) -> None:
        self._most = most
        self._weigh = weigh
        self._once = once
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def weight(self) -> int:
        """What all values weigh."""
        return sum(map(self._weigh, self._values.values()))

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return the value of a key; one that is not remembered is made."""
        with self._lock:
            if key in self._values:
                return self._newest(key)
            if self._once:
                return self._added(key, make())
        made = make()
        with self._lock:
            return self._added(key, made)

    def find(self, key: Key) -> Value | None:
        """Return the value of a key, None if it is not remembered."""
        with self._lock:
            return self._newest(key) if key in self._values else None

    def _newest(self, key: Key) -> Value:
        self._values.move_to_end(key)
        return self._values[key]

    def _added(self, key: Key, value: Value) -> Value:
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > 1 and self.weight > self._most:
            self._values.popitem(last=False)
        return value

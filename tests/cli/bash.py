"""A bash on a terminal: a test types into it and reads the completed line after Tab."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_SECONDS = 60.0
_SHOW_LINE = "\x18\x0c"
# `bind -x` runs a command with the line in READLINE_LINE.
_START = r"""
bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; bind 'set completion-query-items 0'
bind -x '"\C-x\C-l": printf "\n<<%s>>\n" "$READLINE_LINE"'
eval "$(ctibutler completion bash)"; echo "<<ready>>"
"""


class Bash:
    """An interactive bash in which our commands are completed."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._shown()

    def completed(self, line: str) -> str:
        """Type a line, press Tab, and return the completed line."""
        os.write(self._terminal, f"{line}\t{_SHOW_LINE}".encode())
        completed = self._shown()
        os.write(self._terminal, b"\x05\x15")  # go to the end, and delete back to the beginning
        return completed

    def _shown(self) -> str:
        seen = b""
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            if select.select([self._terminal], [], [], 0.5)[0]:
                seen += os.read(self._terminal, 65536)
            found = re.search(rb"\n<<(.*)>>\r\n", seen)
            if found:
                return found[1].decode()
        raise AssertionError(f"bash showed no line: {seen!r}")


@contextmanager
def bash(environment: Mapping[str, str]) -> Iterator[Bash]:
    """A bash with these variables only, ended afterwards."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-i"],
        env={"TERM": "dumb", "INPUTRC": "/dev/null", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            os.write(ours, _START.encode())
            yield Bash(ours)
        finally:
            process.kill()
            process.wait()
            os.close(ours)

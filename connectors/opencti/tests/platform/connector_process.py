"""The connector as its own process."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from tests.platform.opencti import TOKEN, OpenCti

FOLDER = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Ended:
    """How a run ended."""

    code: int
    output: str
    seconds: float
    peak_memory: int
    """Bytes."""


@dataclass(slots=True)
class Connector:
    """One connector, with one id, against one platform and one server."""

    platform: OpenCti
    server_url: str
    settings: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")
        }
        return {
            **kept,
            "PYTHONDONTWRITEBYTECODE": "1",
            "OPENCTI_URL": self.platform.url,
            "OPENCTI_TOKEN": TOKEN,
            "CONNECTOR_ID": self.id,
            "CONNECTOR_LOG_LEVEL": "info",
            "CONNECTOR_RUN_AND_TERMINATE": "true",
            "CTIBUTLER_BASE_URL": self.server_url,
            "CTIBUTLER_TIMEOUT": "30",
            "CTIBUTLER_RETRIES": "2",
            **self.settings,
            **more,
        }

    def start(self, **more: str) -> "Running":
        process = subprocess.Popen(
            [sys.executable, "main.py"],
            cwd=FOLDER,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Running(process)

    def run(self, timeout: float = 300, **more: str) -> Ended:
        """Run to the end."""
        return self.start(**more).wait(timeout)


class Running:
    """A connector that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._began = time.monotonic()
        self._peak = 0
        threading.Thread(target=self._watch_memory, daemon=True).start()

    def wait(self, timeout: float = 300) -> Ended:
        try:
            output, _ = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            output, _ = self.process.communicate()
            raise AssertionError(
                f"the connector did not end within {timeout} s:\n{output[-4000:]}"
            ) from None
        return Ended(
            self.process.returncode, output, time.monotonic() - self._began, self._peak
        )

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.process.kill()

    def _watch_memory(self) -> None:
        """The kernel keeps the peak; it only has to be read before the process is gone."""
        status = Path(f"/proc/{self.process.pid}/status")
        while self.process.returncode is None:
            with contextlib.suppress(OSError):
                for line in status.read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        self._peak = int(line.split()[1]) * 1024
            time.sleep(0.05)

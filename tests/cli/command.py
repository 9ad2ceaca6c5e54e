"""Runs the command as a process of its own, the way a person does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctibutler

_SOURCE = Path(ctibutler.__file__).parents[1]


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Command:
    """The command with a data folder and a bucket of its own."""

    folder: Path
    bucket: str = ""

    def environment(self, **more: str) -> dict[str, str]:
        """Of its process: nothing that this machine's installation is set to."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CTIBUTLER_")}
        return {
            **kept,
            "PYTHONPATH": str(_SOURCE),
            "COLUMNS": "80",
            "CTIBUTLER_DATA_DIR": str(self.folder / "data"),
            "CTIBUTLER_BUCKET": self.bucket,
            **more,
        }

    def words(self, *arguments: object) -> list[str]:
        """The words of the command line."""
        return [sys.executable, "-m", "ctibutler.cli.main", *map(str, arguments)]

    def start(self, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        """Start it and do not wait."""
        return subprocess.Popen(
            self.words(*arguments),
            cwd=self.folder,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __call__(self, *arguments: object, **environment: str) -> Outcome:
        process = self.start(*arguments, **environment)
        stdout, stderr = process.communicate(timeout=120)
        assert "Traceback" not in stdout + stderr
        return Outcome(process.returncode, stdout, stderr)

    def done(self, *arguments: object, **environment: str) -> Outcome:
        """Run it and be sure that it did what it was asked to."""
        outcome = self(*arguments, **environment)
        assert outcome.code == 0, outcome.stderr
        return outcome

"""Run the command as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

import ctibutler
from ctibutler.cli.application import end_of
from ctibutler.knowledge_bases import HOSTED

_SOURCE = Path(ctibutler.__file__).parents[1]


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Its standard output, decoded from JSON."""
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Command:
    """The command with its own data folder and bucket. The database is in that folder unless another is given."""

    folder: Path
    bucket: str = ""
    database: str = ""

    def environment(self, **more: str) -> dict[str, str]:
        """The variables of its process: no settings of an installation on this machine."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CTIBUTLER_")}
        return {
            **kept,
            "PYTHONPATH": str(_SOURCE),
            "COLUMNS": "80",
            "CTIBUTLER_DATA_DIR": str(self.folder / "data"),
            "CTIBUTLER_BUCKET": self.bucket,
            **({"CTIBUTLER_DATABASE_URL": self.database} if self.database else {}),
            **more,
        }

    def words(self, *arguments: object) -> list[str]:
        """The words of the command line."""
        return [sys.executable, "-m", "ctibutler", *map(str, arguments)]

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
        """Run it. Commands that set up logs or signals get their own process; others run in this one, ten times as fast."""
        if arguments[:1] and arguments[0] in ("up", "serve", "worker", "install", "mirror"):
            process = self.start(*arguments, **environment)
            stdout, stderr = process.communicate(timeout=120)
            outcome = Outcome(process.returncode, stdout, stderr)
        else:
            outcome = self._here([str(argument) for argument in arguments], environment)
        assert "Traceback" not in outcome.stdout + outcome.stderr
        return outcome

    def _here(self, arguments: list[str], environment: dict[str, str]) -> Outcome:
        with pytest.MonkeyPatch.context() as patch:
            for name in os.environ.keys() - self.environment().keys():
                patch.delenv(name)
            for name, value in self.environment(**environment).items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            streams = {name: TextIOWrapper(BytesIO(), "utf-8", write_through=True) for name in ("stdout", "stderr")}
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            code = end_of(HOSTED, arguments)
            printed = [stream.buffer.getvalue().decode() for stream in streams.values()]
        return Outcome(code, *printed)

    def imported_by(self, *arguments: object) -> list[str]:
        """The modules that a run imports; third-party packages only by their top-level name."""
        words = self.words(*arguments)
        timings = subprocess.run(
            [words[0], "-X", "importtime", *words[1:]],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
        ).stderr
        names = [line.rpartition("|")[2].strip() for line in timings.splitlines() if line.startswith("import time:")]
        return [name if name.startswith("ctibutler") else name.partition(".")[0] for name in names]

    def done(self, *arguments: object, **environment: str) -> Outcome:
        """Run it and assert that it succeeds."""
        outcome = self(*arguments, **environment)
        assert outcome.code == 0, outcome.stderr
        return outcome

"""Where measurements work: the releases, a temporary folder, a catalogue with everything, and how often to repeat."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import zstandard

from benchmarks.processes import run

ROOT = Path(__file__).resolve().parents[2]
ENTERPRISE = "mitre-attack-enterprise-repo-data/enterprise-attack-{}.json.zst"


@dataclass(frozen=True)
class Workshop:
    """What all groups share. Nothing is made before a group asks for it."""

    bucket: Path
    folder: Path
    runs: int
    quick: bool

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment of all commands: without settings of whoever runs the benchmark.

        Python may keep the bytecode of what it imports, as it does by default. Otherwise only packages that pip has compiled
        would start quickly.
        """
        unwanted = ("CTIBUTLER_", "PYTHONDONTWRITEBYTECODE")
        own = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        return own | {"CTIBUTLER_BUCKET": str(self.bucket), "CTIBUTLER_READ_MAX_SECONDS": "600"}

    def data(self, name: str) -> dict[str, str]:
        """The environment of commands that work in this data folder."""
        return self.environment | {"CTIBUTLER_DATA_DIR": str(self.folder / name)}

    @cached_property
    def everything(self) -> dict[str, str]:
        """The environment of a catalogue with all releases. An earlier run with the same folder may have made it."""
        complete = self.folder / "everything" / "complete"
        if not complete.exists():
            slugs = sorted(self.knowledge_bases)
            run(
                [*ctibutler("install"), *(f"{slug}@all" for slug in slugs), "--source", "bucket"],
                self.data("everything"),
            )
            complete.touch()
        return self.data("everything")

    @property
    def knowledge_bases(self) -> list[str]:
        from ctibutler.knowledge_bases import HOSTED

        return [each.slug for each in HOSTED.all]

    @property
    def database(self) -> Path:
        return Path(self.everything["CTIBUTLER_DATA_DIR"]) / "ctibutler.sqlite"

    def enterprise(self, label: str) -> Path:
        """A release of ATT&CK Enterprise as a plain file, in a folder of its own, as diff_stix wants it."""
        return self.plain(ENTERPRISE.format(label.replace(".", "_")), f"enterprise-{label}/enterprise-attack.json")

    def plain(self, packed: str, name: str) -> Path:
        """A file of the bucket, unpacked under this name."""
        plain = self.folder / name
        if not plain.exists():
            plain.parent.mkdir(parents=True, exist_ok=True)
            with plain.open("wb") as out, (self.bucket / packed).open("rb") as source:
                zstandard.ZstdDecompressor().copy_stream(source, out)
        return plain


def ctibutler(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ctibutler", *arguments]

"""Bytes that an engine changes until they reach code that none reached before, where hypothesis only tries at random.

    python -m tests.fuzzing.guided bundle 60

runs one of TARGETS for this many seconds. It needs atheris, and ends with an error if a file is neither read nor refused with
a reason.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ctibutler"]):
    from ctibutler.errors import MalformedFile, UnreadableFile
    from ctibutler.knowledge_bases import HOSTED
    from ctibutler.migration.items import Reading
    from ctibutler.migration.recognising import KINDS, recognised
    from ctibutler.publishers.converters import CONVERTERS
    from ctibutler.publishers.converters.conversion import Edition
    from ctibutler.stix.bundles import read_bundle

from tests.faults.small import small_bundle_bytes
from tests.fuzzing.seeds import FILES, LAYER, RULE

_ENTERPRISE = HOSTED.named("attack-enterprise")


def _bundle(content: bytes) -> None:
    for stix_object in read_bundle(content, "fuzzed.json").objects:
        stix_object.properties()


def _file_of_ids(content: bytes) -> None:
    kind = recognised(content, _ENTERPRISE)
    KINDS[kind.name].read(content, Reading(_ENTERPRISE))


def _converter(name: str) -> Callable[[bytes], None]:
    def convert(content: bytes) -> None:
        CONVERTERS[name].convert(content, Edition(FILES[name][0]))

    return convert


TARGETS: Mapping[str, tuple[Callable[[bytes], None], bytes]] = {
    "bundle": (_bundle, small_bundle_bytes()),
    "layer": (_file_of_ids, LAYER),
    "rule": (_file_of_ids, RULE),
    **{name: (_converter(name), content) for name, (_, content) in FILES.items()},
}


def main() -> None:
    """Fuzz the named target."""
    name, seconds = sys.argv[1:]
    target, seed = TARGETS[name]

    def read_or_refuse(content: bytes) -> None:
        try:
            target(content)
        except (MalformedFile, UnreadableFile) as refused:
            assert str(refused)

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "seed").write_bytes(seed)
        options = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048", f"-artifact_prefix={folder}/"]
        atheris.Setup([sys.argv[0], *options, folder], read_or_refuse)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

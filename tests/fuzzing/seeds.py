"""Files that are changed until something is wrong with them."""

from __future__ import annotations

from pathlib import Path

from tests.publishers import atlas_files

_DATA = Path(__file__).parent.parent / "publishers" / "data"
# A converter, the release it is told to expect, and a file that it reads.
FILES = {
    "cwe-xml": ("4.14", (_DATA / "cwec_v4.14-excerpt.xml").read_bytes()),
    "d3fend-json": ("1.2.0", (_DATA / "d3fend-1.2.0-excerpt.json").read_bytes()),
    "iso-3166-csv": ("1.0", (_DATA / "iso-3166-excerpt.csv").read_bytes()),
    "opencti-sectors": ("1.0", (_DATA / "opencti-sectors-excerpt.json").read_bytes()),
    "atlas-yaml": ("2026.09", atlas_files.written(atlas_files.release())),
    "disarm-xlsx": ("1.6", (_DATA / "disarm-1.6-excerpt.xlsx").read_bytes()),
}
LAYER = b"""\
{"name": "a layer", "versions": {"attack": "18", "navigator": "5.1.0", "layer": "4.5"}, "domain": "enterprise-attack",
 "techniques": [{"techniqueID": "T1059.001", "tactic": "execution", "score": 3, "comment": "seen", "color": "#ff0000"},
                {"techniqueID": "T1086", "metadata": [{"name": "a", "value": "b"}], "enabled": false}]}
"""
RULE = b"""\
title: Something
tags:
    - attack.execution
    - 'attack.t1059.001' # why
detection:
    selection: {Image|endswith: '\\powershell.exe'}
    condition: selection
"""

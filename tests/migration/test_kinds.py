"""Each kind of file: its items are found, and all bytes beside them stay."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from ctibutler.errors import UnreadableFile
from ctibutler.migration.items import Reading
from ctibutler.migration.recognising import KINDS, recognised
from tests.migration.made_up import ENTERPRISE, migrated


def kind_of(content: str | bytes) -> str:
    return recognised(content.encode() if isinstance(content, str) else content, ENTERPRISE).name


SIGMA = """\ufeff# a rule\r
title: 'Something: else'   # T1086 is not touched here\r
tags:\r
    - attack.defense-evasion\r
    - "attack.T1562.001" # why\r
    - attack.t1086\r
    - attack.t1059.001\r
    - cve.2021-1234\r
    - attack.execution\r
detection:\r
    a: b\r
"""


def test_a_rule_keeps_everything_but_its_tags() -> None:
    after, items, _ = migrated(SIGMA)
    assert after.decode() == (
        SIGMA.replace("attack.defense-evasion", "attack.defense-impairment")
        .replace('"attack.T1562.001"', '"attack.T1685"')
        .replace("    - attack.t1086\r\n", "")
    )
    assert [item.written for item in items] == [
        "attack.defense-evasion",
        '"attack.T1562.001"',
        "attack.t1086",
        "attack.t1059.001",
        "attack.execution",
    ]
    assert str(items[1].place) == "line 5, column 7"


def tags_of(text: str) -> list[str]:
    return sorted(text.partition("[")[2].partition("]")[0].split(", "))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("[attack.t1055, attack.defense_evasion]", "[attack.t1055, attack.stealth]"),
        (
            "[attack.t1055, attack.t1562.001, attack.defense_evasion]",
            "[attack.t1055, attack.t1685, attack.defense_impairment, attack.stealth]",
        ),
        ("[attack.t1127, attack.defense-evasion]", "[attack.t1127, attack.execution, attack.stealth]"),
        ("[attack.t1550.001, attack.defense-evasion]", "[attack.t1550.001]"),
        ("[attack.defense-evasion]", "[attack.defense-evasion]"),
        ("[attack.t1064, attack.execution]", "[attack.t1064, attack.execution]"),
        ("[attack.t1086, attack.t1059.001]", "[attack.t1059.001]"),
    ],
)
def test_tactics_follow_the_techniques_of_their_rule(tags: str, expected: str) -> None:
    text = "title: a\ntags: {}\ndetection: {{}}\n"
    after, _, _ = migrated(text.format(tags))
    assert tags_of(after.decode()) == tags_of(text.format(expected))


def test_each_document_is_a_context_of_its_own() -> None:
    text = "title: a\ntags: [attack.t1055, attack.defense-evasion]\n---\ntitle: b\ntags: [attack.defense-evasion]\n"
    after, _, settled = migrated(text)
    assert after.decode() == text.replace("t1055, attack.defense-evasion", "t1055, attack.stealth")
    assert [one.outcome.handling for one in settled] == ["automatic", "automatic", "human"]


def test_a_layer_keeps_its_bytes_and_joins_what_meets() -> None:
    layer = """{
 "name": "Ünder", "versions": {"attack": "18", "navigator": "5.1.0", "layer": "4.5"}, "domain": "enterprise-attack",
 "own key": [1.50, {"a":null}],
 "techniques": [
  {"techniqueID": "T1086", "tactic": "execution", "score": 3, "comment": "old"},
  {"techniqueID": "T1059.001", "tactic": "execution", "score": 5, "comment": "new", "x": 1e3},
  {"techniqueID": "T1562.001", "tactic": "defense-evasion", "color": "#ff0000"},
  {"techniqueID": "T1055", "tactic": "defense-evasion"},
  {"techniqueID": "T1064", "score": 1},
  {"techniqueID": null},
  {"techniqueID": "T1059", "enabled": false}
 ],
 "gradient": {"colors": ["#fff", "#000"], "minValue": 0, "maxValue": 100}
}
"""
    after, items, _ = migrated(layer, combine="max")
    found = json.loads(after)
    assert found["versions"]["attack"] == "19"
    assert [(one["techniqueID"], one.get("tactic"), one.get("score")) for one in found["techniques"]] == [
        ("T1059.001", "execution", 5),
        ("T1685", "defense-impairment", None),
        ("T1055", "stealth", None),
        ("T1064", None, 1),
        (None, None, None),
        ("T1059", None, None),
    ]
    first = found["techniques"][0]
    assert first["comment"] == "old\nT1059.001: new"
    assert found["techniques"][3]["metadata"] == [
        {"name": "ctibutler", "value": "T1064: deprecated in 19.0, needs a human"}
    ]
    assert [str(item.place) for item in items][:2] == ["/techniques/0", "/techniques/1"]
    before, behind = layer.index('"own key"'), layer.index(' "gradient"')
    assert layer[before : layer.index('"techniques"')] in after.decode()
    assert after.decode().endswith(layer[behind:])
    without = json.loads(migrated(layer)[0])["techniques"][0]
    assert without["score"] == 3
    assert {"name": "ctibutler", "value": "T1059.001 had score 5"} in without["metadata"]


def test_a_layer_of_an_old_format_comes_out_as_the_newest() -> None:
    layer = '{"name": "a", "version": "2.1", "domain": "mitre-enterprise", "techniques": [{"techniqueID": "T1086"}]}'
    found = json.loads(migrated(layer)[0])
    assert found["versions"] == {"attack": "19", "navigator": "5.1.0", "layer": "4.5"}
    assert "version" not in found
    assert found["domain"] == "enterprise-attack"
    assert found["techniques"] == [{"techniqueID": "T1059.001"}]


ELASTIC = '''# kept
[metadata]
maturity = "production"

[rule]
name = "T1562.001 stays here"
query = """
[[rule.threat]]
id = "T1562.001"
"""
tags = [
    "OS: Linux",
    "Tactic: Defense Evasion", # why
    "Tactic: Execution",
]

[[rule.threat]]
framework = "MITRE ATT&CK"

[[rule.threat.technique]]
id = "T1055"
name = "Process Injection"
reference = "https://attack.mitre.org/techniques/T1055/"

[[rule.threat.technique]]
id = "T1562"
name = "Impair Defenses"
reference = "https://attack.mitre.org/techniques/T1562/"

[[rule.threat.technique.subtechnique]]
id = "T1562.001"
name = "Disable or Modify Tools"
reference = "https://attack.mitre.org/techniques/T1562/001/"

[rule.threat.tactic]
id = "TA0005"
name = "Defense Evasion"
reference = "https://attack.mitre.org/tactics/TA0005/"

[rule.last]
a = 1
'''


def test_the_threat_of_an_elastic_rule_becomes_one_for_each_tactic() -> None:
    after, items, _ = migrated(ELASTIC)
    start = ELASTIC.index("[[rule.threat]]\nframework")
    stealth = """[[rule.threat]]
framework = "MITRE ATT&CK"

[[rule.threat.technique]]
id = "T1055"
name = "Process Injection"
reference = "https://attack.mitre.org/techniques/T1055/"

[rule.threat.tactic]
id = "TA0005"
name = "Stealth"
reference = "https://attack.mitre.org/tactics/TA0005/"
"""
    impairment = """[[rule.threat]]
framework = "MITRE ATT&CK"

[[rule.threat.technique]]
id = "T1685"
name = "Disable or Modify Tools"
reference = "https://attack.mitre.org/techniques/T1685/"

[rule.threat.tactic]
id = "TA0112"
name = "Defense Impairment"
reference = "https://attack.mitre.org/tactics/TA0112/"
"""
    head = ELASTIC[:start].replace(
        '"Tactic: Defense Evasion", # why', '"Tactic: Stealth",\n    "Tactic: Defense Impairment", # why'
    )
    assert after.decode() == head + stealth + "\n" + impairment + "\n[rule.last]\na = 1\n"
    assert len(items) == 6


def test_a_technique_that_became_a_sub_technique_gets_the_one_above_it() -> None:
    text = (
        '[[rule.threat]]\nframework = "MITRE ATT&CK"\n\n[[rule.threat.technique]]\nid = "T1086"\nname = "PowerShell"\n'
    )
    text += 'reference = "https://attack.mitre.org/techniques/T1086/"\n'
    assert migrated(text)[0].decode() == (
        '[[rule.threat]]\nframework = "MITRE ATT&CK"\n\n'
        '[[rule.threat.technique]]\nid = "T1059"\nname = "Command and Scripting Interpreter"\n'
        'reference = "https://attack.mitre.org/techniques/T1059/"\n\n'
        '[[rule.threat.technique.subtechnique]]\nid = "T1059.001"\nname = "PowerShell"\n'
        'reference = "https://attack.mitre.org/techniques/T1059/001/"\n'
    )


def test_cells_keep_their_quotes_and_lines() -> None:
    table = '\ufeffname;technique_id\r\n"a ""b""";"T1086; T1059.001"\r\nc;T1562.001\r\n"d\r\ne";t1086\r\n;T1064\r\n'
    expected = (
        table.replace("T1086; T1059.001", "T1059.001").replace("T1562.001", "T1685").replace("t1086", "t1059.001")
    )
    after, _, _ = migrated(table)
    assert after.decode() == expected
    assert kind_of(table) == "csv"


def test_a_table_gets_columns_with_what_became_of_each_row() -> None:
    content = b"id,x\nT1086,1\nT1064,2\n"
    kind = KINDS["csv"]
    items = kind.read(content, Reading(ENTERPRISE))
    notes = {0: ("renumbered", "PowerShell", "It was."), 1: ("deprecated", "", "=1")}
    written = kind.write(content, Reading(ENTERPRISE, add_columns=True, notes=notes), items, {})
    assert written.content == (
        b"id,x,outcome,new_name,note\nT1086,1,renumbered,PowerShell,It was.\nT1064,2,deprecated,,'=1\n"
    )


def test_a_workbook_changes_in_its_cells_alone() -> None:
    raw = io.BytesIO()
    with xlsxwriter.Workbook(raw) as book:
        sheet, other = book.add_worksheet("Mapped"), book.add_worksheet("Other")
        bold = book.add_format({"bold": True})
        for row, cells in enumerate((("technique", "n"), ("T1086", 1), ("T1064", 2), ("T1562.001, T1055", 3))):
            sheet.write_row(row, 0, cells, bold)
        sheet.write_formula(4, 0, '="T1086"', None, "T1086")
        other.write(0, 0, "no ids")
    content = raw.getvalue()
    after, items, _ = migrated(content)
    assert [str(item.place) for item in items] == ["Mapped!A2", "Mapped!A3", "Mapped!A4", "Mapped!A4"]
    rows = CalamineWorkbook.from_filelike(io.BytesIO(after)).get_sheet_by_name("Mapped").to_python()
    assert [row[0] for row in rows] == ["technique", "T1059.001", "T1064", "T1685, T1055", "T1086"]
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(io.BytesIO(after)) as new:
        assert old.namelist() == new.namelist()
        differing = [name for name in old.namelist() if old.read(name) != new.read(name)]
        assert differing == ["xl/worksheets/sheet1.xml"]
        before, behind = (archive.read("xl/worksheets/sheet1.xml").decode() for archive in (old, new))
        assert before.count(' s="1"') == behind.count(' s="1"')
        assert '<f>"T1086"</f>' in behind


def test_lists_and_texts_change_at_their_ids_alone() -> None:
    assert migrated("t1086\r\n# T1086\r\n\r\nT1064\r\nT1059/001\r\n")[0] == (
        b"t1059.001\r\n# T1086\r\n\r\nT1064\r\nT1059/001\r\n"
    )
    text = (
        "Seen (T1086), AML.T1086, XT1086, T1086a; https://attack.mitre.org/techniques/T1562/001/ and\n"
        "https://attack.mitre.org/versions/v9/techniques/T1086/ and t1086;\n"
        'misp-galaxy:mitre-attack-pattern="Disable Tools - T1562.001", {\\"misp-galaxy:x=\\"a - T1086\\"}\n'
    )
    assert migrated(text)[0].decode() == (
        "Seen (T1059.001), AML.T1086, XT1086, T1086a; https://attack.mitre.org/techniques/T1685/ and\n"
        "https://attack.mitre.org/versions/v9/techniques/T1086/ and t1086;\n"
        'misp-galaxy:mitre-attack-pattern="Disable or Modify Tools - T1685", {\\"misp-galaxy:x=\\"PowerShell - T1059.001\\"}\n'
    )


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("T1059\nT1086\n", "list"),
        ("T1059, t1086", "list"),
        ("See T1059.", "text"),
        ("[T1059] in brackets", "text"),
        ("a\tb\nT1059\t1\nT1086\t2\n", "tsv"),
        ('{"type": "bundle", "objects": []}', "stix"),
        ("", "text"),
    ],
)
def test_a_file_is_recognised_by_its_content(content: str, kind: str) -> None:
    assert kind_of(content) == kind


def bomb() -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 50_000_000)
    return raw.getvalue()


DEEP = "[" * 10_000 + "]" * 10_000
LAUGHS = "tags: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"k{n}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfeT\x001\x00", "UTF-16"),
        (b"T1059\nT\xff", "line 2: not UTF-8"),
        (b"T1059\n\x00", "line 2, column 1: a NUL"),
        (DEEP, "nested more than 64 deep"),
        ('{"domain": "x", "versions": {}, "name": "a"}', "needs a list `techniques`"),
        ('{"domain": "x", "techniques": [{"techniqueID"', "line 1, column"),
        (LAUGHS, "aliases expand"),
        ("tags: [!!python/object/apply:os.system [x]]", "could construct an object"),
        ("tags: [attack.t1059]\n---\ntags: [a\n", "line "),
        ("tags: [a]\nx: " + "[" * 100 + "]" * 100, "nested more than 64 deep"),
        ('[[rule.threat]]\nframework = "MITRE', "not TOML"),
        ('a,b\nT1059,1\nT1086,2\nT1055,3\n"T1059,1\n', "line 5, column 1: a quote"),
        (bomb(), "bomb"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(content: str | bytes, said: str) -> None:
    raw = content.encode() if isinstance(content, str) else content
    with pytest.raises(UnreadableFile, match=said):
        recognised(raw, ENTERPRISE).read(raw, Reading(ENTERPRISE))

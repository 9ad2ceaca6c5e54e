"""The workbook of a release of ATT&CK has what the one of MITRE's `attackToExcel` has.

Both are made from the same file and read with python-calamine. What stays different:

* Ours also has objects that are revoked or deprecated, and says so in `status`. Theirs leaves them out, and with them their
  relationships and citations.
* Theirs shows a sub-technique as `Phishing: Spearphishing Link` in Enterprise; ours has the name and, in `parent`, the id.
* Theirs shows tactics by name, ours by short name, as the filters of lists and the bundle do.
* Descriptions keep their citations and links there. Here they are plain text, and `citations` has the names.
* Theirs writes days (`21 October 2025`), ours whole times.
* Theirs drops the first alias, which is the name of the object; ours keeps it.
* Theirs counts a citation once by name. Ours has a row for each address that publishers give under one name.
* Sub-techniques are in columns of their own there, and below their technique with their ids here. There is also a matrix for
  each platform, in a file of its own; here `platforms` filters techniques.
* What objects of one type are related to is also in files of each type there, the same rows as in `relationships`.
* Theirs joins sub-techniques to techniques in `sub-technique of` and leaves these relationships out; ours has both.
* `defensive mappings` there begin at a detection strategy, `detections` here at the technique that it detects.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from ctibutler.answers.library import Library
from ctibutler.answers.tables.release_sheets import release_sheets
from ctibutler.forms.workbook import release_as_workbook
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.catalogue import Catalogues, published
from tests.questions.peers import Peer

pytestmark = pytest.mark.real

Row = dict[str, str]
Sheets = dict[str, list[Row]]

RELEASES = [
    ("attack-ics", "18.1"),
    pytest.param(("attack-ics", "17.1"), marks=pytest.mark.slow),
    pytest.param(("attack-mobile", "18.1"), marks=pytest.mark.slow),
    pytest.param(("attack-enterprise", "18.1"), marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
]

SHEETS = {
    "techniques": "technique",
    "tactics": "tactic",
    "software": "software",
    "groups": "group",
    "campaigns": "campaign",
    "assets": "asset",
    "mitigations": "mitigation",
    "datacomponents": "data component",
    "analytics": "analytic",
    "detectionstrategies": "detection strategy",
}
"""Their sheets of objects, and ours. `datasources`, before ATT&CK 18, has two kinds of ours."""


@dataclass(frozen=True)
class Compared:
    """One of their columns, ours, and what each says in a form in which they are equal."""

    theirs: str
    ours: str
    of_theirs: Callable[[str], object] = str
    of_ours: Callable[[str], object] = str


def split(text: str, by: str) -> list[str]:
    return sorted(text.split(by)) if text else []


def commas(text: str) -> str:
    """A list that is joined by commas, in any order: names hold commas too, so its letters stand for it."""
    return "".join(sorted(text.replace("; ", ", ")))


def day(text: str) -> str:
    return datetime.strptime(f"{text} +0000", "%d %B %Y %z").date().isoformat() if text else ""


def words(text: str) -> list[str]:
    """The words of a description, without citations, links, tags and marks of code."""
    text = re.sub(r"\(Citation:(?:[^()]|\([^()]*\))*\)", "", text)
    text = re.sub(r"\[([^\[\]]*)\]\((?:[^()\s]|\([^()]*\))*\)", r"\1", text)
    text = re.sub(r"<br\s*/?>", " ", text)
    # Publishers forget blanks: "<code>null</code>instead" is one word on their pages too.
    text = text.replace("`", "")
    text = re.sub(r"</?(?:code|li|ul|ol|p|b|i|em|strong|a|pre|sup|sub|u|blockquote)(?:\s[^<>]*)?>", "", text)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&nbsp;", " "), ("&amp;", "&")):
        text = text.replace(entity, character)
    return re.findall(r"\w+", text)


def cited(text: str) -> set[str]:
    return {name.strip() for name in re.findall(r"\(Citation: (.*?)\)", text)}


def in_order(text: str) -> str:
    return text.replace("; ", ", ")


COMMON = (
    Compared("ID", "id"),
    Compared("url", "url"),
    Compared("created", "created", day, lambda text: text[:10]),
    Compared("last modified", "modified", day, lambda text: text[:10]),
    Compared("domain", "domains", lambda text: split(text, ","), lambda text: split(text, "; ")),
    Compared("version", "version"),
    Compared("contributors", "contributors", lambda text: split(text, "; "), lambda text: split(text, "; ")),
    Compared("description", "description", words, words),
)
FURTHER = (
    Compared("platforms", "platforms", commas, commas),
    Compared("collection layers", "collection_layers", commas, commas),
    Compared("detection", "detection"),
    Compared("data sources", "data_sources", commas, commas),
    Compared("type", "type"),
    Compared("sectors", "sectors", commas, commas),
    Compared("analytic_refs", "analytic_refs"),
    Compared("impact type", "impact_types", commas, commas),
    Compared("supports remote", "remote_support", str.lower),
    Compared("permissions required", "permissions_required", commas, commas),
    Compared("effective permissions", "effective_permissions", commas, commas),
    Compared("system requirements", "system_requirements", commas, commas),
    Compared("defenses bypassed", "defenses_bypassed", commas, commas),
    Compared("CAPEC ID", "capec_ids", commas, commas),
    Compared("MTC ID", "mtc_ids", str, lambda text: text.split("; ")[0]),
    Compared("tactic type", "tactic_types", commas, commas),
    Compared("first seen", "first_seen", day, lambda text: text[:10]),
    Compared("last seen", "last_seen", day, lambda text: text[:10]),
    Compared("first seen citation", "first_seen_citation"),
    Compared("last seen citation", "last_seen_citation"),
    Compared("sub-technique of", "parent"),
)
OTHERWISE = {
    "STIX ID", "name", "tactics", "is sub-technique", "aliases", "associated groups", "associated groups citations",
    "associated campaigns", "associated campaigns citations", "related assets", "related assets sectors",
    "related assets description", "relationship citations",
}  # fmt: skip
"""Columns that tests of their own compare."""


@dataclass(frozen=True)
class Books:
    """The sheets of both workbooks of a release, and its objects by id."""

    slug: str
    label: str
    theirs: Sheets
    ours: Sheets
    objects: dict[str, plain.Stix]

    def theirs_of_objects(self) -> Iterable[tuple[str, Row, Row]]:
        """Their sheet, each of its rows, and ours of the same object."""
        for name, rows in self.theirs.items():
            sheets = [SHEETS[name]] if name in SHEETS else ["data source", "data component"]
            if name in SHEETS or name == "datasources":
                known = {row["stix_id"]: row for sheet in sheets for row in self.ours[sheet]}
                for row in rows:
                    yield name, row, known[row["STIX ID"]]

    def live(self, *types: str) -> set[str]:
        """The ids of the live objects of these types."""
        return {name for name, stix in self.objects.items() if stix["type"] in types and plain.live(stix)}


def sheets_of(path: Path) -> Sheets:
    book = CalamineWorkbook.from_path(path)
    sheets = {}
    for name in book.sheet_names:
        first, *rows = [[str(cell) for cell in row] for row in book.get_sheet_by_name(name).to_python()]
        headings = [heading or f"below {first[place - 1]}" for place, heading in enumerate(first)]
        sheets[name] = [dict(zip(headings, row, strict=False)) for row in rows]
    return sheets


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[str, str]], Books]:
    folder = tmp_path_factory.mktemp("books")

    @lru_cache
    def books(release: tuple[str, str]) -> Books:
        slug, label = release
        ours = folder / f"{slug}-{label}.xlsx"
        with Catalogues("sqlite", folder) as catalogues:
            library = Library(catalogues.with_releases(f"{slug}@{label}"), HOSTED)
            ours.write_bytes(b"".join(release_as_workbook(release_sheets(library, HOSTED.named(slug), label))))
        theirs = exported(Peer(slug, label, folder), folder)
        objects = {stix["id"]: stix for stix in published(slug, label)}
        return Books(slug, label, sheets_of(theirs), sheets_of(ours), objects)

    return books


def exported(peer: Peer, folder: Path) -> Path:
    """The one file in which their export has everything."""
    from mitreattack.attackToExcel import attackToExcel

    domain = f"{HOSTED.named(peer.slug).matrix}-attack"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attackToExcel.export(domain, f"v{peer.label}", output_dir=str(folder), stix_file=str(peer.path))
    return folder / f"{domain}-v{peer.label}" / f"{domain}-v{peer.label}.xlsx"


@pytest.fixture(params=RELEASES, ids="@".join)
def books(request: pytest.FixtureRequest, made: Callable[[tuple[str, str]], Books]) -> Books:
    return made(request.param)


def test_each_of_their_rows_is_one_of_ours(books: Books) -> None:
    found = {row["STIX ID"] for _, row, _ in books.theirs_of_objects()}
    types = {"attack-pattern", "x-mitre-tactic", "malware", "tool", "intrusion-set", "campaign", "course-of-action",
             "x-mitre-asset", "x-mitre-data-component", "x-mitre-analytic", "x-mitre-detection-strategy"}  # fmt: skip
    before = {"x-mitre-data-source"} if books.label < "18" else set()
    assert found == books.live(*types, *before)
    live = {row["stix_id"] for rows in books.ours.values() for row in rows if row.get("status") == "live"}
    assert found <= live


def test_each_of_their_columns_is_one_of_ours(books: Books) -> None:
    compared = {pair.theirs: pair for pair in (*COMMON, *FURTHER)}
    told = set()
    for name, theirs, ours in books.theirs_of_objects():
        for heading, value in theirs.items():
            if heading in OTHERWISE or (name == "datasources" and heading == "type"):
                continue
            pair = compared[heading]
            if name == "datasources" and pair.ours not in ours:
                assert value == "", "of the other kind"
                continue
            assert pair.of_theirs(value) == pair.of_ours(ours[pair.ours]), (name, theirs["ID"], heading)
            if value:
                told.add(heading)
    assert {pair.theirs for pair in COMMON} <= told


def test_names_tactics_and_parents_are_the_same(books: Books) -> None:
    shortnames = {
        stix["name"]: stix["x_mitre_shortname"] for stix in books.objects.values() if stix["type"] == "x-mitre-tactic"
    }
    by_id = {row["id"]: row for row in books.ours["technique"] if row["status"] == "live"}
    sources = {row["stix_id"]: row["name"] for row in books.ours.get("data source", ())}
    for name, theirs, ours in books.theirs_of_objects():
        shown = ours["name"]
        if name == "techniques":
            named = [shortnames[tactic] for tactic in theirs["tactics"].split(", ")]
            assert sorted(named) == split(ours["tactics"], "; ")
            if "is sub-technique" in theirs:
                assert (ours["kind"] == "Sub-technique") == (theirs["is sub-technique"] == "True")
                shown = f"{by_id[ours['parent']]['name']}: {shown}" if ours["parent"] else shown
        if name == "datasources" and ours.get("data_source_ref"):
            shown = f"{sources[ours['data_source_ref']]}: {shown}"
        assert theirs["name"] == shown


def test_aliases_are_the_same_and_who_says_them(books: Books) -> None:
    told = 0
    for name, theirs, ours in books.theirs_of_objects():
        for heading in ("aliases", "associated groups", "associated campaigns"):
            if not theirs.get(heading):
                continue
            first, *others = (
                books.objects[ours["stix_id"]].get("aliases") or books.objects[ours["stix_id"]]["x_mitre_aliases"]
            )
            assert theirs[heading] == ", ".join(sorted(others))
            assert ours["aliases"] == "; ".join(dict.fromkeys((first, *others)))
            told += 1
        said = theirs.get(f"associated {name} citations", "")
        if said:
            shown = [item.partition(": ")[2] for item in re.split(r"; (?=[^:;]+: )", ours["alias_citations"])]
            assert cited(said) == {name for item in shown for name in cited(item)}
    assert told


def test_related_assets_are_the_same(books: Books) -> None:
    related = [pair for name, *pair in books.theirs_of_objects() if name == "assets"]
    for theirs, ours in related:
        if not theirs["related assets"]:
            continue
        for name in theirs["related assets"].split("; "):
            assert name.strip() in ours["related_assets"]
        for said in ("related assets sectors", "related assets description"):
            assert set(words(theirs[said])) <= set(words(ours["related_assets"]))
    assert bool(related) == (books.slug == "attack-ics")


def test_relationships_are_the_same_and_say_the_same(books: Books) -> None:
    ours = {row["stix_id"]: row for row in books.ours["relationships"]}
    columns = {
        "source ID": "source_id", "source name": "source_name", "source ref": "source_ref", "target ID": "target_id",
        "target name": "target_name", "target ref": "target_ref", "mapping type": "relationship_type",
    }  # fmt: skip
    found = set()
    for theirs in books.theirs["relationships"]:
        row = ours[theirs["STIX ID"]]
        found.add(theirs["STIX ID"])
        assert {name: theirs[name] for name in columns} == {name: row[other] for name, other in columns.items()}
        for end in ("source", "target"):
            kind = theirs[f"{end} type"]
            assert row[f"{end}_kind"].lower().replace(" ", "").replace("sub-technique", "technique") == kind
        assert words(theirs["mapping description"]) == words(row["description"])
        assert (day(theirs["created"]), day(theirs["last modified"])) == (row["created"][:10], row["modified"][:10])
    assert found == {
        sro["id"]
        for sro in books.objects.values()
        if sro["type"] == "relationship"
        and sro["relationship_type"] != "subtechnique-of"
        and plain.live(sro)
        and {sro["source_ref"], sro["target_ref"]} <= {name for name, stix in books.objects.items() if plain.live(stix)}
    }
    assert found < ours.keys()


def test_what_relationships_of_an_object_cite_can_be_read(books: Books) -> None:
    """Theirs has a column of it; ours names them beside each relationship. A few texts cite what they have no reference to."""
    by_end: dict[str, set[str]] = {}
    for row in books.ours["relationships"]:
        for end in (row["source_ref"], row["target_ref"]):
            by_end.setdefault(end, set()).update(name.strip() for name in row["citations"].split("; "))
    without_reference = {
        name
        for stix in books.objects.values()
        for name in cited(stix.get("description", ""))
        if name not in {str(one.get("source_name")).strip() for one in stix.get("external_references", [])}
    }
    told = set()
    for name, theirs, ours in books.theirs_of_objects():
        if name == "techniques":
            names = cited(theirs["relationship citations"])
            told |= names
            known = by_end.get(ours["stix_id"], set())
            # Some names hold a semicolon.
            missing = {one for one in names - known - without_reference if not set(one.split("; ")) <= known}
            assert not missing, ours["id"]
    assert told


def test_citations_are_the_same(books: Books) -> None:
    ours: dict[str, set[tuple[str, str]]] = {}
    for row in books.ours["citations"]:
        ours.setdefault(row["name"], set()).add((row["citation"], row["url"]))
    assert books.theirs["citations"]
    for row in books.theirs["citations"]:
        given = texts_of(books, row["reference"])
        assert row["url"] in {url for _, url in ours[row["reference"]]}
        assert {row["citation"], *(text for text, _ in ours[row["reference"]])} <= given


@lru_cache(maxsize=2)
def _texts(books_of: str) -> dict[str, set[str]]:
    slug, label = books_of.split("@")
    found: dict[str, set[str]] = {}
    for stix in published(slug, label):
        for one in stix.get("external_references", []):
            found.setdefault(one.get("source_name", ""), set()).add(one.get("description", ""))
    return found


def texts_of(books: Books, name: str) -> set[str]:
    """All texts that the release gives under the name of a citation."""
    return _texts(f"{books.slug}@{books.label}")[name]


def test_the_matrix_has_the_same_techniques_under_each_tactic(books: Books) -> None:
    headings: dict[str, set[str]] = {}
    [sheet] = [rows for name, rows in books.theirs.items() if name.endswith("matrix")]
    for heading in sheet[0]:
        under = headings.setdefault(heading.removeprefix("below "), set())
        under.update(row[heading] for row in sheet if row[heading])
    ours = {
        heading.partition(" ")[2]: {row[heading].partition(" ")[2] for row in books.ours["matrix"] if row[heading]}
        for heading in books.ours["matrix"][0]
    }
    assert list(headings) == list(ours)
    assert headings == ours


def test_defensive_mappings_are_in_the_detections(books: Books) -> None:
    """Those of strategies that detect a live technique, by live analytics and components."""
    columns = {
        "detection_strategy_attack_id": "detection_strategy_id", "detection_strategy_name": "detection_strategy",
        "analytic_name": "analytic_id", "log_source_name": "log_source", "channel": "channel",
        "data_component_name": "data_component", "data_component_attack_id": "data_component_id",
    }  # fmt: skip
    if books.label < "18":
        assert "defensive mappings" not in books.theirs
        return
    theirs = {
        (*(row[name] for name in columns), commas(row["platforms"]))
        for row in books.theirs["defensive mappings"]
        if plain.live(books.objects.get(row["data_component_id"], {"revoked": True}))
    }
    ours = {(*(row[name] for name in columns.values()), commas(row["platforms"])) for row in books.ours["detections"]}
    assert ours == theirs != set()

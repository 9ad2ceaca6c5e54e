"""YAML of publishers: what is read, and what is refused as harmful."""

from __future__ import annotations

import pytest
import yaml

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters import yaml_files
from ctibutler.publishers.converters.yaml_files import YamlList, YamlMap, read_yaml


def refused(content: bytes | str) -> str:
    with pytest.raises(MalformedFile) as problem:
        read_yaml(content.encode() if isinstance(content, str) else content, "some.yaml")
    return str(problem.value)


def test_scalars_are_read_as_the_text_in_the_file() -> None:
    read = read_yaml(b"- 2026.10\n- '2026.10'\n- 2026-09-15\n- yes\n- 012\n- |\n  two\n  lines\n", "some.yaml")
    assert read == ["2026.10", "2026.10", "2026-09-15", "yes", "012", "two\nlines\n"]


def test_only_an_unquoted_null_is_none() -> None:
    assert read_yaml(b"a: null\nb: 'null'\nc: ~\nd:\ne: ''\n", "some.yaml") == {
        "a": None,
        "b": "null",
        "c": None,
        "d": None,
        "e": "",
    }


def test_maps_and_lists_know_their_lines() -> None:
    read = read_yaml(b"# first\na:\n  b: 1\n  c:\n  - x\n  - y: [1,\n    2]\n", "some.yaml")
    assert isinstance(read, YamlMap)
    assert read.lines == {"a": 2}
    inner = read["a"]
    assert isinstance(inner, YamlMap)
    assert inner.lines == {"b": 3, "c": 4}
    items = inner["c"]
    assert isinstance(items, YamlList)
    assert items.lines == [5, 6]
    assert items[1] == {"y": ["1", "2"]}


def test_pyyaml_reads_the_same_texts() -> None:
    text = """
matrix: {id: ATLAS-matrix, references: []}
techniques:
  AML.T0051:
    description: 'An adversary may
      craft prompts.


      It''s quoted.'
    platforms: [Generative AI, "Agentic \\"AI\\""]
    long: >-
      folded
      text
"""
    assert read_yaml(text.encode(), "some.yaml") == yaml.load(text, Loader=yaml.BaseLoader)


def test_an_empty_file_is_read_as_none() -> None:
    assert read_yaml(b"", "some.yaml") is None
    assert read_yaml(b"# a remark\n", "some.yaml") is None


def test_a_byte_order_mark_is_ignored() -> None:
    assert read_yaml(b"\xef\xbb\xbfa: 1\n", "some.yaml") == {"a": "1"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a: 1\nb: !!python/object/apply:os.system [id]\n", "line 2: the tag tag:yaml.org,2002:python/object/apply:os"),
        ("a: !!str 1\n", "line 1: the tag tag:yaml.org,2002:str: tags are not allowed"),
        ("a: &x [1]\nb: *x\n", "line 2: the alias *x: aliases are not allowed"),
        ("a: &x\n  b: *x\n", "line 2: the alias *x: aliases are not allowed"),
        ("a: 1\nb: 2\na: 3\n", "line 3: the key `a` is already on line 1"),
        ("a: 1\n---\nb: 2\n", "line 2: expected one document, found a second one"),
        ("? [a]\n: b\n", "line 1: a list is the key of a map; expected a text"),
        ("a: [1,\n", "line 2: not YAML: did not find expected node content"),
        ("a: 1\n\tb: 2\n", "line 2: not YAML: found a tab character"),
        ("<!DOCTYPE html>\n<html></html>", "expected YAML, found a web page"),
        ("\n  <html></html>", "expected YAML, found a web page"),
        ("v6/ATLAS-2026.09.yaml", "a symbolic link to v6/ATLAS-2026.09.yaml, sent as text"),
        ("ATLAS-2026.09.yaml\n", "a symbolic link to ATLAS-2026.09.yaml, sent as text"),
        (b"a: \xff\n", "not UTF-8 at byte 3"),
        (b"a: \x00\n", "not YAML"),
    ],
)
def test_anything_but_plain_yaml_is_refused_with_its_line(content: bytes | str, sentence: str) -> None:
    assert refused(content).startswith(f"some.yaml: {sentence}")


def test_nesting_is_limited() -> None:
    deepest = "[" * yaml_files.MAX_DEPTH + "]" * yaml_files.MAX_DEPTH
    assert read_yaml(deepest.encode(), "some.yaml") is not None
    assert refused(f"[{deepest}]") == f"some.yaml: line 1: nested more than {yaml_files.MAX_DEPTH} levels deep"


@pytest.mark.parametrize("deep", ["[" * 1_000_000, "{a: " * 1_000_000, "- " * 1_000_000, "? " * 100_000])
def test_a_file_of_nothing_but_nesting_is_refused(deep: str) -> None:
    assert refused(deep)


def test_an_alias_bomb_is_refused() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert "line 2: the alias *a0" in refused("\n".join(levels))


def test_the_size_of_a_file_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_files, "MAX_BYTES", 1000)
    assert read_yaml(b"a: " + b"x" * 997, "some.yaml") is not None
    assert refused(b"a: " + b"x" * 998) == "some.yaml: 1,001 bytes exceed the limit of 1,000"


def test_the_pure_python_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"a: [1, '2']\nb: {c: null}\n"
    fast = read_yaml(text, "some.yaml")
    monkeypatch.setattr(yaml_files, "_LOADER", yaml.BaseLoader)
    assert read_yaml(text, "some.yaml") == fast
    assert "line 2: the alias *x" in refused("a: &x 1\nb: *x\n")

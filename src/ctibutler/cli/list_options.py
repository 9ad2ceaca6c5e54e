"""The options of `list`, from what a knowledge base declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import Completer, option
from ctibutler.cli.options import (
    SEVERAL,
    ClosureOption,
    ColumnsOption,
    FormatOption,
    JsonOption,
    OutputOption,
    PageOption,
    PageSizeOption,
    ReleaseOption,
)
from ctibutler.knowledge_bases.declaration import Filter, KnowledgeBase


@dataclass(frozen=True)
class ListOption:
    """An option of a `list` command: the name of its argument, its annotated type, its default."""

    name: str
    annotation: object
    default: object = None


def options_of(kb: KnowledgeBase) -> list[ListOption]:
    """The options of its command, in the order of the help."""
    # Where a filter says what the knowledge base itself calls a type (`location_type`), `--type` means that one.
    own_type = next((item for item in kb.filters if item.parameter == f"{kb.slug}_type"), None)
    return [
        ListOption("external_ids", _ids(kb)),
        ListOption("name", _text("--name", sentence="Filter by a part of the name.")),
        ListOption(
            "text", _text("--text", sentence="Filter by words in the name or description, in any of their forms.")
        ),
        ListOption("description", _text("--description", sentence="Filter by a part of the description.")),
        *([ListOption("types", _types(kb))] if own_type is None and len(kb.listed_types) > 1 else []),
        *([ListOption("tactics", _TACTICS)] if kb.has_tactics else []),
        *(ListOption(item.parameter, _filter(item, also_type=item is own_type)) for item in kb.filters),
        ListOption("created_min", _moment("created")),
        ListOption("modified_min", _moment("modified")),
        ListOption("release", ReleaseOption),
        ListOption("include_revoked", _switch("revoked"), not kb.hides_dead),
        ListOption("include_deprecated", _switch("deprecated"), not kb.hides_dead),
        ListOption("sort", _sort(kb), kb.default_sort),
        ListOption("page", PageOption, 1),
        ListOption("page_size", PageSizeOption),
        ListOption("form", FormatOption),
        ListOption("file", OutputOption),
        ListOption("columns", ColumnsOption),
        ListOption("closure", ClosureOption),
        ListOption("as_json", JsonOption, False),
    ]


def _ids(kb: KnowledgeBase) -> object:
    sentence = f"Filter by id, such as {' or '.join(kb.examples[:2])}, or by STIX id."
    return _texts("--id", metavar="ID", sentence=sentence, complete=candidates.object_id)


def _types(kb: KnowledgeBase) -> object:
    forms = [word.word for word in kb.type_words]
    named = ", ".join(forms or kb.listed_types)
    sentence = f"Filter by type: {named}{', or a STIX type' if forms else ''}."
    complete = candidates.words(*forms, *kb.listed_types)
    return _texts("--type", metavar="TYPE", sentence=sentence, complete=complete)


def _moment(word: str) -> object:
    return Annotated[
        str | None,
        option(f"--{word}-min", metavar="DATE", help=f"Only what was {word} on this day or later, such as 2024-09-12."),
    ]


_TACTICS = Annotated[
    list[str] | None,
    option("--tactic", metavar="TACTIC", help=f"Filter techniques by tactic: an id, a short name or a name. {SEVERAL}"),
]


def _sort(kb: KnowledgeBase) -> object:
    offered = [f"{key}_{direction}" for key in kb.sort_keys for direction in ("ascending", "descending")]
    sentence = "Sort by this key, in this direction. The keys are listed below."
    return Annotated[str, option("--sort", metavar="KEY_DIRECTION", help=sentence, complete=candidates.words(*offered))]


def _filter(item: Filter, *, also_type: bool) -> object:
    names = ["--" + item.parameter.replace("_", "-"), *(["--type"] if also_type else [])]
    sentence = f"Filter by {item.description}."
    return (
        _texts(*names, metavar="VALUE", sentence=sentence) if item.kind == "exact" else _text(*names, sentence=sentence)
    )


def _text(*names: str, sentence: str) -> object:
    return Annotated[str | None, option(*names, metavar="TEXT", help=sentence)]


def _texts(*names: str, metavar: str, sentence: str, complete: Completer | None = None) -> object:
    return Annotated[
        list[str] | None,
        option(
            *names,
            metavar=metavar,
            help=f"{sentence} {SEVERAL}",
            complete=complete and candidates.several(complete),
        ),
    ]


def _switch(state: str) -> object:
    return Annotated[bool, option(f"--include-{state}/--no-include-{state}", help=f"Include {state} objects.")]

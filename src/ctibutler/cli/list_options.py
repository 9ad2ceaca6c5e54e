"""The options of `list`, from what a knowledge base declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import Completer, option
from ctibutler.cli.options import JsonOption, PageOption, PageSizeOption, ReleaseOption
from ctibutler.knowledge_bases.declaration import Filter, KnowledgeBase


@dataclass(frozen=True)
class ListOption:
    """An option of a `list` command: the name of its argument, its annotated type, its default."""

    name: str
    annotation: object
    default: object = None


def options_of(kb: KnowledgeBase) -> list[ListOption]:
    """The options of its command, in the order of the help."""
    forms = [word.word for word in kb.type_words]
    types = [*forms, *kb.listed_types]
    declared = {item.parameter: item for item in kb.filters}
    # Where a filter says what the knowledge base itself calls a type (`location_type`), `--type` means that one.
    own_type = declared.get(f"{kb.slug}_type")
    options = [
        ListOption(
            "external_ids",
            _texts(
                "--id",
                sentence=f"Ids such as {', '.join(kb.examples[:2])}, or STIX ids.",
                complete=candidates.object_id,
            ),
        ),
        ListOption("name", _text("--name", sentence="Part of the name.")),
        ListOption("text", _text("--text", sentence="Words of the name or the description, in any form.")),
        ListOption("description", _text("--description", sentence="Part of the description.")),
    ]
    if own_type is None and len(types) > 1:
        later = "" if kb.left_out_types is None else "; also one that a later release brings"
        sentence = f"Types: {', '.join(types)}{later}."
        options.append(ListOption("types", _texts("--type", sentence=sentence, complete=candidates.words(*types))))
    options += [ListOption(item.parameter, _filter_option(item, also_type=item is own_type)) for item in kb.filters]
    options += [
        ListOption("release", ReleaseOption),
        ListOption("include_revoked", _switch("revoked"), not kb.hides_dead),
        ListOption("include_deprecated", _switch("deprecated"), not kb.hides_dead),
        ListOption(
            "sort",
            Annotated[
                str,
                option(
                    "--sort",
                    metavar="KEY_DIRECTION",
                    help="What to sort by; the keys are below.",
                    complete=candidates.words(*_sort_words(kb)),
                ),
            ],
            kb.default_sort,
        ),
        ListOption("page", PageOption, 1),
        ListOption("page_size", PageSizeOption),
        ListOption("as_json", JsonOption, False),
    ]
    return options


def _sort_words(kb: KnowledgeBase) -> list[str]:
    return [f"{key}_{direction}" for key in kb.sort_keys for direction in ("ascending", "descending")]


def _filter_option(item: Filter, *, also_type: bool) -> object:
    names = ["--" + item.parameter.replace("_", "-"), *(["--type"] if also_type else [])]
    sentence = item.description[:1].upper() + item.description[1:] + "."
    return _texts(*names, sentence=sentence) if item.kind == "exact" else _text(*names, sentence=sentence)


def _text(*names: str, sentence: str) -> object:
    return Annotated[str | None, option(*names, metavar="TEXT", help=sentence)]


def _texts(*names: str, sentence: str, complete: Completer | None = None) -> object:
    return Annotated[
        list[str] | None,
        option(
            *names,
            metavar="WORD",
            help=f"{sentence} Several with commas.",
            complete=complete and candidates.several(complete),
        ),
    ]


def _switch(state: str) -> object:
    return Annotated[
        bool, option(f"--include-{state}/--no-include-{state}", help=f"Whether {state} objects are listed.")
    ]

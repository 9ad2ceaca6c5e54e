"""The command `list`: one for each knowledge base, with the filters that it declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from typing import Any

import click

from ctibutler.answers.pages import Sort
from ctibutler.cli.declaring import declared, example_lines, help_alone
from ctibutler.cli.list_options import options_of
from ctibutler.cli.near_misses import hint
from ctibutler.cli.options import words
from ctibutler.cli.session import session_of
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases.declaration import Filter, KnowledgeBase


class _Lists(click.Group):
    """One command for each knowledge base, under each of its names; made when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, aliases included."""
        return [name for kb in session_of(ctx).knowledge_bases.all for name in kb.names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name or alias, in any case."""
        try:
            kb = session_of(ctx).knowledge_bases.named(cmd_name)
        except NotFound:
            return None
        return _command(kb, hidden=cmd_name != kb.slug)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names.

        Raises InvalidRequest if that is no knowledge base, naming those that are called alike.
        """
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as unknown:
            session_of(ctx).knowledge_base(unknown.command_name)
            raise


def _command(kb: KnowledgeBase, *, hidden: bool) -> click.Command:
    return declared(
        _function(kb),
        f"ctibutler list {kb.slug} --id {kb.examples[0]}",
        help_text=f"List the objects of {kb.title}.",
        remark=f"Sort keys, to be followed by _ascending or _descending: {', '.join(kb.sort_keys)}.",
        hidden=hidden,
    )


def _function(kb: KnowledgeBase) -> Callable[..., None]:
    """What lists the objects of a knowledge base. Its options are declared one by one: each knowledge base has its own."""
    options = options_of(kb)

    def command(context: click.Context, **given: Any) -> None:
        _list(context, kb, given)

    context_parameter = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=click.Context)
    keyword_parameters = [
        Parameter(option.name, Parameter.KEYWORD_ONLY, default=option.default, annotation=option.annotation)
        for option in options
    ]
    command.__signature__ = Signature([context_parameter, *keyword_parameters])  # type: ignore[attr-defined]
    command.__annotations__ = {"context": click.Context, **{option.name: option.annotation for option in options}}
    return command


def _list(context: click.Context, kb: KnowledgeBase, given: Mapping[str, Any]) -> None:
    from ctibutler.answers.objects import ObjectQuery, list_objects
    from ctibutler.answers.releases import listed_types
    from ctibutler.answers.tables.object_tables import list_table
    from ctibutler.cli.finding import read_ids, refuse_absent
    from ctibutler.cli.output.objects import write_objects
    from ctibutler.cli.output.table_files import destination
    from ctibutler.forms.json_form import page_as_json

    session = session_of(context)
    with session.library() as library:
        stix_types, type_words = _types(kb, words(given.get("types")), listed_types(library, kb))
        query = ObjectQuery(
            release=given["release"],
            page=session.page(given["page"], given["page_size"]),
            sort=_sort(kb, given["sort"]),
            include_revoked=given["include_revoked"],
            include_deprecated=given["include_deprecated"],
            external_ids=read_ids(library, kb, words(given["external_ids"]), given["release"]),
            name=given["name"] or None,
            text=given["text"] or None,
            description=given["description"] or None,
            types=stix_types,
            type_words=type_words,
            tactics=words(given.get("tactics")),
            created_min=_moment("created", given["created_min"]),
            modified_min=_moment("modified", given["modified_min"]),
            filters={item.parameter: value for item in kb.filters if (value := _filter_value(item, given)) is not None},
        )
        refuse_absent(library, [kb], given["release"])
        to = destination(given["form"], given["file"], as_json=given["as_json"], closure=given["closure"])
        if to.form is not None:
            to.write_table(list_table(library, kb, query, words(given["columns"])))
            return
        page = list_objects(library, kb, query)
    if to.is_json:
        to.write_json(page_as_json(page, "objects"))
    else:
        write_objects(session.knowledge_bases, page, kb)


def _types(kb: KnowledgeBase, asked: list[str] | None, listed: list[str]) -> tuple[list[str] | None, list[str] | None]:
    """The STIX types and the named forms among the types that were asked for: one kind or the other."""
    if asked is None:
        return None, None
    forms = {word.word.casefold() for word in kb.type_words}
    wrong = [item for item in asked if item.casefold() not in forms and item.casefold() not in listed]
    if wrong:
        with_words = {stix_type for word in kb.type_words for stix_type in word.types}
        known = [*(word.word for word in kb.type_words), *(name for name in listed if name not in with_words)]
        raise InvalidRequest(f"--type: {kb.slug} has no type `{wrong[0]}`; {hint(wrong[0], known)}")
    named = [item for item in asked if item.casefold() in forms]
    if not named:
        return [item.casefold() for item in asked], None
    if len(named) < len(asked):
        raise InvalidRequest("--type: use words such as Technique or STIX types, not both")
    return None, named


def _sort(kb: KnowledgeBase, text: str) -> Sort:
    key, _, direction = text.strip().rpartition("_")
    if key not in kb.sort_keys or direction not in ("ascending", "descending"):
        if text in kb.sort_keys:
            raise InvalidRequest(f"--sort: `{text}` needs a direction: {text}_ascending or {text}_descending")
        keys = ", ".join(kb.sort_keys)
        raise InvalidRequest(f"--sort: `{text}` is not one of {keys}, followed by _ascending or _descending")
    return Sort(key, direction == "descending")


def _moment(word: str, text: str | None) -> int | None:
    """A day or time in microseconds.

    Raises InvalidRequest.
    """
    from ctibutler.stix.times import microseconds, moment_of

    try:
        return microseconds(moment_of(text.strip())) if text else None
    except (ValueError, OverflowError):
        raise InvalidRequest(f"--{word}-min: `{text}` is neither a day such as 2024-09-12 nor a time") from None


def _filter_value(item: Filter, given: Mapping[str, Any]) -> list[str] | str | None:
    value = given[item.parameter]
    return words(value) if item.kind == "exact" else value or None


command = _Lists(
    callback=help_alone,
    help="List and filter the objects of a knowledge base.",
    epilog=example_lines(
        "ctibutler list cwe --name injection",
        "ctibutler list attack-enterprise --type Group --alias bear",
        "ctibutler list location --alpha2-code DE,FR --json",
        "ctibutler list cwe --help",
    ),
    invoke_without_command=True,
)

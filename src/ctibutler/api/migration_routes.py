"""The routes of one knowledge base that bring ids and files from one release to another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
from starlette.responses import Response

from ctibutler.answers.pages import cut
from ctibutler.api import responses
from ctibutler.api.question_routes import MOST_IDS_IN_URL
from ctibutler.errors import InvalidRequest
from ctibutler.forms.table_forms import TABLE_FORMS
from ctibutler.http import form_data
from ctibutler.http.bodies import Field, read_body, read_fields
from ctibutler.http.parameters import Parameter, page_parameters
from ctibutler.http.requests import Request
from ctibutler.http.responses import attachment
from ctibutler.http.routing import Endpoint
from ctibutler.knowledge_bases.attack import APT29
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration.between import pairs_of
from ctibutler.migration.decisions import read_decisions
from ctibutler.migration.files import ACCEPT, InputFile, Migration, Options
from ctibutler.migration.kinds.layer_entries import COMBINE
from ctibutler.migration.limits import Limits
from ctibutler.migration.migrating import migrate, migrate_ids
from ctibutler.migration.packing import ZIP, plain_name, zip_of
from ctibutler.migration.recognising import KINDS
from ctibutler.migration.review import SHEETS, ReviewRow, report_facts, review_rows, review_table
from ctibutler.settings import Settings

_REVIEWS = ("json", *SHEETS)
_SHEETS = tuple(TABLE_FORMS[name].media_type for name in SHEETS)


def endpoints(kb: KnowledgeBase, settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoints of this knowledge base that migrate."""
    parameters = (*page_parameters(settings.default_page_size, settings.max_page_size), *_parameters(kb))
    ids = Field("ids", "ids", "The ids to migrate.", example=[(kb.example or APT29).id])
    yield Endpoint(
        "POST",
        "migrate/",
        _of_body,
        f"Bring ids or files to another release of {kb.title}",
        "MigrationReport",
        (*parameters, *_file_parameters()),
        fields=(ids,),
        largest_file=Limits.of(settings).body,
        files=(*_SHEETS, *dict.fromkeys(kind.media_type for kind in KINDS.values()), ZIP),
        fails=(404,),
        description="""
        Takes a JSON list of ids; a file as the body, with its own media type; or several files as `multipart/form-data` under
        `file`, and a filled-in review under `decisions`. Returns what became of every item, why, and what to use in the new
        release: items that need a human first. `answer=file` returns the migrated file instead, `answer=both` a zip with
        all files and the review. Changes nothing here.
        """,
    )
    yield Endpoint(
        "GET",
        "migrate/",
        _of_url,
        f"Bring ids to another release of {kb.title}",
        "MigrationReport",
        (
            Parameter(
                "ids",
                "csv",
                "Ids to migrate.",
                required=True,
                most_items=MOST_IDS_IN_URL,
                example=(kb.example or APT29).id,
            ),
            *parameters,
        ),
        cached=True,
        files=_SHEETS,
        fails=(404,),
        description="Returns what became of each id, why, and what to use in the new release: as `POST`, for a few ids.",
    )


def _parameters(kb: KnowledgeBase) -> tuple[Parameter, ...]:
    label = kb.example.release if kb.example else "latest"
    return (
        Parameter(
            "from", "text", "The installed release that the ids are of. Default: guessed from them.", example=label
        ),
        Parameter("to", "text", "The installed release to bring them to. Default: the latest.", example=label),
        Parameter("handling", "csv", "Show only items with this handling.", example="human,look"),
        Parameter("outcome", "csv", "Show only items with this outcome.", example="merged,split"),
        Parameter("accept", "csv", "Take such candidates without a human.", allowed=ACCEPT, example="named"),
        Parameter("refresh", "flag", "Replace what is revoked even if `from` and `to` are the same.", default=False),
        Parameter("review", "choice", "Form of the report. Forms other than `json` are not paged.", allowed=_REVIEWS),
    )


def _file_parameters() -> tuple[Parameter, ...]:
    return (
        Parameter("answer", "choice", "What to return.", allowed=("report", "file", "both"), default="report"),
        Parameter("format", "choice", "Kind of the files. Default: recognised by content.", allowed=tuple(KINDS)),
        Parameter("filename", "text", "Name of a file that is the body.", example="layer.json"),
        Parameter("column", "text", "The column of a table that holds the ids.", example="technique_id"),
        Parameter("combine", "choice", "How scores that meet in a layer become one.", allowed=COMBINE),
        Parameter("add_columns", "flag", "Add columns with outcome, name and reason to CSV and TSV.", default=False),
    )


def _options(request: Request) -> Options:
    values = request.values
    is_file = values.has("answer")
    return Options(
        source=values.text("from"),
        target=values.text("to"),
        accept=tuple(values.csv("accept") or ()),
        refresh=values.flag("refresh"),
        combine=values.text("combine") if is_file else None,
        column=values.text("column") if is_file else None,
        form=values.text("format") if is_file else None,
        add_columns=is_file and values.flag("add_columns"),
    )


def _of_url(request: Request) -> Response:
    ids = request.values.csv("ids") or []
    pairs = pairs_of(request.library, request.kb, request.values.csv("accept") or ())
    limits = Limits.of(request.settings)
    return _report(request, migrate_ids(request.library, request.kb, ids, _options(request), pairs, limits))


def _of_body(request: Request) -> Response:
    media_type = request.headers.get("content-type", "")
    kind = media_type.partition(";")[0].strip().lower()
    options, files = _options(request), list[InputFile]()
    pairs, limits = pairs_of(request.library, request.kb, options.accept), Limits.of(request.settings)
    if kind == form_data.MEDIA_TYPE:
        for part in form_data.read_parts(request.content, media_type):
            if part.name == "decisions":
                options = replace(options, decisions=read_decisions(part.content, part.file_name or "decisions"))
            elif part.name == "file":
                files.append(InputFile(plain_name(part.file_name or ""), part.content))
    elif kind == "application/json" and (ids := _ids(request.content)) is not None:
        migration = migrate_ids(request.library, request.kb, ids, options, pairs, limits)
        return _report(request, migration)
    elif request.content:
        files.append(InputFile(plain_name(request.values.text("filename") or ""), request.content))
    if not files:
        raise InvalidRequest.of("file", "Send a file as the body, files as form data, or a JSON object with `ids`.")
    limits.refuse_files(files)
    migration = migrate(request.library, request.kb, files, options, pairs, limits)
    migration.refuse_broken()
    answer = request.values.choice("answer")
    if answer == "report":
        return _report(request, migration)
    if answer == "file" and len(files) > 1:
        raise InvalidRequest.of("answer", "Several files come back with `both`.")
    return _one_file(request, migration) if answer == "file" else _everything(request, migration)


def _ids(content: bytes) -> list[str] | None:
    """The ids in a JSON body; None if it is a file: a layer, a bundle, or a list."""
    try:
        keys = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return None
    if "ids" not in keys or "techniques" in keys or "objects" in keys:
        return None
    body = read_body(content, "application/json")
    return read_fields((Field("ids", "ids", "", required=True),), body).ids("ids")


def _shown(request: Request, migration: Migration) -> list[ReviewRow]:
    handling, outcome = request.values.csv("handling"), request.values.csv("outcome")
    return [
        row
        for row in review_rows(migration)
        if (handling is None or row.handling in handling) and (outcome is None or row.outcome in outcome)
    ]


def _report(request: Request, migration: Migration) -> Response:
    rows = _shown(request, migration)
    form = TABLE_FORMS.get(request.values.text("review") or "")
    if form is None:
        facts = {
            field.encode_name: getattr(report_facts(migration), field.name)
            for field in msgspec.structs.fields(type(report_facts(migration)))
        }
        return responses.page(request, cut(rows, request.values.page()), "items", facts)
    table = review_table(migration, rows)
    content = b"".join(form.written(table).chunks)
    return Response(content, headers=attachment(table.name + form.extension), media_type=form.content_type)


def _counted(migration: Migration) -> dict[str, str]:
    handling = report_facts(migration).counts.handling
    return {"X-Items-Human": str(handling["human"]), "X-Items-Look": str(handling["look"])}


def _one_file(request: Request, migration: Migration) -> Response:
    [file] = migration.files
    headers = {**attachment(file.name or "migrated"), **_counted(migration)}
    return Response(file.after, headers=headers, media_type=file.media_type)


def _everything(request: Request, migration: Migration) -> Response:
    content = zip_of(migration, request.values.text("review") or "")
    return Response(content, headers={**attachment("migrated.zip"), **_counted(migration)}, media_type=ZIP)

"""The migration desk: ids and files, brought to another release. Nothing that is sent is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from ctibutler.answers import releases
from ctibutler.errors import InvalidRequest, Problem
from ctibutler.http import form_data
from ctibutler.http.exceptions import sentence_of, status_of
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.http.responses import attachment
from ctibutler.http.routing import Endpoint
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration.between import pairs_of
from ctibutler.migration.choosing import knowledge_base_of
from ctibutler.migration.decisions import read_decisions
from ctibutler.migration.files import InputFile, Migration, Options
from ctibutler.migration.kinds.layer_entries import COMBINE
from ctibutler.migration.limits import Limits
from ctibutler.migration.migrating import migrate, migrate_ids
from ctibutler.migration.packing import ZIP, plain_name, review_as, zip_of
from ctibutler.migration.review import SHEETS, ReportFacts, ReviewRow, report_facts, review_rows
from ctibutler.pages import addresses
from ctibutler.pages.headers import PAGE_HEADERS
from ctibutler.pages.templating import Frame, page
from ctibutler.settings import Settings

ADDRESS: Final = "/desk"
MOST_IDS: Final = 100
MOST_ROWS: Final = 500
_REVIEWS: Final = (*SHEETS, "json")


@dataclass(frozen=True)
class Asked:
    """What the form holds. `text` is what was pasted; it travels back inside the form."""

    kb: str = ""
    source: str = ""
    target: str = ""
    combine: str = ""
    give: str = "table"
    text: str = ""
    files: tuple[InputFile, ...] = ()
    decisions: tuple[str, bytes] | None = None

    @property
    def options(self) -> Options:
        """How to migrate.

        Raises InvalidRequest, UnreadableFile.
        """
        decided = () if self.decisions is None else read_decisions(self.decisions[1], self.decisions[0])
        return Options(
            source=self.source or None, target=self.target or None, combine=self.combine or None, decisions=decided
        )


@dataclass(frozen=True)
class Group:
    """The items of one handling: those that are shown, and how many there are."""

    handling: str
    rows: Sequence[ReviewRow]
    total: int


def endpoints(settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoints. Both only read."""
    taken = (
        Parameter("ids", "csv", f"Ids to migrate, at most {MOST_IDS}."),
        Parameter("kb", "text", "Their knowledge base."),
        Parameter("from", "text", "Their release."),
        Parameter("to", "text", "The release to bring them to."),
    )
    yield Endpoint("GET", "desk/", _of_address, "", "", taken, media_type="text/html")
    yield Endpoint("POST", "desk/", _of_form, "", "", media_type="text/html", largest_file=Limits.of(settings).body)


def _of_address(request: Request) -> Response:
    values = request.values
    ids = values.csv("ids") or []
    asked = Asked(values.text("kb") or "", values.text("from") or "", values.text("to") or "", text="\n".join(ids))
    if not ids:
        return _shown(request, asked)
    if len(ids) > MOST_IDS:
        return _refused(
            request, asked, InvalidRequest(f"an address has room for {MOST_IDS} ids; paste more into the form")
        )
    return _answer(request, asked, ids)


def _of_form(request: Request) -> Response:
    asked = Asked()
    try:
        asked = _read(request)
        if not asked.files:
            raise InvalidRequest("paste ids or a text, or choose a file")
        Limits.of(request.settings).refuse_files(asked.files)
    except Problem as problem:
        return _refused(request, asked, problem)
    return _answer(request, asked)


def _read(request: Request) -> Asked:
    """What somebody sent with the form.

    Raises InvalidRequest.
    """
    media_type = request.headers.get("content-type", "")
    if media_type.partition(";")[0].strip().lower() != form_data.MEDIA_TYPE:
        raise InvalidRequest("send the form of this page")
    fields: dict[str, str] = {}
    files: list[InputFile] = []
    decisions = None
    for part in form_data.read_parts(request.content, media_type):
        if part.name == "file" and part.file_name:
            files.append(InputFile(plain_name(part.file_name), part.content))
        elif part.name == "decisions" and part.file_name:
            decisions = (plain_name(part.file_name), part.content)
        else:
            fields[part.name] = part.content.decode("utf-8", "replace")
    # Browsers send the lines of a text area with CRLF, whatever was pasted.
    text = fields.get("text", "").replace("\r\n", "\n")
    if text.strip() and not files:
        files.append(InputFile("", text.encode()))
    words = {name: fields.get(name, "").strip()[:100] for name in ("kb", "from", "to", "combine", "give")}
    return Asked(
        words["kb"],
        words["from"],
        words["to"],
        words["combine"],
        words["give"] or "table",
        text,
        tuple(files),
        decisions,
    )


def _answer(request: Request, asked: Asked, ids: Sequence[str] = ()) -> Response:
    try:
        kb, migration = _migrated(request, asked, ids)
    except Problem as problem:
        return _refused(request, asked, problem)
    if asked.give == "table" or not migration.files:
        return _shown(request, asked, kb, migration)
    if asked.give == "file" and len(migration.files) == 1:
        [file] = migration.files
        return _download(file.after, file.name or "migrated.txt", file.media_type)
    if asked.give in _REVIEWS:
        review = review_as(migration, asked.give)
        return _download(review.content, f"review{review.extension}", review.media_type)
    return _download(zip_of(migration, "csv"), "migrated.zip", ZIP)


def _migrated(request: Request, asked: Asked, ids: Sequence[str]) -> tuple[KnowledgeBase, Migration]:
    library, limits, options = request.library, Limits.of(request.settings), asked.options
    files = asked.files or (InputFile("", "\n".join(ids).encode()),)
    if asked.kb:
        kb = library.knowledge_bases.named(asked.kb)
    else:
        hosted = {it.slug for it in releases.knowledge_base_list(library) if it.latest}
        kb = knowledge_base_of(
            library, [one for one in library.knowledge_bases.all if one.slug in hosted], files, options
        )
    pairs = pairs_of(library, kb, options.accept)
    if ids:
        return kb, migrate_ids(library, kb, ids, options, pairs, limits)
    migration = migrate(library, kb, files, options, pairs, limits)
    migration.refuse_broken()
    return kb, migration


def _refused(request: Request, asked: Asked, problem: Problem) -> Response:
    status = status_of(problem)
    if status >= 500:
        raise problem
    return _shown(request, asked, problem=sentence_of(problem), status=status)


def _shown(
    request: Request,
    asked: Asked,
    kb: KnowledgeBase | None = None,
    migration: Migration | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    facts, groups = (None, []) if migration is None else (report_facts(migration), list(_groups(migration)))
    hosted = [it for it in releases.knowledge_base_list(request.library) if it.latest]
    response = page(
        "desk.html",
        Frame("Migration desk", ADDRESS, active="desk", scripts=("desk.js",)),
        status,
        asked=asked,
        hosted=[(request.library.knowledge_bases.named(it.slug), it) for it in hosted],
        kb=kb,
        facts=facts,
        groups=groups,
        problem=problem,
        combine=COMBINE,
        reviews=_REVIEWS,
        limits=Limits.of(request.settings),
        links=_Links(
            kb, facts, {} if migration is None else {file.name: file.source.version for file in migration.files}
        ),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _groups(migration: Migration) -> Iterator[Group]:
    rows = review_rows(migration)
    for handling in ("human", "look", "automatic"):
        own = [row for row in rows if row.handling == handling]
        yield Group(handling, own[:MOST_ROWS], len(own))


@dataclass(frozen=True)
class _Links:
    """Where the rows lead."""

    kb: KnowledgeBase | None
    facts: ReportFacts | None
    sources: Mapping[str, str]

    def old(self, row: ReviewRow) -> str:
        """The object in the old release; empty if there is none."""
        return self._object(row.old_id, self.sources.get(row.file, ""))

    def new(self, object_id: str | None) -> str:
        """An object in the new release; empty if it is none, or several."""
        return self._object(object_id, self.facts.target if self.facts is not None else "")

    def diff(self, row: ReviewRow) -> str:
        """How the object differs from the new one; empty where nothing can be compared."""
        if self.kb is None or self.facts is None or not row.old_id or not row.new_id or " " in row.new_id:
            return ""
        query = {"from": self.sources.get(row.file, "")}
        return addresses.of_object(self.kb.slug, self.facts.target, row.old_id, "diff", **query)

    def _object(self, object_id: str | None, label: str) -> str:
        if self.kb is None or not object_id or " " in object_id or not addresses.can_be_read(object_id):
            return ""
        return addresses.of_object(self.kb.slug, label, object_id)


def _download(content: bytes, name: str, media_type: str) -> Response:
    headers = {**PAGE_HEADERS, **attachment(name), "Cache-Control": "no-store"}
    return Response(content, headers=headers, media_type=media_type)

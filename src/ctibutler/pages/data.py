"""The page of releases and jobs, and what can be changed there."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UnsetType
from starlette.responses import Response

from ctibutler.answers import jobs, monitoring, releases
from ctibutler.answers.jobs import JobQuery
from ctibutler.answers.pages import PageRequest
from ctibutler.errors import InvalidRequest
from ctibutler.forms.jobs import Job, JobProgress, job_form
from ctibutler.http.bodies import read_form
from ctibutler.http.forwarding import answer_at
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.pages import addresses
from ctibutler.pages.sign_ins import check_token, form_token, may_change
from ctibutler.pages.templating import Frame, other_form, page, redirect
from ctibutler.requesting import InstallRequest, request_install
from ctibutler.stix.times import rfc3339

_JOBS = 20
_ENDED_SHOWN = 4
# In the order in which they are shown.
_OPEN = ("processing", "interrupted", "pending")
# What is counted at each stage of a job. Where a stage is not named here, objects are.
_COUNTED = {"store": "rows", "derive": "relationships", "link": "links"}
_MEGABYTE = 1_000_000
_MOST_OFFERED = 6
LARGEST_FORM = 64 * 1024


@dataclass(frozen=True)
class JobRow:
    """A job as it is shown: what it does, since when, how far it is, and the address of what it brought.

    `state` is that of the job, or `interrupted` while it waits for another worker because its own is gone. `change` compares
    what it brought with the release before, `before`.
    """

    id: str
    what: str
    state: str
    since: str
    ended: str
    told: str
    done: int
    total: int | None
    errors: Sequence[str]
    leads_to: str
    change: str
    before: str
    kb: str
    again: str
    """The release to ask for again, if it failed."""

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in _OPEN


class JobNow(msgspec.Struct, frozen=True):
    """What the page is told about a job that is open: how far it is, in words and in numbers."""

    id: str
    state: str
    told: str
    done: int
    total: int | None


@dataclass(frozen=True)
class KnowledgeBaseRow:
    """A knowledge base with its installed releases, and those that are available."""

    kb: KnowledgeBase
    labels: Sequence[str]
    objects: int
    offered: Sequence[str]
    is_newer: bool


def endpoints() -> Iterator[Endpoint]:
    """Yield their endpoints."""
    yield Endpoint("GET", "data/", _page, "", "")
    yield Endpoint("GET", "data/jobs.json/", _jobs_as_json, "", "")
    yield Endpoint("GET", "data/jobs/{job_id}/", _job, "", "")
    yield Endpoint("GET", "data/remove/{kb}/{release}/", _before_removal, "", "", right="write")
    for path, handler in (("install", _install), ("remove", _remove)):
        yield Endpoint("POST", f"data/{path}/", handler, "", "", right="write", largest_file=LARGEST_FORM)


def _page(request: Request) -> Response:
    shown = _newest_jobs(request)
    shown.sort(key=lambda row: (_OPEN.index(row.state) if row.is_open else len(_OPEN), not row.errors))
    first = max(_ENDED_SHOWN, sum(row.is_open or bool(row.errors) for row in shown))
    context = {
        "first": shown[:first],
        "rest": shown[first:],
        "rows": [_row(request, kb, it) for kb, it in _hosted(request)],
        "is_waiting": any(row.is_open for row in shown),
        "store": monitoring.store(request.library),
    }
    return _shown(request, "data.html", Frame("Data", "/data", active="data", scripts=("jobs.js",)), context)


def _row(request: Request, kb: KnowledgeBase, hosted: releases.HostedKnowledgeBase) -> KnowledgeBaseRow:
    order = request.settings.sources_of(kb.sources)
    offered = [it.label for it in releases.available(request.library, kb, order) if not it.installed]
    newest = max((release_labels.sort_key(label) for label in hosted.labels), default="")
    is_newer = any(release_labels.sort_key(label) > newest for label in offered)
    return KnowledgeBaseRow(kb, hosted.labels, hosted.objects_count, offered[:_MOST_OFFERED], is_newer)


def _job(request: Request) -> Response:
    found = jobs.find_job(request.library, request.path["job_id"])
    [job] = _job_rows(request, [(found.knowledge_base, job_form(found))])
    frame = Frame(f"Job: {job.what}", f"/data/jobs/{job.id}", active="data", scripts=("jobs.js",))
    return _shown(request, "job.html", frame, {"job": job, "is_waiting": job.is_open})


def _before_removal(request: Request) -> Response:
    kb, label = _named(request, request.path)
    facts = releases.about(request.library, kb, label)
    frame = Frame(f"Remove {kb.slug}@{label}", f"/data/remove/{kb.slug}/{label}", active="data")
    return _shown(request, "remove.html", frame, {"kb": kb, "facts": facts, "name": f"{kb.slug}@{label}"})


def _install(request: Request) -> Response:
    form = _form(request)
    kb, label = _named(request, form)
    job = request_install(request.library.database, kb, InstallRequest(label))
    return _see(f"/data/jobs/{job.id}")


def _remove(request: Request) -> Response:
    form = _form(request)
    kb, label = _named(request, form)
    if form.get("typed", "").strip() != f"{kb.slug}@{label}":
        raise InvalidRequest(f"to remove it, type `{kb.slug}@{label}`")
    answer_at(request, addresses.api_of(kb, "versions", label), method="DELETE")
    return _see("/data")


def _form(request: Request) -> dict[str, str]:
    form = read_form(request.content, request.headers.get("content-type"))
    check_token(request, form.get("token", ""))
    return form


def _named(request: Request, given: Mapping[str, str]) -> tuple[KnowledgeBase, str]:
    kb = request.library.knowledge_bases.named(given.get("kb", ""))
    label = given.get("release", "").strip()
    if not release_labels.is_label(label) or len(label) > release_labels.MAX_LENGTH:
        raise InvalidRequest("letters, digits and single `.`, `_` or `-` between them, such as `16.0`, make a release")
    return kb, label


def _shown(request: Request, name: str, frame: Frame, context: dict[str, object]) -> Response:
    """A page that depends on who asks: never kept, with a token for its forms."""
    headers = {"Cache-Control": "no-store"}
    refusal = may_change(request)
    token = "" if refusal else form_token(request, headers)
    made = page(name, frame, refusal=refusal, token=token, signed_in=_signed_in(request), **context)
    made.headers.update(headers)
    return made


def _signed_in(request: Request) -> str:
    return request.key.name if request.is_signed_in and request.key is not None else ""


def _hosted(request: Request) -> list[tuple[KnowledgeBase, releases.HostedKnowledgeBase]]:
    named = request.library.knowledge_bases.named
    return [(named(it.slug), it) for it in releases.knowledge_base_list(request.library)]


def _jobs_as_json(request: Request) -> Response:
    rows = [JobNow(row.id, row.state, row.told, row.done, row.total) for row in _newest_jobs(request)]
    made = other_form(msgspec.json.encode({"jobs": rows}), "application/json")
    made.headers["Cache-Control"] = "no-store"
    return made


def _newest_jobs(request: Request) -> list[JobRow]:
    found = jobs.list_jobs(request.library, JobQuery(PageRequest(1, _JOBS))).items
    return _job_rows(request, [(job.knowledge_base, job_form(job)) for job in found])


def _job_rows(request: Request, found: Sequence[tuple[str, Job]]) -> list[JobRow]:
    """Jobs with their knowledge bases, as rows."""
    library = request.library
    abandoned = jobs.abandoned(library)
    completed = {slug for slug, job in found if job.state == "completed"}
    labels = {slug: releases.installed(library, library.knowledge_bases.named(slug)).labels for slug in completed}
    return [_job_row(slug, job, abandoned, labels.get(slug, ())) for slug, job in found]


def _job_row(slug: str, job: Job, abandoned: Container[str], labels: Sequence[str]) -> JobRow:
    mode = job.parameters.mode
    label = release_labels.shown(job.parameters.version or release_labels.LATEST)
    is_install = isinstance(mode, UnsetType)
    is_there = is_install and label in labels and job.state == "completed"
    before = next(iter(labels[labels.index(label) + 1 :]), "") if is_there else ""
    progress = None if isinstance(job.progress, UnsetType) else job.progress
    return JobRow(
        id=job.id,
        what=f"Install {slug}@{label}" if is_install else f"Link {mode}",
        state="interrupted" if job.id in abandoned and job.state == "processing" else job.state,
        since=rfc3339(job.run_datetime)[:16].replace("T", " "),
        ended="" if job.completion_time is None else rfc3339(job.completion_time)[:16].replace("T", " "),
        told=_told(progress) if progress else "",
        done=progress.done if progress else 0,
        total=progress.total if progress else None,
        errors=job.errors,
        leads_to=addresses.of_release(slug, label) if is_there else "",
        change=addresses.in_release(slug, label, "changes", since=before) if before else "",
        before=before,
        kb=slug,
        again=label if is_install and job.state in ("failed", "cancelled") else "",
    )


def _told(progress: JobProgress) -> str:
    """How far a job is, in words: `index: 4,610 of 7,020 objects`."""
    stage, done, total = progress.stage, progress.done, progress.total
    if stage == "download":
        whole = f" of {total / _MEGABYTE:,.1f}" if total else ""
        return f"{stage}: {done / _MEGABYTE:,.1f}{whole} MB"
    if not total and not done:
        return stage
    return f"{stage}: {done:,}{f' of {total:,}' if total else ''} {_COUNTED.get(stage, 'objects')}"


def _see(address: str) -> Response:
    return redirect(address, 303)

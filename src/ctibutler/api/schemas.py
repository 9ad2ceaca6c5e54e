"""The schemas of answers, by name: derived from their records, or written here where there is no record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ctibutler.answers.across.ids import ObjectStateAcross
from ctibutler.answers.asking.question_records import Counts, QuestionRow, Start
from ctibutler.answers.asking.sets import ComparedCounts, ComparedRow
from ctibutler.answers.differences import ObjectDifference
from ctibutler.answers.history import HistoryEvent, Thread
from ctibutler.answers.inference import Inference
from ctibutler.answers.migrations import ModelChange, VocabularyChange
from ctibutler.answers.object_versions import ObjectState
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.onward.chains import ChainStage, ChainText
from ctibutler.answers.onward.coverage import Coverage
from ctibutler.answers.onward.path_records import MissingLinkSet, PathObject, Paths
from ctibutler.answers.outcome_changes import OutcomeCounts
from ctibutler.answers.pages import Count
from ctibutler.answers.releases import AvailableRelease, InstalledReleases, Release
from ctibutler.answers.updates import Updates
from ctibutler.api.derived_schemas import Schema, derived, page_type, ref
from ctibutler.api.service_answers import Index, Readiness
from ctibutler.comparing.outcomes import Outcome
from ctibutler.forms.changes import ChangeRow
from ctibutler.forms.jobs import Job
from ctibutler.forms.knowledge_bases import KnowledgeBases
from ctibutler.forms.navigator_layer import LayerFile
from ctibutler.forms.questions import AskedQuestions, KnownQuestions
from ctibutler.knowledge_bases.declaration import DetailField, KnowledgeBase
from ctibutler.migration.files import Source
from ctibutler.migration.review import MigrationCounts, ReviewRow

_QUESTION_PAGE = page_type(
    "QuestionPage",
    "results",
    QuestionRow,
    {
        "question": str,
        "knowledge_base": str,
        "version": str,
        "via": list[str],
        "of": list[Start],
        "counts": Counts,
        "within": str | None,
        "results_knowledge_base": str,
        "results_version": str | None,
        "relationships": list[ObjectView],
        "through": list[ObjectView],
    },
)
ANSWERS: Mapping[str, object] = {
    "ObjectPage": page_type("ObjectPage", "objects", ObjectView),
    "RelationshipPage": page_type("RelationshipPage", "relationships", ObjectView),
    "ObjectVersions": list[ObjectState],
    "EverywhereVersions": list[ObjectStateAcross],
    "ChangePage": page_type(
        "ChangePage",
        "changes",
        ChangeRow,
        {"knowledge_base": str, "version": str, "since": str | None, "counts": dict[str, Count]},
    ),
    "OutcomePage": page_type(
        "OutcomePage",
        "changes",
        Outcome,
        {
            "knowledge_base": str,
            "version": str,
            "since": str | None,
            "counts": OutcomeCounts,
            "model": list[ModelChange],
            "vocabulary": list[VocabularyChange],
        },
    ),
    "HistoryPage": page_type(
        "HistoryPage",
        "history",
        HistoryEvent,
        {"knowledge_base": str, "versions": list[str], "threads": list[Thread]},
    ),
    "ObjectDifference": ObjectDifference,
    "KnownQuestions": KnownQuestions,
    "AskedQuestions": AskedQuestions,
    "QuestionPage": _QUESTION_PAGE,
    "QuestionAnswers": msgspec.defstruct("QuestionAnswers", [("answers", list[_QUESTION_PAGE])]),  # type: ignore[valid-type]  # made above
    "SetComparisonPage": page_type(
        "SetComparisonPage",
        "results",
        ComparedRow,
        {
            "question": str,
            "knowledge_base": str,
            "version": str,
            "via": list[str],
            "a": list[Start],
            "b": list[Start],
            "counts": ComparedCounts,
        },
    ),
    "MigrationReport": page_type(
        "MigrationReport",
        "items",
        ReviewRow,
        {"knowledge_base": str, "from": Source, "to": str, "counts": MigrationCounts, "remarks": tuple[str, ...]},
    ),
    "Paths": Paths,
    "Coverage": Coverage,
    "ChainPage": page_type(
        "ChainPage",
        "objects",
        ObjectView,
        {"of": PathObject, "stages": list[ChainStage], "told": list[ChainText], "missing": list[MissingLinkSet]},
    ),
    "LayerFile": LayerFile,
    "Inference": Inference,
    "InstalledReleases": InstalledReleases,
    "AvailableReleases": list[str | AvailableRelease],
    "Release": Release,
    "KnowledgeBases": KnowledgeBases,
    "Updates": Updates,
    "Job": Job,
    "JobPage": page_type("JobPage", "jobs", Job),
    "Index": Index,
    "Readiness": Readiness,
}
"""The answers that are records: the name that an endpoint shows → the type of its answer."""

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ANYTHING: Schema = {"type": "object", "additionalProperties": True}


def array(items: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def record(optional: Mapping[str, Schema] | None = None, /, **required: Schema) -> Schema:
    """Return the schema of an object with these properties. Later versions may add others."""
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}


def page_of(key: str, items: Schema, optional: Mapping[str, Schema] | None = None, /, **further: Schema) -> Schema:
    """Return the schema of a page with its items under `key`."""
    return record(
        optional,
        page_size=COUNT,
        page_number=COUNT,
        page_results_count=COUNT,
        total_results_count=COUNT,
        **further,
        **{key: array(items)},
    )


SCHEMAS: Mapping[str, Schema] = {
    **derived(ANSWERS),
    "StixObject": {
        "type": "object",
        "description": "A STIX 2.1 object, as its publisher wrote it.",
        "required": ["type", "id"],
        "properties": {"type": TEXT, "id": TEXT},
        "additionalProperties": True,
    },
    "Bundle": record(type={"type": "string", "enum": ["bundle"]}, id=TEXT, objects=array(ref("StixObject"))),
    "Text": TEXT,
    "Error": {
        "type": "object",
        "description": "An error. `details` has the key `error`, or a key for each invalid parameter or field.",
        "required": ["code", "message", "details"],
        "properties": {"code": {"type": "integer"}, "message": TEXT, "details": ANYTHING},
    },
}


def name_of_single_page(kb: KnowledgeBase) -> str:
    """Return the name of the schema of a page with a single object of this knowledge base."""
    return f"{_prefix(kb)}ObjectPage" if kb.details else "ObjectPage"


def schemas_of(kb: KnowledgeBase) -> dict[str, Schema]:
    """Return the schemas that only this knowledge base has: its details, and the page that may hold them."""
    if not kb.details:
        return {}
    beside = {
        "type": "array",
        "description": "For each object, what its publisher says about it beyond STIX. Only with `detail=full`.",
        "items": {"nullable": True, "allOf": [ref(f"{_prefix(kb)}Details")]},
    }
    return {
        f"{_prefix(kb)}Details": {
            **_record_of(kb.details),
            "description": f"What {kb.title} says about an object beyond STIX. Empty fields are left out. Later releases may"
            " add fields.",
        },
        name_of_single_page(kb): page_of("objects", ref("StixObject"), {"details": beside}),
    }


def _prefix(kb: KnowledgeBase) -> str:
    return "".join(word.capitalize() for word in kb.slug.split("-"))


def _record_of(fields: Iterable[DetailField]) -> Schema:
    return {"type": "object", "properties": {field.name: _field(field) for field in fields}}


def _field(field: DetailField) -> Schema:
    one = _record_of(field.fields) if field.fields else TEXT
    return {**(array(one) if field.many else one), "description": field.description}

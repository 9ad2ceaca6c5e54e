"""Migrated files with their review, as bytes to download."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

import msgspec

from ctibutler.forms.table_forms import TABLE_FORMS
from ctibutler.migration.files import Migration
from ctibutler.migration.review import report_of, review_rows, review_table

ZIP = "application/zip"


@dataclass(frozen=True)
class ReviewFile:
    """A review as a file: its bytes, and the extension and media type of its form."""

    content: bytes
    extension: str
    media_type: str


def review_as(migration: Migration, form: str) -> ReviewFile:
    """Return the whole review in a form: JSON unless the form is one of tables."""
    rows = review_rows(migration)
    table_form = TABLE_FORMS.get(form)
    if table_form is None:
        return ReviewFile(msgspec.json.encode(report_of(migration, rows)), ".json", "application/json")
    content = b"".join(table_form.written(review_table(migration, rows)).chunks)
    return ReviewFile(content, table_form.extension, table_form.content_type)


def zip_of(migration: Migration, form: str) -> bytes:
    """Return a zip with all files and the review. The same migration gives the same bytes."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, file in enumerate(migration.files, start=1):
            # The date of an entry is fixed.
            archive.writestr(zipfile.ZipInfo(f"files/{number:03}-{file.name or 'migrated'}"), file.after)
        review = review_as(migration, form)
        archive.writestr(zipfile.ZipInfo(f"review{review.extension}"), review.content)
    return written.getvalue()


def plain_name(name: str) -> str:
    """Return a file name without the folders that it may name."""
    return name.replace("\\", "/").rpartition("/")[2].replace("\x00", "")[:200]

"""Several layers for the Navigator as one zip file."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime

from ctibutler.answers.tables.table import Table
from ctibutler.forms.json_form import record_as_json
from ctibutler.forms.navigator_layer import technique_layer_file

MEDIA_TYPE = "application/zip"
EXTENSION = ".zip"

_CHUNK = 256 * 1024
_IN_MEMORY = 4 * 1024 * 1024


def layers_as_zip(table: Table) -> Iterator[bytes]:
    """Yield the layers of a table, each as a file. The same table gives the same bytes."""
    assert table.layers is not None
    changed = datetime.fromtimestamp(table.changed_at // 1_000_000, UTC)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY, prefix="ctibutler-") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for stem, layer in table.layers():
                entry = zipfile.ZipInfo(f"{stem}.layer.json", changed.timetuple()[:6])
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, record_as_json(technique_layer_file(layer)))
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk

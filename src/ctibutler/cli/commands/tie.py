"""The command `tie`: techniques that often go together."""

from __future__ import annotations

from typing import Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import (
    ColumnsOption,
    FormatOption,
    JsonOption,
    KbOption,
    OutputOption,
    ReleaseOption,
    words,
)
from ctibutler.cli.session import session_of
from ctibutler.errors import InvalidRequest, NotFound


def tie(
    context: click.Context,
    techniques: Annotated[
        list[str], argument("TECHNIQUE", "A technique that was observed, such as T1059.001.", candidates.object_id)
    ],
    limit: Annotated[int, option("--limit", metavar="N", least=1, most=1000, help="Show this many techniques.")] = 20,
    kb: KbOption = None,
    release: ReleaseOption = None,
    form: FormatOption = None,
    file: OutputOption = None,
    columns: ColumnsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the techniques that most likely go with those that were observed.

    Learned from the release itself: from which groups, campaigns and software use which techniques together.
    """
    from ctibutler.answers.inference import infer
    from ctibutler.answers.objects import ObjectQuery
    from ctibutler.answers.tables.inference_tables import inference_table
    from ctibutler.cli.asking import first_findings, ids_of
    from ctibutler.cli.output.inferences import write_inference
    from ctibutler.cli.output.table_files import destination
    from ctibutler.forms.json_form import record_as_json

    session = session_of(context)
    to = destination(form, file, as_json=as_json)
    asked = [item for item in session.asked(kb) if item.infers_techniques]
    if not asked:
        having = ", ".join(item.slug for item in session.asked(None) if item.infers_techniques)
        raise InvalidRequest(f"--kb: nothing is inferred from {kb}; these have what it takes: {having}")
    with session.library() as library:
        found = first_findings(library, asked, [item for text in techniques for item in ids_of(text)], release)
        known, observed = found[0].kb, [one.view.external_id or one.stix_id for one in found]
        wrong = [one.view.external_id or one.stix_id for one in found if one.view.type != "attack-pattern"]
        if wrong:
            raise InvalidRequest(f"{', '.join(wrong)}: no technique of {known.slug}")
        query = ObjectQuery(release=found[0].release, include_revoked=False, include_deprecated=False)
        if to.form is not None:
            to.write_table(inference_table(library, known, observed, query, limit, words(columns)))
            return
        try:
            inferred = infer(library, known, observed, query, limit)
        except InvalidRequest as untrained:
            if "unknown_techniques" not in untrained.details:
                raise
            # Revoked and deprecated ones: the model knows what is alive.
            names = ", ".join(map(str, untrained.details["unknown_techniques"]))  # type: ignore[call-overload]
            raise NotFound(f"{known.slug} {found[0].release} has no live technique {names}") from None
    to.write_json(record_as_json(inferred)) if to.is_json else write_inference(
        inferred, known, found[0].release, observed
    )


command = declared(
    tie,
    "ctibutler tie T1059.001 T1105",
    "ctibutler tie T1566.001 T1204.002 --limit 5 --format csv",
)

"""Every problem has an HTTP status."""

from __future__ import annotations

import inspect

from ctibutler import errors
from ctibutler.errors import Abandoned, MalformedFile, Problem
from ctibutler.http.exceptions import status_of


def test_every_problem_has_a_status() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Problem)]
    without = {kind for kind in kinds if status_of(kind.__new__(kind)) == 500} - {Problem}
    assert without == {MalformedFile, Abandoned}, "what fails a job, and what nobody waits for"
    assert status_of(errors.Hidden("T1086", "18.1", "revoked")) == 404

"""Every problem has one status."""

from __future__ import annotations

import inspect

from ctibutler import errors
from ctibutler.errors import MalformedFile, Problem
from ctibutler.http.exceptions import HTTP_STATUS


def test_every_problem_of_ours_has_a_status() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Problem)]
    without = {kind for kind in kinds if kind not in HTTP_STATUS} - {Problem}
    assert without == {MalformedFile}, "only what fails a job, and never a request"

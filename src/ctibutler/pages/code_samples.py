"""A request to the API as code that can be pasted: for a shell, for Python and for JavaScript. Pure functions."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class CodeSample:
    """A request in one language."""

    language: str
    code: str


def samples_of(method: str, url: str, body: str, *, is_json: bool) -> Sequence[CodeSample]:
    """Return a request as code. `body` is JSON, or empty; `is_json` says whether the answer is."""
    return (
        CodeSample("curl", _curl(method, url, body)),
        CodeSample("Python", _python(method, url, body, is_json)),
        CodeSample("JavaScript", _javascript(method, url, body, is_json)),
    )


def _curl(method: str, url: str, body: str) -> str:
    words = ["curl"]
    if method != "GET":
        words += ["-X", method]
    if body:
        words += ["-H", "'Content-Type: application/json'", "-d", shlex.quote(body)]
    return " ".join([*words, f"'{url}'"])


def _python(method: str, url: str, body: str, is_json: bool) -> str:
    sent = f", json={json.loads(body)!r}" if body else ""
    return "\n".join(
        (
            "import requests",
            "",
            f"answer = requests.{method.lower()}({json.dumps(url)}{sent})",
            "answer.raise_for_status()",
            f"print(answer.{'json()' if is_json else 'text'})",
        )
    )


def _javascript(method: str, url: str, body: str, is_json: bool) -> str:
    options = [f'method: "{method}"'] if method != "GET" else []
    if body:
        options += ['headers: { "Content-Type": "application/json" }', f"body: JSON.stringify({body})"]
    sent = f", {{ {', '.join(options)} }}" if options else ""
    return "\n".join(
        (
            f"const answer = await fetch({json.dumps(url)}{sent});",
            f"console.log(await answer.{'json' if is_json else 'text'}());",
        )
    )

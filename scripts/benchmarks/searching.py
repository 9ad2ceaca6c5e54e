"""Searching everything by relevance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from statistics import median, quantiles
from urllib.parse import quote_plus

from benchmarks.declaring import Group, Outcome, Row, at_most
from benchmarks.processes import Answer, Asker
from benchmarks.servers import NO_CACHE, api
from benchmarks.workshop import ROOT, Workshop

QUESTIONS = ROOT / "scripts" / "search-questions.json"
HOW = "processor time of the server for 45 questions, without the answer cache"
ROWS = (
    Row("search-median", "Search by relevance over everything, median", "–", at_most(5, "ms"), HOW),
    Row("search-p99", "Search by relevance over everything, 99th percentile", "–", at_most(10, "ms"), HOW),
)


def measure(workshop: Workshop) -> Iterator[Outcome]:
    texts: list[str] = json.loads(QUESTIONS.read_text(encoding="utf-8"))
    rounds = workshop.runs * (1 if workshop.quick else 3)
    answers: dict[str, list[Answer]] = {text: [] for text in texts}
    with api(workshop.everything | NO_CACHE) as server:
        asker = Asker(server)
        for number in range(rounds + 1):
            for text in texts:
                answer = asker.ask(f"/api/v1/search/?text={quote_plus(text)}&sort=relevance_descending")
                if number:  # the first round fills the database's own cache of pages
                    answers[text].append(answer)
    samples = [each for asked in answers.values() for each in asked]
    processor, wall = ([getattr(each, kind) for each in samples] for kind in ("processor", "wall"))
    figures = {"median, time over HTTP, ms": median(wall), "99th percentile, time over HTTP, ms": percentile(wall, 99)}
    of_each = sorted(median(each.processor for each in asked) for asked in answers.values())
    yield Outcome("search-median", median(processor), figures, {"milliseconds of each question, in order": of_each})
    yield Outcome("search-p99", percentile(processor, 99), figures)


def percentile(values: list[float], which: int) -> float:
    return quantiles(values, n=100, method="inclusive")[which - 1]


GROUP = Group("search", ROWS, measure)

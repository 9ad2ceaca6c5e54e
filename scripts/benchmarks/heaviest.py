"""Which questions of which objects to ask, to find the slowest one. Run as a process of its own, it prints them as URLs.

python heaviest.py DATABASE

Of each question the objects with the most paths to their answers, and some others. Many paths are what takes long, and to ask
all 36,000 questions that have an answer takes minutes.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator

from ctibutler.answers.asking.question_records import ALL_WAYS, QuestionQuery
from ctibutler.answers.asking.questions import ask
from ctibutler.answers.library import Library
from ctibutler.answers.pages import WHOLE
from ctibutler.catalog.opening import open_catalogue
from ctibutler.knowledge_bases import HOSTED

MOST_PATHS, OTHERS = 4, 4


def chosen(library: Library) -> Iterator[str]:
    for kb in HOSTED.all:
        for question in kb.questions:
            paths: Counter[str] = Counter()
            for kind in question.of:
                query = QuestionQuery(page=WHOLE, of=kind, via=[ALL_WAYS], evidence=False)
                for row in ask(library, kb, None, question.word, query).page.items:
                    if row.of is not None:
                        paths[row.of.id] = row.evidence_count + paths[row.of.id]
            some = [stix_id for stix_id, _ in paths.most_common(MOST_PATHS)]
            others = sorted(paths.keys() - set(some))
            spread = others[:: len(others) // OTHERS + 1]
            for stix_id in (*some, *spread):
                yield f"/api/v1/{kb.slug}/objects/{stix_id}/{question.word}/?via={ALL_WAYS}"


if __name__ == "__main__":
    library = Library(open_catalogue(sys.argv[1], HOSTED), HOSTED)
    print(json.dumps(list(dict.fromkeys(chosen(library)))))

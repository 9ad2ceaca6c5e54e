"""How ids of a knowledge base are written in fields and in running text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ctibutler.knowledge_bases.declaration import AddressForm, KnowledgeBase

_LONGEST = 200
_LONGEST_WORD = 60
_WITH_SLASH = re.compile(r"([A-Z]{1,4}\d{1,6})/(\d{1,4})", re.IGNORECASE)
_WITHOUT_DASH = re.compile(r"([A-Z]{2,8})[ _]?(\d{1,6})", re.IGNORECASE)
_STIX_ID = re.compile(r"[a-z][a-z0-9-]{1,40}--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# MISP writes name and id together. In JSON, its quotes are escaped.
_MISP = re.compile(r'misp-galaxy:[\w-]{1,60}=(?:\\?")([^"\\\n]{1,300})\\?"')
_BLANKS = re.compile(r"[\s,;|]+")
_NAME_AND_ID = " - "


@dataclass(frozen=True, slots=True)
class Mention:
    """An id in a text, from `start` to `end`. `form` says how it is written: `plain`, `misp`, or as the address with this
    number."""

    id: str
    start: int
    end: int
    form: str


def read_id(kb: KnowledgeBase, text: str) -> str | None:
    """Return the id that a field holds, with compatible characters and blanks around it put right; None if it holds none.

    `T1059/001`, `attack.t1059.001` and `CWE79` are ids, `PowerShell` is none.
    """
    if not text or len(text) > _LONGEST or "\x00" in text:
        return None
    cleaned = (text if text.isascii() else unicodedata.normalize("NFKC", text)).strip()
    pattern = kb.any_id
    if pattern is not None and pattern.fullmatch(cleaned):
        return cleaned
    if "." in cleaned and (tagged := _tag(kb).match(cleaned)):
        cleaned = cleaned[tagged.end() :]
    if sliced := _WITH_SLASH.fullmatch(cleaned):
        cleaned = f"{sliced[1]}.{sliced[2]}"
    if _STIX_ID.fullmatch(cleaned.lower()):
        return cleaned.lower()
    if pattern is None:
        return cleaned if cleaned and not _BLANKS.search(cleaned) else None
    if pattern.fullmatch(cleaned):
        return cleaned
    without = _WITHOUT_DASH.fullmatch(cleaned)
    return dashed if without and pattern.fullmatch(dashed := f"{without[1]}-{without[2]}") else None


def field_id(kb: KnowledgeBase, text: str) -> str | None:
    """Return the id in a field that holds nothing else: one word, whatever it looks like."""
    found = read_id(kb, text)
    if found is None and len(text) <= _LONGEST_WORD and "\x00" not in text:
        word = unicodedata.normalize("NFKC", text).strip()
        return word if word and not _BLANKS.search(word) else None
    return found


def mentions(kb: KnowledgeBase, text: str, *, any_case: bool = False) -> Iterator[Mention]:
    """Yield the ids in a text, in their order: in addresses of the publisher's pages, in MISP's tags, and by themselves. Only
    ids in upper case count, unless `any_case`. Addresses of a certain release name that release, and are left alone."""
    taken = sorted([*_in_addresses(kb, text), *_in_misp_tags(kb, text)], key=lambda found: found.start)
    found = sorted([*taken, *_plain(kb, text, any_case)], key=lambda one: (one.start, one.form == "plain"))
    done = 0
    for mention in found:
        if mention.start >= done:
            done = mention.end
            if mention.id:
                yield mention


def written_as(kb: KnowledgeBase, form: str, written: str, new_id: str, name: str | None) -> str | None:
    """Return an id as a mention of this form writes it, in the case of the old one; None if the form cannot hold it."""
    if form.startswith("address"):
        address = kb.address_forms[int(form.removeprefix("address"))]
        before, _, after = address.id.partition("{}")
        if not (new_id.startswith(before) and new_id.endswith(after)):
            return None
        middle = new_id[len(before) : len(new_id) - len(after)]
        return middle.replace(".", "/") if before == after == "" and kb.id_forms else middle
    if form == "misp":
        return f"{(name or '').replace(chr(34), chr(39))}{_NAME_AND_ID}{new_id}"
    return in_case_of(written, new_id)


def in_case_of(written: str, new_id: str) -> str:
    """Return an id in lower case if what stood there was."""
    return new_id.lower() if written != written.upper() and written == written.lower() else new_id


def _in_addresses(kb: KnowledgeBase, text: str) -> Iterator[Mention]:
    for number, form in enumerate(kb.address_forms):
        for match in form.pattern.finditer(text):
            pinned = "/versions/" in match[0].lower()
            object_id = "" if pinned else _of_address(kb, form, match[1])
            start, end = match.span() if pinned else match.span(1)
            yield Mention(object_id, start, end, f"address{number}")


def _of_address(kb: KnowledgeBase, form: AddressForm, part: str) -> str:
    return read_id(kb, form.id.format(part)) or ""


def _in_misp_tags(kb: KnowledgeBase, text: str) -> Iterator[Mention]:
    if "misp-galaxy:" not in text:
        return
    for match in _MISP.finditer(text):
        name, between, end = match[1].rpartition(_NAME_AND_ID)
        if name and between and (object_id := read_id(kb, end)) is not None:
            yield Mention(object_id, *match.span(1), "misp")


def _plain(kb: KnowledgeBase, text: str, any_case: bool) -> Iterator[Mention]:
    pattern = _pattern(kb.slug, kb.id_in_text, tuple(filter(None, (kb.family, kb.slug))), any_case)
    if pattern is not None:
        for match in pattern.finditer(text):
            yield Mention(match[0], *match.span(), "plain")


@lru_cache(maxsize=64)
def _pattern(slug: str, ids: str, tags: tuple[str, ...], any_case: bool) -> re.Pattern[str] | None:
    if not ids:
        return None
    before = "|".join((r"(?<![\w.])", *(rf"(?<={re.escape(tag)}[.:])" for tag in tags)))
    return re.compile(rf"(?:{before})(?:{ids})(?!\w|\.\d)", re.IGNORECASE if any_case else 0)


def _tag(kb: KnowledgeBase) -> re.Pattern[str]:
    return _tag_pattern(tuple(filter(None, (*kb.names, kb.family))))


@lru_cache(maxsize=64)
def _tag_pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(map(re.escape, names))})\.(?=\S)", re.IGNORECASE)

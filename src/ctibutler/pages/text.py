"""Publishers' texts as safe HTML. Texts are untrusted, and come in the dialect that their knowledge base declares.

A dialect translates the few tags that it knows; every other tag is shown as text. What we add ourselves, such as the numbers of
footnotes, stands in the text as a mark of the private use area until everything else has been cleaned. No text can forge a
mark: such characters are removed from it first.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from ctibutler.knowledge_bases.layouts import Dialect

_TAGS: Final = frozenset(
    {
        "p", "br", "a", "code", "pre", "ul", "ol", "li", "em", "strong", "blockquote", "table", "thead", "tbody", "tr", "th",
        "td", "sub", "sup",
    }
)  # fmt: skip
_PRIVATE: Final = re.compile("[\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]")
_MARK: Final = re.compile("\ue000([0-9]+)\ue001")
_BEFORE_CLEANING: Final = re.compile("\ue002([0-9]+)\ue003")
_PART: Final = re.compile(r"(<(?:[^<>\"]|\"[^\"]*\")*>)")
_EMPTY: Final = re.compile(r"<(p|strong|em)>\s*</\1>")
# CAPEC puts tables between the items of lists. They belong to the item before.
_BETWEEN_ITEMS: Final = re.compile(r"</li>\s*(<table>(?:(?!</?table>).)*</table>)", re.DOTALL)
_LINK: Final = re.compile(r'<a href="([^"]*)">')
_ABSOLUTE: Final = re.compile(r"https?://[^/\s]", re.IGNORECASE)
_CITATION: Final = re.compile(r"\(Citation:((?:[^()]|\([^()]*\))*)\)")
_CODE: Final = re.compile(r"<code>(.*?)</code>", re.IGNORECASE | re.DOTALL)
_TAG: Final = re.compile(r"<(/?)(?:xhtml:)?([a-zA-Z][a-zA-Z0-9]*)((?:\s[^<>]*)?)(/?)>")
_HREF: Final = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_GAP: Final = re.compile(r"\n[^\S\n]*\n\s*")
_UNDERLINE: Final = re.compile(r"\n[ \t]*-{5,}[ \t]*\n")
# An excerpt: how many characters stand before and behind the word that was found, and how long a word is to be marked.
_BEFORE: Final = 60
_AFTER: Final = 100
_SHORTEST_MARKED: Final = 2
_ADDRESS: Final = re.compile(r"""(?:https?://|(?<=\())[^\s<>"'()\[\]]*[^\s<>"'()\[\].,;]""")

_INLINE: Final[Mapping[str, str]] = {
    "b": "strong", "strong": "strong", "i": "em", "em": "em", "sub": "sub", "sup": "sup", "a": "a", "u": "em",
    "tt": "code",
}  # fmt: skip
_BLOCKS: Final[Mapping[str, str]] = {
    **_INLINE, "p": "p", "div": "p", "ul": "ul", "ol": "ol", "li": "li", "br": "br", "pre": "pre", "code": "code",
    "table": "table", "thead": "thead", "tbody": "tbody", "tr": "tr", "th": "th", "td": "td", "span": "",
    "blockquote": "blockquote", "h1": "p", "h2": "p", "h3": "p", "h4": "p", "h5": "p", "h6": "p",
}  # fmt: skip
_AS_MARKDOWN: Final[Mapping[str, str]] = {
    "p": "\n\n", "/p": "\n\n", "div": "\n\n", "/div": "\n\n", "ul": "\n\n", "/ul": "\n\n", "ol": "\n\n", "/ol": "\n\n",
    "li": "\n* ", "/li": "\n", "span": "", "/span": "",
}  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """What a text cites."""

    name: str
    description: str = ""
    url: str = ""


@dataclass
class Notes:
    """The footnotes of one page, numbered in the order of their use. `known` are what texts can cite, by name."""

    known: dict[str, Reference] = field(default_factory=dict)
    cited: dict[str, int] = field(default_factory=dict)

    def number_of(self, name: str) -> int:
        """Return the number of a footnote, a new one when it is cited for the first time."""
        return self.cited.setdefault(name, len(self.cited) + 1)

    def learn(self, references: Iterable[Mapping[str, Any]]) -> None:
        """Add the external references of an object to what texts can cite. The first of a name wins."""
        for reference in references:
            name, description, url = (
                text if isinstance(text := reference.get(key), str) else ""
                for key in ("source_name", "description", "url")
            )
            if name.strip() and (description or url):
                safe = url if _ABSOLUTE.match(url) else ""
                self.known.setdefault(_folded(name), Reference(name.strip(), description, safe))

    @property
    def listed(self) -> list[tuple[int, Reference]]:
        """What was cited, with the numbers."""
        return [(number, self.known.get(_folded(name), Reference(name))) for name, number in self.cited.items()]


Own = Callable[[str], str | None]
"""Returns our own address for one in a text, empty if it leads to what is read already; None if it is none of ours."""


def no_own(_: str) -> str | None:
    """Own addresses where nothing is ours."""
    return None


def rendered(text: str, dialect: Dialect, notes: Notes, own: Own = no_own) -> Markup:
    """Return a text as HTML that is safe to show. No word of it is lost."""
    marks: list[str] = []
    source = _PRIVATE.sub("", text).replace("\x00", "\ufffd").replace("\r\n", "\n")
    source = _cited(source, notes, marks)
    made = _DIALECTS[dialect](source, marks)
    cleaned = nh3.clean(
        made,
        tags=set(_TAGS),
        attributes={"a": {"href"}},
        attribute_filter=lambda _tag, _name, value: _address(value, own),
        url_schemes={"http", "https"},
        link_rel=None,
    )
    return Markup(_finished(cleaned, marks))  # noqa: S704 - cleaned above


def in_one_line(text: str, dialect: Dialect, notes: Notes, own: Own = no_own) -> Markup:
    """Return a text as `rendered` does; a single paragraph without its tags, for a cell."""
    made = str(rendered(text, dialect, notes, own)).strip()
    if made.startswith("<p>") and made.endswith("</p>") and made.count("<p>") == 1:
        made = made[3:-4]
    return Markup(made)  # noqa: S704 - cleaned in `rendered`


EMPTY: Final = Markup()
"""No text."""


def joined(lines: Iterable[Markup]) -> Markup:
    """Return lines one below the other."""
    return Markup("<br>").join(lines)


def escaped(text: str) -> Markup:
    """Return a text that has no markup."""
    return Markup.escape(text)


def excerpt(plain: str, words: str) -> Markup:
    """Return the part of a plain text around the first of these words, or of words that begin so, with all of them marked;
    nothing where the text has none of them."""
    wanted = [re.escape(word) for word in re.findall(r"\w+", words) if len(word) >= _SHORTEST_MARKED]
    pattern = re.compile(rf"\b(?:{'|'.join(wanted)})\w*", re.IGNORECASE)
    first = pattern.search(plain) if wanted else None
    if first is None:
        return EMPTY
    begin = max(0, first.start() - _BEFORE)
    begin = plain.find(" ", begin, first.start()) + 1 if begin else 0
    end = min(len(plain), first.end() + _AFTER)
    end = max(first.end(), plain.rfind(" ", first.end(), end)) if end < len(plain) else end
    part, made, at = plain[begin:end], list[str](), 0
    for found in pattern.finditer(part):
        made += (html.escape(part[at : found.start()]), "<mark>", html.escape(found[0]), "</mark>")
        at = found.end()
    made.append(html.escape(part[at:]))
    return Markup("…" * (begin > 0) + "".join(made) + "…" * (end < len(plain)))  # noqa: S704 - escaped piece by piece


def has_words(text: str) -> bool:
    """Return whether a text says anything beside what it cites."""
    return bool(_CITATION.sub("", text).strip())


def addresses_in(text: str) -> list[str]:
    """Return what looks like addresses in a text, and what its links lead to."""
    return _ADDRESS.findall(text)


def as_words(made: str) -> str:
    """Return the text that HTML of ours shows, without tags."""
    return html.unescape(re.sub(r"<[^>]*>", " ", made))


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _address(value: str, own: Own) -> str | None:
    ours = own(value)
    if ours is not None:
        return ours or None
    return value if _ABSOLUTE.match(value) else None


def _mark(marks: list[str], made: str) -> str:
    marks.append(made)
    return f"\ue000{len(marks) - 1}\ue001"


def _early(marks: list[str], made: str) -> str:
    marks.append(made)
    return f"\ue002{len(marks) - 1}\ue003"


def _cited(source: str, notes: Notes, marks: list[str]) -> str:
    def note(match: re.Match[str]) -> str:
        name = html.unescape(match[1]).strip()
        if not name:
            return match[0]
        number = notes.number_of(name)
        return _mark(marks, f'<sup><a class="note" href="#ref-{number}">{number}</a></sup>')

    return _CITATION.sub(note, source)


def _finished(cleaned: str, marks: Sequence[str]) -> str:
    parts = _PART.split(_BETWEEN_ITEMS.sub(r"\1</li>", _EMPTY.sub("", cleaned)))
    is_in_link = False
    for place, part in enumerate(parts):
        if place % 2 == 0:
            # A link holds no link: the number of a footnote is plain there.
            parts[place] = _without_marks(part, marks) if is_in_link else _MARK.sub(lambda it: marks[int(it[1])], part)
            continue
        is_in_link = part.startswith("<a") or (is_in_link and part != "</a>")
        if (link := _LINK.fullmatch(part)) and not link[1].startswith("/"):
            parts[place] = f'<a class="out" rel="noreferrer nofollow" href="{link[1]}">'
    return "".join(parts)


# Markdown.


def _no_image(renderer: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:
    return html.escape(renderer.renderInlineAsText(tokens[place].children or (), options, env))


def _paragraph(tag: str) -> Callable[..., str]:
    def render(*_: Any) -> str:
        return tag

    return render


class _Markdown(MarkdownIt):
    """Markdown that makes links of all addresses, as they are written: they are checked after cleaning, where only the link is
    lost."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the names that the library calls
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        return link


def _markdown() -> MarkdownIt:
    made = _Markdown("commonmark", {"html": False}).enable("table").disable(["code", "lheading"])
    made.add_render_rule("image", _no_image)
    made.add_render_rule("heading_open", _paragraph("<p><strong>"))
    made.add_render_rule("heading_close", _paragraph("</strong></p>\n"))
    made.add_render_rule("hr", _paragraph("\n"))
    return made


_MARKDOWN: Final = _markdown()


def _from_markdown(source: str, marks: list[str]) -> str:
    def code(match: re.Match[str]) -> str:
        return _mark(marks, f"<code>{_escaped(_without_marks(match[1], marks))}</code>")

    def tag(match: re.Match[str]) -> str:
        closing, name, attributes, _ = match.groups()
        word = name.lower()
        if word == "br":
            return _early(marks, "<br>")
        if (closing + word) in _AS_MARKDOWN:
            return _AS_MARKDOWN[closing + word]
        if word not in _INLINE:
            return match[0]
        return _early(marks, _known_tag(closing, _INLINE[word], attributes))

    made: str = _MARKDOWN.render(_TAG.sub(tag, _CODE.sub(code, source)))
    return _BEFORE_CLEANING.sub(lambda match: marks[int(match[1])], made)


def _without_marks(text: str, marks: Sequence[str]) -> str:
    """Text with its marks taken back: inside code, a citation is only the number of its footnote."""
    return _MARK.sub(lambda match: f"[{as_words(marks[int(match[1])]).strip()}]", text)


# HTML in its varieties.


def _from_tags(source: str, _: list[str], *, cut: str = "</p><p>") -> str:
    """A text in which known tags are tags, and everything else is text."""
    made, end = [], 0
    for match in _TAG.finditer(source):
        closing, name, attributes, _slash = match.groups()
        if name.lower() not in _BLOCKS:
            continue
        made.append(_paragraphs(source[end : match.start()], cut))
        word = _BLOCKS[name.lower()]
        if name.lower().startswith("h"):
            made.append("</strong></p>" if closing else "<p><strong>")
        else:
            made.append(_known_tag(closing, word, attributes) if word else " ")
        end = match.end()
    made.append(_paragraphs(source[end:], cut))
    return f"<p>{''.join(made)}</p>"


def _paragraphs(text: str, cut: str) -> str:
    return cut.join(_escaped(part) for part in _GAP.split(text))


def _from_cwe(source: str, marks: list[str]) -> str:
    """A summary, a line of dashes, then more."""
    return "".join(_from_tags(part, marks) for part in _UNDERLINE.split(source, maxsplit=1))


def _from_breaks(source: str, marks: list[str]) -> str:
    return _from_tags(source, marks).replace("\n", " ")


def _from_plain(source: str, _: list[str]) -> str:
    return f"<p>{_paragraphs(source.strip(), '</p><p>')}</p>".replace("\n", "<br>")


def _known_tag(closing: str, word: str, attributes: str) -> str:
    if word == "a" and not closing and (found := _HREF.search(attributes)):
        return f'<a href="{_escaped(found[1] or found[2] or "")}">'
    return f"<{closing}{word}>"


def _escaped(text: str) -> str:
    return html.escape(html.unescape(text))


_DIALECTS: Final[Mapping[Dialect, Callable[[str, list[str]], str]]] = {
    "attack": _from_markdown,
    "markdown": _from_markdown,
    "cwe": _from_cwe,
    "xhtml": _from_tags,
    "breaks": _from_breaks,
    "plain": _from_plain,
}

"""Converts publishers' texts to markdown.

Only known tags are converted. A `<script>` that a text writes about is text and stays.
"""

import html
import re

_TAG = re.compile(
    r"<(?P<close>/?)(?:xhtml:)?(?P<name>p|div|span|ol|ul|li|b|strong|i|em|br|a|code|table|tbody|tr|th|td|h[1-6])"
    r"(?P<attributes>\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_BLOCK = re.compile(
    r"<(?:xhtml:)?(?:p|div|span|ol|ul|li|table|h[1-6])[\s>/]", re.IGNORECASE
)
_HREF = re.compile(r"""href\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_RELATIVE = re.compile(r"\]\((/[^)\s]*)\)")
_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`"}


def from_html(text: str) -> str:
    """HTML as markdown. A text without markup is returned as it is, with its entities resolved."""
    if not _TAG.search(text):
        return html.unescape(text).strip()
    # With block elements a line break is white space. A text with only <br> and <b> has meaningful lines.
    squeeze = bool(_BLOCK.search(text))
    out: list[str] = []
    lists: list[int] = []
    links: list[str] = []
    position = 0
    for tag in _TAG.finditer(text):
        out.append(_plain(text[position : tag.start()], squeeze))
        out.append(_mark(tag, lists, links))
        position = tag.end()
    out.append(_plain(text[position:], squeeze))
    return _tidy("".join(out))


def absolute_links(text: str, site: str) -> str:
    """Make links that start with a slash absolute."""
    return _RELATIVE.sub(lambda link: f"]({site}{link.group(1)})", text)


def _plain(text: str, squeeze: bool) -> str:
    return html.unescape(re.sub(r"\s+", " ", text) if squeeze else text)


def _mark(tag: re.Match[str], lists: list[int], links: list[str]) -> str:
    """The markdown of one tag. `lists` has the item counter of each open list, or -1 for bullets."""
    name, closing = tag["name"].lower(), bool(tag["close"])
    if name in _MARKS:
        return _MARKS[name]
    if name == "br":
        return "\n"
    if name == "a":
        if closing:
            return f"]({links.pop()})" if links else ""
        target = _HREF.search(tag["attributes"] or "")
        links.append(target.group(1) if target else "")
        return "["
    if name in ("ol", "ul"):
        if closing:
            if lists:
                lists.pop()
        else:
            lists.append(0 if name == "ol" else -1)
        return "\n" if lists else "\n\n"
    if name == "li":
        return "\n" if closing else _item(lists)
    if name in ("td", "th"):
        return " " if closing else ""
    if name == "tr":
        return "\n" if closing else ""
    return "\n" if lists else "\n\n"


def _item(lists: list[int]) -> str:
    indent = "  " * (len(lists) - 1)
    if not lists or lists[-1] < 0:
        return f"\n{indent}- \0"
    lists[-1] += 1
    return f"\n{indent}{lists[-1]}. \0"


def _tidy(text: str) -> str:
    text = re.sub(
        r"\0\s*", "", text
    )  # \0 marks the start of a list item; the space after it is not text
    text = re.sub(r"[ \t]+\n", "\n", text)
    text = re.sub(r"\n[ \t]+(?![ \t]*(?:- |\d+\. ))", "\n", text)
    text = re.sub(r"(\*\*|\*) +(?=\1)", r"\1", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()

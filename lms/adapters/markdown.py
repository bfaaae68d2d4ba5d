"""Safe HTML of the instructions that teachers write in Markdown."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import mistune
import nh3
from markupsafe import Markup
from mistune.util import escape

MAX_CHARACTERS = 20_000
TAGS = {"a", "blockquote", "br", "em", "h2", "h3", "hr", "li", "ol", "p", "strong", "ul"}


class _Renderer(mistune.HTMLRenderer):
    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """Render headings as h2 and h3: the page has its own h1."""
        tag = "h2" if level == 1 else "h3"
        return f"<{tag}>{text}</{tag}>\n"

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Render the text of an image only: loading it would tell its server who reads the lesson."""
        return escape(text)

    def codespan(self, text: str) -> str:
        return escape(text)

    def block_code(self, code: str, info: str | None = None) -> str:
        """Render an indented block as a paragraph: teachers indent by accident, not to show code."""
        return f"<p>{escape(code.strip())}</p>\n"


# A bare address becomes a link: nobody has to know how links are written.
_write = mistune.create_markdown(
    escape=True, hard_wrap=True, renderer=_Renderer(escape=True), plugins=["url"]
)


@lru_cache(maxsize=200)
def to_html(text: str) -> Markup:
    """Return the safe HTML of a text in Markdown, of at most `MAX_CHARACTERS`."""
    html = _write(text[:MAX_CHARACTERS])
    clean = nh3.clean(
        str(html),
        tags=TAGS,
        attributes={"a": {"href"}, "*": set()},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
    )
    # Safe to show unescaped because of the allow-list above.
    return Markup(clean)  # noqa: S704

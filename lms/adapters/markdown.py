"""Instructions that teachers write in Markdown, as HTML that can do no harm."""

from __future__ import annotations

from typing import Any

import mistune
import nh3
from markupsafe import Markup
from mistune.util import escape

MOST_LETTERS = 20_000
TAGS = {"a", "blockquote", "br", "em", "h2", "h3", "hr", "li", "ol", "p", "strong", "ul"}


class _Renderer(mistune.HTMLRenderer):
    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """The page has its own h1."""
        tag = "h2" if level == 1 else "h3"
        return f"<{tag}>{text}</{tag}>\n"

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A picture from elsewhere would tell its owner who reads; its words stay."""
        return escape(text)

    def codespan(self, text: str) -> str:
        return escape(text)

    def block_code(self, code: str, info: str | None = None) -> str:
        """Four spaces before a line are a slip of the hand here, not a program."""
        return f"<p>{escape(code.strip())}</p>\n"


_write = mistune.create_markdown(escape=True, hard_wrap=True, renderer=_Renderer(escape=True))


def to_html(text: str) -> Markup:
    """Return the safe HTML of a text in Markdown."""
    made = _write(text[:MOST_LETTERS])
    clean = nh3.clean(
        str(made),
        tags=TAGS,
        attributes={"a": {"href"}, "*": set()},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
    )
    # The allow-list above is what makes this safe to show as it is.
    return Markup(clean)  # noqa: S704

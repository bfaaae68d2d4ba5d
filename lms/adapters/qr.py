"""QR codes as inline SVG, sharp on paper without a file or a request, and as text for a terminal."""

from __future__ import annotations

import io

import segno
from markupsafe import Markup


def svg(link: str) -> Markup:
    """Return the QR code of a link as inline SVG.

    Error correction level M: a card in a purse gets scratched, and old cameras read only a small code.
    """
    drawing = segno.make(link, error="m", micro=False)
    # The SVG of segno holds numbers and fixed words only: the link is in the squares, not in the markup.
    return Markup(drawing.svg_inline(omitsize=True, border=4, svgclass=None, lineclass=None))  # noqa: S704


def draw_in_terminal(link: str) -> str:
    """Return the QR code of a link in half blocks, dark on light and two rows a line."""
    drawing = io.StringIO()
    segno.make(link, error="l", micro=False).terminal(out=drawing, compact=True)
    return drawing.getvalue()

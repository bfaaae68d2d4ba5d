"""A QR code as a drawing inside the page: no file, no request, sharp on paper."""

from __future__ import annotations

import segno
from markupsafe import Markup


def svg(link: str) -> Markup:
    """Error level M: a card in a purse gets scratched, and a shorter code is read by old cameras."""
    drawing = segno.make(link, error="m", micro=False)
    # What segno draws holds numbers and fixed words only: the link is in the squares, not in the text.
    return Markup(drawing.svg_inline(omitsize=True, border=4, svgclass=None, lineclass=None))  # noqa: S704

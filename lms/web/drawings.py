"""Parts of pages that are the same for everybody: pictograms, planks of a bridge, the navigation, macros.

Each is made once for its arguments, among which is never anything of a person.
"""

from __future__ import annotations

from functools import cache

from flask import Flask
from flask_babel import get_locale
from markupsafe import Markup

# Arrows and other drawings with a direction turn round in a right-to-left page.
_TURNING = ("next", "back", "open", "logout", "redo", "send", "listen", "message", "write")


def init_app(app: Flask, sprite: str) -> None:
    """Give the templates `pictogram`, `planks`, `draw`, and the macros of components as `ui` and `f`.

    `sprite` is the address of the drawings.
    """

    @cache
    def pictogram(name: str, label: str | None = None) -> Markup:
        """Return a pictogram of img/sprite.svg; silent when it has no label."""
        flip = " flip" if name in _TURNING else ""
        heard = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
        drawing = Markup('<svg class="icon{}" width="24" height="24" {}><use href="{}#{}"/></svg>')
        return drawing.format(flip, heard, sprite, name)

    @cache
    def drawn(template: str, language: str, values: tuple[tuple[str, object], ...]) -> Markup:
        # `language` is the one in which the template is rendered now.
        return Markup(app.jinja_env.get_template(template).render(values))  # noqa: S704

    def draw(template: str, **values: object) -> Markup:
        """Return a template that depends on the language and these values alone; each has few of them."""
        return drawn(template, str(get_locale()), tuple(values.items()))

    app.jinja_env.globals.update(pictogram=pictogram, planks=planks, draw=draw)
    for name, template in (("ui", "components/ui.html"), ("f", "components/forms.html")):
        app.jinja_env.globals[name] = app.jinja_env.get_template(template).module


@cache
def planks(first: int, last: int, total: int, x0: int, width: int, base: int, sag: int) -> str:
    """Return the path of the planks from `first` until before `last` of a bridge of `total`.

    The deck is the parabola y = base + sag * 4t(1-t); a plank is the exact piece of it between two points.
    """
    gap = min(0.16 / total, 0.012)
    path = []
    for number in range(first, last):
        a, b = number / total + gap / 2, (number + 1) / total - gap / 2
        ya, yb = base + sag * 4 * a * (1 - a), base + sag * 4 * b * (1 - b)
        middle = ya + sag * 4 * (1 - 2 * a) * (b - a) / 2
        points = (x0 + width * a, ya, x0 + width * (a + b) / 2, middle, x0 + width * b, yb)
        path.append("M{} {}Q{} {} {} {}".format(*(round(point, 1) for point in points)))
    return "".join(path)

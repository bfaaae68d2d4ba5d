"""Catalogues of the current language, for sentences of pages and of forms: looked up quickly, parsed once.

A page has some forty sentences; the ways of the extensions cost more than all questions to the database.
"""

from __future__ import annotations

from functools import cache

from babel.support import NullTranslations, Translations
from flask import Flask, g
from flask_babel import Babel, Domain, LazyString, get_locale
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape
from wtforms.i18n import DefaultTranslations, messages_path

_NONE = NullTranslations()


class Catalogues(Domain):  # type: ignore[misc]
    """The catalogue of each language, found by its code."""

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, NullTranslations] = {}

    def get_translations(self) -> NullTranslations:
        """Return the catalogue of the current language; one without translations outside of a request."""
        try:
            # What `get_locale` returns once it has been asked, without its many looks at the context.
            locale = g._get_current_object()._flask_babel.babel_locale
        except (AttributeError, RuntimeError):
            locale = get_locale()
        if locale is None:
            return _NONE
        found = self._found.get(locale.language)
        if found is None:
            found = self._found[locale.language] = super().get_translations()
        return found


def init_app(app: Flask, babel: Babel) -> None:
    """Let the application, its lazy texts and its templates translate with one set of catalogues."""
    catalogues = Catalogues()
    babel.domain_instance = catalogues
    # Its own returns the text as it is: a name in a lazy text would be HTML of the page.
    LazyString.__html__ = lambda text: escape(str(text))

    @cache
    def sentence(translations: NullTranslations, message: str, is_html: bool) -> str:
        text: str = translations.ugettext(message)
        return Markup(text) if is_html else text  # noqa: S704 a sentence of ours; `%` escapes the values

    @cache
    def without_values(translations: NullTranslations, message: str, is_html: bool) -> str:
        # As in Jinja: always a format, so that a sentence means the same with and without values.
        return sentence(translations, message, is_html) % {}

    # Not the context: Jinja would copy it at each call within a loop.
    @pass_eval_context
    def gettext(place: EvalContext, message: str, **values: object) -> str:
        translations = catalogues.get_translations()
        if values:
            return sentence(translations, message, place.autoescape) % values
        return without_values(translations, message, place.autoescape)

    app.jinja_env.globals.update(_=gettext, gettext=gettext)


def form_translations() -> DefaultTranslations:
    """Return the sentences of WTForms in the current language."""
    locale = get_locale()
    return _form_translations(str(locale) if locale else "fr")


@cache
def _form_translations(locale: str) -> DefaultTranslations:
    return DefaultTranslations(Translations.load(messages_path(), [locale], domain="wtforms"))

"""HTTP helpers that every page shares."""

from flask import Flask

from lms.web import body_limits, errors, headers, kept_form, pages, request_class, sending


def init_app(app: Flask) -> None:
    """Set up pages, headers and errors of an application."""
    request_class.init_app(app)
    body_limits.init_app(app)
    headers.init_app(app)
    pages.init_app(app)
    kept_form.init_app(app)
    errors.init_app(app)
    sending.init_app(app)

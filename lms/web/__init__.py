"""HTTP helpers that every page shares."""

from flask import Flask

from lms.web import errors, headers, pages, request_files


def init_app(app: Flask) -> None:
    """Set up pages, headers and errors of an application."""
    request_files.init_app(app)
    headers.init_app(app)
    pages.init_app(app)
    errors.init_app(app)

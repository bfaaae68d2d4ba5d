"""Passerelle: remote French lessons for adult newcomers. `create_app` joins the layers."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask
from flask_compress import Compress
from sqlalchemy import make_url
from werkzeug.local import LocalProxy
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Settings
from lms import access, assets, blueprints, cli, limits, web
from lms.access import cookie_name
from lms.adapters.partial_files import PartialFiles
from lms.adapters.store import LocalStore
from lms.extensions import (
    babel,
    csrf,
    db,
    limiter,
    on_outbox_commit,
    on_received_files,
    pool_limits,
    sqlite,
    tune,
)
from lms.i18n import catalogues, speech
from lms.jobs import Jobs, make_mailer, make_sms_sender
from lms.schema_version import MIGRATIONS
from lms.web import drawings
from lms.web.body_limits import MEGABYTE
from lms.web.headers import COMMON_HEADERS
from lms.web.pages import request_language


def create_app(settings: Settings) -> Flask:
    for url in (settings.database_url, settings.queue_url):
        _restrict_permissions(url)
    for folder in (settings.instance, settings.temp, settings.uploads):
        _restrict_folder(folder)
    app = Flask("lms", static_folder=None, instance_path=str(settings.instance))
    app.extensions["lms_settings"] = settings
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME=cookie_name(settings, "form"),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.https,
        PERMANENT_SESSION_LIFETIME=timedelta(days=180),
        TRUSTED_HOSTS=list(settings.trusted_hosts) or None,
        # A view that takes files raises these for itself.
        MAX_CONTENT_LENGTH=MEGABYTE,
        MAX_FORM_MEMORY_SIZE=MEGABYTE,
        MAX_FORM_PARTS=500,
        COMPRESS_MIMETYPES=["text/html", "application/json", "text/calendar"],
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=3,  # half the time of 4 for a tenth more bytes
        WTF_CSRF_TIME_LIMIT=None,  # a slow writer must not lose a homework
        WTF_CSRF_SSL_STRICT=False,  # access checks where a form came from, on http as well
        BABEL_DEFAULT_LOCALE="fr",
        BABEL_DEFAULT_TIMEZONE=settings.time_zone.key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings.database_url),
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    db.init_app(app)
    with app.app_context():
        tune(db.engine)
    app.extensions["migrate"] = LocalProxy(partial(_load_migrations, app))
    # Before the CSRF check: a login that has ended is a reason of its own, for which the form is kept.
    access.init_app(app)
    csrf.init_app(app)
    Compress(app)
    babel.init_app(app, locale_selector=request_language)
    catalogues.init_app(app, babel)
    limits.init_app(app, limiter, settings)
    web.init_app(app)
    app.extensions["lms_store"] = LocalStore(settings.uploads)
    app.extensions["lms_received_store"] = LocalStore(settings.uploads / ".received")
    app.extensions["lms_partial_files"] = PartialFiles(settings.uploads / ".partial")
    jobs = Jobs(app, settings, make_mailer(settings), make_sms_sender(settings))
    app.extensions["lms_jobs"] = jobs
    on_outbox_commit(app, jobs.wake)
    on_received_files(app, jobs.files.announce)
    cli.init_app(app)
    blueprints.init_app(app)
    manifest = assets.build(Path(__file__).parent / "static", settings.instance / "static")
    app.jinja_env.globals["asset"] = manifest.url
    drawings.init_app(app, manifest.url("img/sprite.svg"))
    app.jinja_env.globals["in_french"] = speech.in_french
    app.jinja_env.filters["own_day"] = lambda moment: speech.own_day(moment, settings.time_zone)
    app.wsgi_app = assets.serve(app.wsgi_app, manifest, COMMON_HEADERS)  # type: ignore[assignment,method-assign]
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _load_migrations(app: Flask) -> object:
    """Return what the commands of Flask-Migrate work with; loading it takes 11 MB, which no page needs."""
    extension = import_module("flask_migrate").Migrate()
    extension.init_app(app, db, directory=str(MIGRATIONS), render_as_batch=True)
    return app.extensions["migrate"]


def _restrict_folder(folder: Path) -> None:
    """Let only the owner enter the folder, also one that a clone brings; a mode such as 750 is left."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_mode & 0o007 and folder.stat().st_uid == os.geteuid():
        folder.chmod(0o700)


def _restrict_permissions(url: str) -> None:
    """Let only the owner read the database file; SQLite gives its journal files the same mode."""
    name = make_url(url).database if url.startswith("sqlite:///") else None
    if not name or name == ":memory:" or not Path(name).parent.is_dir():
        return
    path = Path(name)
    path.touch(mode=0o600)
    if path.stat().st_mode & 0o077 and path.stat().st_uid == os.geteuid():
        path.chmod(0o600)


def _engine_options(url: str) -> dict[str, Any]:
    # Values of a statement that fails are names and texts of people: they must not reach the log.
    common = {"hide_parameters": True, **pool_limits()}
    if make_url(url).get_backend_name() == "sqlite":
        return {**common, "module": sqlite, "connect_args": {"check_same_thread": False}}
    return {**common, "pool_pre_ping": True}

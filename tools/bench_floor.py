"""The floor of `./dev bench`: what Flask with its usual extensions needs at least for such a page."""

from __future__ import annotations

from pathlib import Path

import flask_login
from flask import Flask, render_template, request, session
from flask_sqlalchemy import SQLAlchemy
from jinja2 import DictLoader
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from lms.extensions import sqlite, tune

ROW = "<li><a href='/x/{{ row.id }}'>{{ row.name }}</a> {{ row.text }}</li>"
BARE_PAGE = (
    "<!doctype html><html lang='fr'><title>x</title><main><h1>{{ me.name }}</h1>"
    "<ul>{% for row in rows %}" + ROW + "{% endfor %}</ul></main></html>"
)


class _Base(DeclarativeBase):
    pass


class Row(_Base):
    __tablename__ = "row"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    text: Mapped[str]


class Sent(_Base):
    __tablename__ = "sent"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class User(flask_login.UserMixin, _Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def bare_app(folder: Path, *, durable: bool = False) -> tuple[Flask, str]:
    """Return a minimal application with one page behind a login, and a cookie that is logged in.

    `/` shows 20 rows, a POST to it inserts three. `durable`: each commit reaches the disk as ours do.
    """
    app = Flask("bare")
    name = "durable" if durable else "bare"
    app.config.update(SECRET_KEY="bare", SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder / name}.sqlite3")
    if durable:
        options = {"module": sqlite, "connect_args": {"check_same_thread": False}}
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    # Compiled once, like any page: a string would be compiled at each request and flatter us.
    app.jinja_loader = DictLoader({"home.html": BARE_PAGE})
    db = SQLAlchemy(app, model_class=_Base, disable_autonaming=True)
    login = flask_login.LoginManager(app)
    login.user_loader(lambda key: db.session.get(User, int(key)))

    @app.get("/")
    @flask_login.login_required
    def home() -> str:
        rows = db.session.scalars(db.select(Row).order_by(Row.id)).all()
        return render_template("home.html", me=flask_login.current_user, rows=rows)

    @app.post("/")
    @flask_login.login_required
    def send() -> tuple[str, int]:
        for _ in range(3):
            db.session.add(Sent(text=request.form["text"]))
            db.session.flush()  # three statements, not one with three rows
        db.session.commit()
        return "", 303

    @app.get("/enter")
    def enter() -> str:
        session["_user_id"] = "1"
        session["_fresh"] = True
        return ""

    with app.app_context():
        if durable:
            tune(db.engine)
        _Base.metadata.create_all(db.engine)
        db.session.add(User(id=1, name="Samira"))
        db.session.add_all(Row(id=n, name=f"Ligne {n}", text="Un texte court.") for n in range(1, 21))
        db.session.commit()
    cookie = app.test_client().get("/enter").headers["Set-Cookie"].split(";")[0]
    return app, cookie

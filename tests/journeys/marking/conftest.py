"""A copy on the page of a teacher, once for the tests of a module; each begins without a mark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import delete, select, update

from lms.access import cookie_name
from lms.adapters.store import LocalStore
from lms.clock import now
from lms.domain.people import logins
from lms.models import Attempt, LoginKind, Mark, Rendition
from tests import factories
from tests.support.live_server import LiveServer
from tests.support.marking import Desk, sent_copy


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("marking"), template) as running:
        yield running


@pytest.fixture
def desk(request: pytest.FixtureRequest, browser: Browser, server: LiveServer) -> Iterator[Desk]:
    width, height, touch = getattr(request, "param", (1280, 800, False))
    school = server.school()
    store = LocalStore(school.settings.uploads)
    school.write(lambda s: s.execute(delete(Mark)))

    copy = school.read(lambda s: s.scalars(select(Attempt.id)).first())
    if copy is None:
        copy = school.write(lambda s: (factories.criteria(s), sent_copy(s, store))[1])
    school.write(lambda s: s.execute(update(Rendition).values(turns=0)))
    token = school.write(lambda s: logins.open_login(s, factories.nadia(s), LoginKind.STAFF, now=now()))
    base = server.url.replace("127.0.0.1", "localhost")
    context = browser.new_context(
        viewport={"width": width, "height": height},
        has_touch=touch,
        locale="fr",
        base_url=base,
        reduced_motion="reduce",
    )
    context.add_cookies([{"name": cookie_name(school.settings, "session"), "value": token, "url": base}])
    found = Desk(context.new_page(), context, school, copy)
    found.page.set_default_timeout(8000)
    found.open()
    yield found
    context.close()
    school.close()

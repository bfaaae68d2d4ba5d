from __future__ import annotations

import gzip
from functools import partial
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.models import Assignment, AuditEvent, ClipProgress, Lesson, LessonVisit, OpenedLevel, Person
from tests import factories
from tests.factories import NOW
from tests.support.pages import Element, Visitor
from tests.support.school import School

SAME_SITE = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


def give(session: Session, lesson: Lesson) -> Assignment:
    assignment = Assignment(
        lesson_id=lesson.id,
        instruction="Écrivez six mots.",
        created_at=NOW,
        created_by_id=factories.nadia(session).id,
    )
    session.add(assignment)
    session.flush()
    return assignment


def tell(visitor: Visitor, clip_id: str, **more: object) -> int:
    """What our script sends while the clip plays."""
    page = visitor.client.get(f"/lessons/{more.pop('lesson_id')}/watch").get_data(as_text=True)
    csrf = page.split('data-token="')[1].split('"')[0]
    response = visitor.client.post(
        f"/clips/{clip_id}/progress", headers={**SAME_SITE, "X-CSRFToken": csrf}, **more
    )
    return response.status_code


def test_the_list_shows_bridge_and_states_and_neither_drafts_nor_other_levels(school: School) -> None:
    def operation(s: Session) -> None:
        factories.lesson(s, "Bonjour")
        factories.lesson(s, "Brouillon", published=False)
        factories.lesson(s, "La commune", "N2")

    school.write(operation)
    page = school.visitor(school.write(factories.samira)).get("/lessons")
    assert page.status == 200
    assert "Bonjour" in page.text
    assert "Brouillon" not in page.text
    assert "La commune" not in page.text
    assert any("bridge" in svg.get("class") for svg in page.root.all("svg"))


def test_a_learner_without_lessons_and_one_without_a_level_are_told_what_comes_next(school: School) -> None:
    nobody = school.write(lambda s: factories.person(s, "Sans niveau", "learner"))
    assert "Pas encore de leçon" in school.visitor(school.write(factories.samira)).get("/lessons").text
    assert "Pas encore de niveau" in school.visitor(nobody).get("/lessons").text


@pytest.mark.parametrize("path", ["", "/watch", "/words", "/homework"])
def test_drafts_and_other_levels_do_not_exist_for_a_learner(school: School, path: str) -> None:
    def operation(s: Session) -> list[str]:
        return [
            factories.lesson(s, published=False).id,
            factories.lesson(s, "La commune", "N2").id,
            "nosuchlesson22",
        ]

    samira = school.visitor(school.write(factories.samira))
    for lesson_id in school.write(operation):
        assert samira.get(f"/lessons/{lesson_id}{path}").status == 404


def test_a_social_worker_finds_no_lessons_and_a_stranger_finds_the_door(school: School) -> None:
    lesson = school.write(factories.lesson)
    farid = school.visitor(school.write(factories.farid))
    for path in ("/lessons", f"/lessons/{lesson.id}", f"/lessons/{lesson.id}/watch", "/lessons/new"):
        assert farid.get(path).status == 404
        assert school.visitor().client.get(path).status_code == 303


def test_looking_at_a_lesson_changes_nothing(school: School) -> None:
    lesson = school.write(factories.lesson)
    samira = school.visitor(school.write(factories.samira))
    for path in ("", "/watch", "/words"):
        assert samira.get(f"/lessons/{lesson.id}{path}").status == 200
    assert school.read(lambda s: s.scalars(select(LessonVisit)).all()) == []
    assert school.read(lambda s: s.scalars(select(ClipProgress)).all()) == []


def test_i_watched_lights_the_plank_and_leads_to_the_words_however_often_it_is_pressed(
    school: School,
) -> None:
    lesson = school.write(factories.lesson)
    samira = school.visitor(school.write(factories.samira))
    watch = samira.get(f"/lessons/{lesson.id}")
    assert watch.url.endswith("/watch")
    assert "La planche s’allume quand vous avez regardé." in watch.text
    for _ in range(2):
        after = samira.submit(watch, action="/watched")
        assert (after.status, after.url) == (200, f"/lessons/{lesson.id}/words")
    assert len(school.read(lambda s: s.scalars(select(ClipProgress)).all())) == 1
    assert "Fait" in samira.get("/lessons").text
    assert "Vidéo regardée" in samira.get(f"/lessons/{lesson.id}/watch").text


def test_with_two_clips_the_button_leads_to_the_one_that_waits(school: School) -> None:
    lesson = school.write(lambda s: factories.lesson(s, clips=2))
    first, second = lesson.clips
    samira = school.visitor(school.write(factories.samira))
    watch = samira.get(f"/lessons/{lesson.id}/watch")
    answer = samira.submit(watch, action=f"/clips/{first.id}/watched", follow=False)
    assert answer.response.headers["Location"] == f"/lessons/{lesson.id}/watch#clip-{second.id}"
    assert "Continuer" in samira.get("/lessons").text


def test_the_lesson_opens_at_the_step_where_she_left(school: School) -> None:
    lesson = school.write(factories.lesson)
    school.write(lambda s: give(s, lesson))
    samira = school.visitor(school.write(factories.samira))
    page = samira.get(f"/lessons/{lesson.id}/watch")
    for step in ("words", "homework"):
        page = samira.submit(page, {"step": step}, action="/visits")
        assert page.url.endswith(f"/{step}")
        assert samira.get(f"/lessons/{lesson.id}").url.endswith(f"/{step}")


def test_the_step_my_homework_leads_to_the_assignments_and_is_absent_without_one(school: School) -> None:
    lesson = school.write(factories.lesson)
    samira = school.visitor(school.write(factories.samira))
    assert samira.get(f"/lessons/{lesson.id}/homework").status == 404
    assert "Mon devoir" not in samira.get(f"/lessons/{lesson.id}/watch").text
    assignment = school.write(lambda s: give(s, lesson))
    page = samira.get(f"/lessons/{lesson.id}/homework")
    assert f"/assignments/{assignment.id}" in page.links().values()


def test_a_rehearsal_leads_the_teacher_to_her_desk_and_nobody_to_a_dead_end(school: School) -> None:
    lesson = school.write(factories.lesson)
    assignment = school.write(lambda s: give(s, lesson))
    for who, leads in ((factories.nadia, {f"/assignments/{assignment.id}/edit"}), (factories.claire, set())):
        visitor = school.visitor(school.write(who))
        page = visitor.get(f"/lessons/{lesson.id}/homework")
        assert {href for href in page.links().values() if "/assignments/" in href} == leads
        assert all(visitor.get(href).status == 200 for href in leads)


def test_a_lesson_to_read_is_done_when_she_goes_on(school: School) -> None:
    lesson = school.write(lambda s: factories.lesson(s, clips=0, words=()))
    samira = school.visitor(school.write(factories.samira))
    page = samira.get(f"/lessons/{lesson.id}/watch")
    assert "La planche s’allume quand vous avez lu." in page.text
    after = samira.submit(page, {"step": "end"}, action="/visits")
    assert after.url == "/lessons"
    assert "Fait" in after.text


def test_ending_without_watching_says_what_is_missing(school: School) -> None:
    lesson = school.write(factories.lesson)
    samira = school.visitor(school.write(factories.samira))
    page = samira.submit(samira.get(f"/lessons/{lesson.id}/words"), {"step": "end"}, action="/visits")
    assert page.url.endswith("/watch")
    assert "Regardez encore la vidéo" in page.text


@pytest.mark.parametrize("step", ["", "homework", "nowhere", "\x00"])
def test_a_step_that_the_lesson_does_not_have_is_refused(school: School, step: str) -> None:
    lesson = school.write(factories.lesson)
    samira = school.visitor(school.write(factories.samira))
    page = samira.get(f"/lessons/{lesson.id}/watch")
    assert samira.submit(page, {"step": step}, action="/visits").status == 400


def test_the_clip_goes_on_at_the_second_that_was_told(school: School) -> None:
    lesson = school.write(factories.lesson)
    samira = school.visitor(school.write(factories.samira))
    clip = lesson.clips[0]
    assert tell(samira, clip.id, lesson_id=lesson.id, json={"seconds": 47.8}) == 204
    assert "start=47&" in samira.get(f"/lessons/{lesson.id}/watch").html.replace("&amp;", "&")
    assert tell(samira, clip.id, lesson_id=lesson.id, data={"seconds": "12"}) == 204
    assert "start=12&" in samira.get(f"/lessons/{lesson.id}/watch").html.replace("&amp;", "&")


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {"seconds": "bientôt"}},
        {"json": {"seconds": None}},
        {"json": {"seconds": [1]}},
        {"json": [1]},
        {"json": "1"},
        {"data": b"{", "content_type": "application/json"},
        {"data": b'{"seconds": NaN}', "content_type": "application/json"},
        {"data": b'{"seconds": 1e999}', "content_type": "application/json"},
        {"data": {}},
    ],
)
def test_progress_that_is_no_number_is_refused(school: School, sent: dict[str, object]) -> None:
    lesson = school.write(factories.lesson)
    samira = school.visitor(school.write(factories.samira))
    assert tell(samira, lesson.clips[0].id, lesson_id=lesson.id, **sent) == 400


def test_the_clip_of_another_level_takes_neither_progress_nor_button(school: School) -> None:
    own = school.write(factories.lesson)
    other = school.write(lambda s: factories.lesson(s, "La commune", "N2"))
    samira = school.visitor(school.write(factories.samira))
    assert tell(samira, other.clips[0].id, lesson_id=own.id, json={"seconds": 1}) == 404
    page = samira.get(f"/lessons/{own.id}/watch")
    page.form("/watched").attrs["action"] = f"/clips/{other.clips[0].id}/watched"
    assert samira.submit(page, action="/watched").status == 404


def test_a_post_without_the_token_of_a_page_changes_nothing(school: School) -> None:
    lesson = school.write(factories.lesson)
    samira = school.visitor(school.write(factories.samira))
    assert samira.client.post(f"/clips/{lesson.clips[0].id}/watched", headers=SAME_SITE).status_code == 400
    assert school.read(lambda s: s.scalars(select(ClipProgress)).all()) == []


def test_the_yes_to_youtube_is_kept_and_asked_once(school: School) -> None:
    lesson = school.write(factories.lesson)
    samira = school.write(factories.samira)
    visitor = school.visitor(samira)
    page = visitor.get(f"/lessons/{lesson.id}/watch")
    assert "YouTube reçoit des données." in page.text
    assert 'data-consent="no"' in page.html
    after = visitor.submit(page, action="/consents/video")
    assert after.url.endswith(f"/lessons/{lesson.id}/watch")
    assert 'data-consent="yes"' in after.html
    assert school.read(lambda s: s.get_one(Person, samira.id).video_consent_at) is not None


def test_the_yes_leads_nowhere_else(school: School) -> None:
    lesson = school.write(factories.lesson)
    visitor = school.visitor(school.write(factories.samira))
    page = visitor.get(f"/lessons/{lesson.id}/watch")
    answer = visitor.submit(page, {"next": "https://evil.example/"}, action="/consents/video", follow=False)
    assert answer.response.headers["Location"] == "/lessons"


def loaded_by_itself(root: Element) -> list[str]:
    """What a browser fetches of a page before anybody touches it."""
    found = [e.get("src") for e in root.all() if e.get("src")]
    found += [e.get("poster") or e.get("data") or e.get("srcset") for e in root.all("video", "object", "img")]
    found += [e.get("href") for e in root.all("link", "use", "image", "base")]
    return [address for address in found if address]


@pytest.mark.parametrize("path", ["/lessons", "/lessons/{}/watch", "/lessons/{}/words"])
def test_no_page_of_a_lesson_asks_a_third_party_by_itself(school: School, path: str) -> None:
    lesson = school.write(
        lambda s: factories.lesson(s, instructions="![x](https://pisteur.example/p.png) [y](https://a.be)")
    )
    samira = school.write(factories.samira)
    visitor = school.visitor(samira)
    visitor.submit(visitor.get(f"/lessons/{lesson.id}/watch"), action="/consents/video")
    root = visitor.get(path.format(lesson.id)).root
    addresses = loaded_by_itself(root)
    assert addresses
    assert [a for a in addresses if urlsplit(a).netloc] == []
    assert root.all("iframe", "video", "audio", "embed") == []


def test_without_script_the_poster_is_a_plain_link_after_the_notice(school: School) -> None:
    lesson = school.write(factories.lesson)
    page = school.visitor(school.write(factories.samira)).get(f"/lessons/{lesson.id}/watch")
    poster = next(a for a in page.root.all("a") if "data-play" in a.attrs)
    assert poster.get("href") == f"https://www.youtube.com/watch?v={lesson.clips[0].youtube_id}"
    assert (poster.get("target"), poster.get("rel")) == ("_blank", "noopener")
    assert "3 min" in poster.text
    assert "12 Mo" in poster.text
    assert "Ouvrir sur YouTube" in page.links()


def test_the_content_of_a_lesson_is_french_inside_an_arabic_page(school: School) -> None:
    lesson = school.write(factories.lesson)
    samira = school.write(lambda s: factories.samira(s, language="ar"))
    page = school.visitor(samira).get(f"/lessons/{lesson.id}/watch")
    assert page.root.all("html")[0].get("dir") == "rtl"
    french = [e.text for e in page.root.all() if (e.get("lang"), e.get("dir")) == ("fr", "ltr")]
    for piece in (lesson.title, "Regardez deux fois .", "Bonjour. Je m’appelle Samira."):
        assert piece in french


def test_the_team_sees_the_same_page_as_a_preview_and_nothing_is_kept(school: School) -> None:
    draft = school.write(lambda s: factories.lesson(s, published=False))
    nadia = school.visitor(school.write(factories.nadia))
    page = nadia.get(f"/lessons/{draft.id}/watch")
    assert "Rien n’est gardé." in page.text
    assert [f.get("action") for f in page.root.all("form") if "watched" in f.get("action")] == []
    token = page.form("/consents/video").all("input")[0].get("value")
    for path in (f"/clips/{draft.clips[0].id}/watched", f"/lessons/{draft.id}/visits"):
        sent = nadia.client.post(path, data={"csrf_token": token, "step": "words"}, headers=SAME_SITE)
        assert sent.status_code == 404
    assert school.read(lambda s: s.scalars(select(LessonVisit)).all()) == []
    actions = school.read(lambda s: s.scalars(select(AuditEvent.action)).all())
    assert "lesson_published" not in actions


@pytest.mark.parametrize("step", ["watch", "words", "homework"])
def test_a_step_costs_the_same_few_statements_for_one_and_for_thirty(school: School, step: str) -> None:
    def operation(s: Session, many: int) -> str:
        lesson = factories.lesson(s, f"Avec {many}", clips=many, words=tuple(f"mot {n}" for n in range(many)))
        for _ in range(many):
            give(s, lesson)
        return lesson.id

    visitor = school.visitor(school.write(factories.samira))
    counts = []
    for many in (1, 30):
        lesson_id = school.write(lambda s, many=many: operation(s, many))  # type: ignore[misc]
        visitor.get("/lessons")
        with school.counting_statements() as sent:
            assert visitor.get(f"/lessons/{lesson_id}/{step}").status == 200
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 6


def test_the_list_costs_the_same_few_statements_for_one_and_for_thirty(school: School) -> None:
    def open_second(s: Session) -> None:
        row = {"person_id": factories.samira(s).id, "level_id": factories.level(s, "N2").id}
        s.add(OpenedLevel(**row, opened_by_id=factories.nadia(s).id, opened_at=NOW))
        factories.lesson(s)

    school.write(open_second)
    visitor = school.visitor(school.write(factories.samira))
    counts = []
    for more in (0, 29):
        for n in range(more):
            school.write(partial(factories.lesson, title=f"L {n}"))
        visitor.get("/me")
        with school.counting_statements() as sent:
            assert visitor.get("/lessons").status == 200
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 6


def test_the_lesson_page_is_light(school: School) -> None:
    lesson = school.write(factories.lesson)
    visitor = school.visitor(school.write(factories.samira))
    page = visitor.get(f"/lessons/{lesson.id}/watch")
    addresses = {a.split("#")[0] for a in loaded_by_itself(page.root)}
    weight = len(gzip.compress(page.html.encode()))
    for address in addresses:
        with visitor.client.get(address, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.status_code == 200
            weight += len(answer.get_data())
    assert len(addresses) + 1 <= 7
    assert weight <= 60_000

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain.lessons import authoring, queries, tracking
from lms.models import Assignment, AuditEvent, Clip, Lesson
from tests import factories
from tests.factories import NOW
from tests.support.pages import Page, Visitor, file
from tests.support.school import House

LINK = "https://youtu.be/dQw4w9WgXcQ?t=12"
VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\nBonjour à tous.\n"


def teacher(house: House) -> Visitor:
    house.write(factories.school)
    return house.visitor(house.write(factories.nadia))


def whole(house: House, lesson_id: str) -> Lesson:
    def ask(s: Session) -> Lesson:
        lesson = queries.lesson_for(s, factories.nadia(s), lesson_id, whole=True)
        s.expunge_all()
        return lesson

    return house.read(ask)


def count(house: House, thing: type[Any] = Lesson) -> int:
    return house.read(lambda s: s.scalars(select(func.count()).select_from(thing)).one())


def save(visitor: Visitor, page: Page, values: dict[str, Any] | None = None, do: str = "save") -> Page:
    lesson_id = page.url.split("/")[2].split("?")[0]
    return visitor.submit(page, {"do": do, **(values or {})}, action=f"/lessons/{lesson_id}")


def test_a_level_a_title_and_a_link_make_a_lesson(house: House) -> None:
    nadia = teacher(house)
    page = nadia.submit(
        nadia.get("/lessons/new"), {"title": "Je prends le bus", "links": LINK}, action="/lessons"
    )
    assert page.status == 200
    assert page.url.endswith("/edit")
    lesson = whole(house, page.url.split("/")[2])
    clip = lesson.clips[0]
    assert (lesson.title, lesson.published_at) == ("Je prends le bus", None)
    assert (clip.youtube_id, clip.starts) == ("dQw4w9WgXcQ", 12)


def test_saving_a_new_lesson_twice_makes_one(house: House) -> None:
    nadia = teacher(house)
    form = nadia.get("/lessons/new")
    pages = [nadia.submit(form, {"title": "Une fois", "links": LINK}, action="/lessons") for _ in range(2)]
    assert pages[0].url == pages[1].url
    assert (count(house), count(house, Clip)) == (1, 1)


def test_several_links_become_clips_in_their_order_and_a_pasted_frame_is_one(house: House) -> None:
    nadia = teacher(house)
    links = "https://youtu.be/aaaaaaaaaaa\n\nyoutube.com/watch?v=bbbbbbbbbbb"
    page = nadia.submit(nadia.get("/lessons/new"), {"title": "Deux", "links": links}, action="/lessons")
    assert [c.youtube_id for c in whole(house, page.url.split("/")[2]).clips] == ["a" * 11, "b" * 11]
    frame = '<iframe width="5"\n src="https://www.youtube.com/embed/ccccccccccc"\n></iframe>'
    page = nadia.submit(nadia.get("/lessons/new"), {"title": "Cadre", "links": frame}, action="/lessons")
    assert [c.youtube_id for c in whole(house, page.url.split("/")[2]).clips] == ["c" * 11]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"links": "https://vimeo.com/1"}, "Ce lien ne vient pas de YouTube."),
        ({"links": f"{LINK}\nbonjour"}, "Ligne 2"),
        ({"links": f"{LINK}\n" * 21}, "C’est trop de vidéos"),
        ({"title": ""}, "Écrivez quelque chose ici."),
        ({"title": "x" * 121}, "C’est trop long."),
        ({"goal": "x" * 201}, "C’est trop long."),
        ({"level": "nosuchlevel222"}, ""),
        ({"level": ""}, ""),
    ],
)
def test_a_wrong_field_is_named_and_everything_typed_is_kept(
    house: House, values: dict[str, str], sentence: str
) -> None:
    nadia = teacher(house)
    typed = {"title": "Mon titre", "goal": "Je peux lire.", "links": LINK, **values}
    page = nadia.submit(nadia.get("/lessons/new"), typed, action="/lessons")
    assert page.status == 422
    assert sentence in page.text
    assert any(e.get("aria-invalid") for e in page.root.all())
    for name in ("title", "goal"):
        assert next(e for e in page.root.all("input") if e.get("name") == name).get("value") == typed[name]
    assert typed["links"].strip() in "".join(str(c) for e in page.root.all("textarea") for c in e.children)
    assert count(house) == 0


def test_everything_of_a_lesson_can_be_changed_on_its_page(house: House) -> None:
    lesson = house.write(factories.lesson)
    nadia = teacher(house)
    page = save(
        nadia,
        nadia.get(f"/lessons/{lesson.id}/edit"),
        {
            "title": "Nouveau titre",
            "goal": "Je peux dire l’heure.",
            "instructions": "- Écoutez",
            "words": "lundi\n\n mardi 📅 ",
            "clips-0-address": "https://youtu.be/bbbbbbbbbbb?t=5",
            "clips-0-title": "Les jours",
            "clips-0-minutes": "3:20",
            "clips-0-transcript": "Lundi. Mardi.",
        },
    )
    assert page.status == 200
    after = whole(house, lesson.id)
    assert (after.title, after.goal, after.instructions) == (
        "Nouveau titre",
        "Je peux dire l’heure.",
        "- Écoutez",
    )
    assert [word.text for word in after.words] == ["lundi", "mardi 📅"]
    clip = after.clips[0]
    assert clip.id == lesson.clips[0].id
    assert (clip.youtube_id, clip.starts, clip.title, clip.seconds) == ("b" * 11, 5, "Les jours", 200)
    assert clip.transcript == "Lundi. Mardi."


def test_saving_an_untouched_page_changes_nothing(house: House) -> None:
    lesson = house.write(lambda s: factories.lesson(s, clips=2))
    nadia = teacher(house)
    before = authoring.fingerprint(whole(house, lesson.id))
    assert save(nadia, nadia.get(f"/lessons/{lesson.id}/edit")).status == 200
    assert authoring.fingerprint(whole(house, lesson.id)) == before


def test_saving_the_same_page_twice_is_no_quarrel_with_oneself(house: House) -> None:
    lesson = house.write(factories.lesson)
    nadia = teacher(house)
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    for _ in range(2):
        assert save(nadia, page, {"title": "Nouveau", "links": LINK}).status == 200
    assert len(whole(house, lesson.id).clips) == 2


def test_who_goes_back_and_writes_on_is_not_told_that_it_is_kept_when_it_is_not(house: House) -> None:
    lesson = house.write(factories.lesson)
    nadia = teacher(house)
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    assert save(nadia, page, {"title": "Premier"}).status == 200
    again = save(nadia, page, {"title": "Second, après le bouton retour"})
    assert again.status == 409
    assert "Second, après le bouton retour" in again.html
    assert whole(house, lesson.id).title == "Premier"


def test_clips_are_added_moved_and_removed_by_buttons_that_keep_what_is_typed(house: House) -> None:
    lesson = house.write(lambda s: factories.lesson(s, clips=2))
    first, second = (clip.id for clip in lesson.clips)
    nadia = teacher(house)
    page = save(nadia, nadia.get(f"/lessons/{lesson.id}/edit"), {"goal": "Gardé"}, do="down:0")
    assert [clip.id for clip in whole(house, lesson.id).clips] == [second, first]
    page = save(nadia, page, {"links": LINK})
    added = [clip.id for clip in whole(house, lesson.id).clips]
    assert added[:2] == [second, first]
    page = save(nadia, page, {"clips-0-address": "plus rien"}, do="remove:0")
    assert page.status == 200
    assert [clip.id for clip in whole(house, lesson.id).clips] == added[1:]
    assert whole(house, lesson.id).goal == "Gardé"


@pytest.mark.parametrize("do", ["up:9", "down:²", "remove:-1", "remove", "dance", "up:0:1", ""])
def test_a_button_that_is_not_on_the_page_is_refused(house: House, do: str) -> None:
    lesson = house.write(factories.lesson)
    nadia = teacher(house)
    assert save(nadia, nadia.get(f"/lessons/{lesson.id}/edit"), do=do).status == 400
    assert len(whole(house, lesson.id).clips) == 1


@pytest.mark.parametrize(
    ("name", "typed", "sentence"),
    [
        ("clips-0-address", "https://www.youtube.com/@unprof", "C’est une chaîne."),
        ("clips-0-address", "", "Ce lien ne mène pas à une vidéo."),
        ("clips-0-minutes", "longtemps", "Écrivez les minutes"),
        ("clips-0-transcript", "WEBVTT\n", "Ce fichier ne contient pas de texte."),
        ("words", "mot\n" * 81, "C’est trop de mots"),
        ("words", "m" * 121, "Un mot est trop long."),
        ("links", "https://youtube.com.evil.example/watch?v=dQw4w9WgXcQ", "Ce lien ne vient pas de YouTube."),
    ],
)
def test_a_wrong_field_of_the_desk_is_named_and_all_the_rest_is_kept(
    house: House, name: str, typed: str, sentence: str
) -> None:
    lesson = house.write(factories.lesson)
    nadia = teacher(house)
    page = save(nadia, nadia.get(f"/lessons/{lesson.id}/edit"), {"goal": "Gardé", name: typed})
    assert page.status == 422
    assert sentence in page.text
    field = next(e for e in page.root.all("input", "textarea") if e.get("name") == name)
    assert field.get("aria-invalid") == "true"
    assert "Gardé" in [e.get("value") for e in page.root.all("input")]
    assert whole(house, lesson.id).goal == lesson.goal
    assert save(nadia, page, {name: {"links": "", "words": "lundi"}.get(name, LINK)}).status in (200, 422)


def test_a_caption_file_becomes_the_text_of_its_clip(house: House) -> None:
    lesson = house.write(factories.lesson)
    nadia = teacher(house)
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    page = save(nadia, page, {"clips-0-captions": file(VTT.encode("utf-16"), "sous-titres.vtt")})
    assert page.status == 200
    assert whole(house, lesson.id).clips[0].transcript == "Bonjour à tous."


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0", "Ce fichier n’est pas un texte."),
        (b"", "Ce fichier ne contient pas de texte."),
        (b"a" * 2_000_000, "Les sous-titres sont trop longs."),
    ],
)
def test_a_file_that_is_no_caption_is_refused_beside_its_field(
    house: House, content: bytes, sentence: str
) -> None:
    lesson = house.write(factories.lesson)
    nadia = teacher(house)
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    page = save(nadia, page, {"goal": "Gardé", "clips-0-captions": file(content, "x.srt")})
    assert page.status == 422
    assert sentence in page.text
    assert whole(house, lesson.id).clips[0].transcript == lesson.clips[0].transcript


def test_a_heap_of_files_is_turned_away_before_it_is_read(house: House) -> None:
    lesson = house.write(factories.lesson)
    nadia = teacher(house)
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    assert save(nadia, page, {"clips-0-captions": file(b"a" * (7 << 20), "x.srt")}).status == 413


@pytest.mark.parametrize(
    "name", ["clips-²-address", "clips-99999999999-address", "clips--1-address", "clips-0-"]
)
def test_strange_numbers_of_clips_are_not_read(house: House, name: str) -> None:
    lesson = house.write(factories.lesson)
    nadia = teacher(house)
    assert save(nadia, nadia.get(f"/lessons/{lesson.id}/edit"), {name: LINK}).status == 200
    assert len(whole(house, lesson.id).clips) == 1


def test_a_second_teacher_sees_both_versions_and_nothing_is_lost(house: House) -> None:
    lesson = house.write(factories.lesson)
    nadia, luc = teacher(house), house.visitor(house.write(factories.luc))
    pages = [visitor.get(f"/lessons/{lesson.id}/edit") for visitor in (nadia, luc)]
    assert save(nadia, pages[0], {"instructions": "La consigne de Nadia"}).status == 200
    told = save(luc, pages[1], {"instructions": "La consigne de Luc"})
    assert told.status == 409
    assert "Une autre personne a changé cette leçon." in told.text
    assert "La consigne de Nadia" in [e.text for e in told.root.all("pre")]
    assert "La consigne de Luc" in [e.text for e in told.root.all("textarea")]
    assert whole(house, lesson.id).instructions == "La consigne de Nadia"
    assert save(luc, told, {"instructions": "Les deux"}).status == 200
    assert whole(house, lesson.id).instructions == "Les deux"


def test_publishing_shows_the_lesson_warns_without_a_text_and_is_journalled(house: House) -> None:
    def deed(s: Session) -> Lesson:
        lesson = factories.lesson(s, published=False)
        lesson.clips[0].transcript = ""
        return lesson

    lesson = house.write(deed)
    nadia, samira = teacher(house), house.visitor(house.write(factories.samira))
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    assert "Vidéos sans texte" in page.text
    page = save(nadia, page, {"goal": "Gardé"}, do="publish")
    assert whole(house, lesson.id).goal == "Gardé"
    assert "La leçon est publiée." in page.text
    assert "Une vidéo n’a pas de texte." in page.text
    assert samira.get(f"/lessons/{lesson.id}").status == 200
    page = nadia.submit(page, action="/retraction")
    assert samira.get(f"/lessons/{lesson.id}").status == 404
    lines = house.read(lambda s: s.scalars(select(AuditEvent.action).order_by(AuditEvent.at)).all())
    assert sorted(lines) == ["lesson_edited", "lesson_published", "lesson_unpublished"]


def test_an_empty_lesson_is_not_published_and_the_page_says_what_is_missing(house: House) -> None:
    lesson = house.write(lambda s: factories.lesson(s, clips=0, words=(), instructions="", published=False))
    nadia = teacher(house)
    page = save(nadia, nadia.get(f"/lessons/{lesson.id}/edit"), {"goal": "Gardé"}, do="publish")
    assert page.status == 422
    assert "La leçon est vide." in page.text
    assert "Gardé" in [e.get("value") for e in page.root.all("input")]
    assert whole(house, lesson.id).published_at is None


def test_lessons_are_ordered_by_buttons(house: House) -> None:
    first, second = (house.write(lambda s, t=t: factories.lesson(s, t)) for t in ("Un", "Deux"))  # type: ignore[misc]
    nadia = teacher(house)
    page = nadia.get("/lessons")
    page = nadia.submit(page, {"way": "up"}, action=f"/lessons/{second.id}/position")
    assert page.html.index("Deux") < page.html.index("Un<")
    assert nadia.submit(page, {"way": "sideways"}, action=f"/lessons/{first.id}/position").status == 400


@pytest.mark.parametrize("who", ["samira", "farid"])
def test_learners_and_social_workers_make_no_lessons(house: House, who: str) -> None:
    lesson = house.write(factories.lesson)
    visitor = house.visitor(house.write(getattr(factories, who)))
    for path in ("/lessons/new", f"/lessons/{lesson.id}/edit"):
        assert visitor.get(path).status == 404
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    house.app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # the shield of forms must not be what says no
    for path in (
        "/lessons",
        f"/lessons/{lesson.id}",
        f"/lessons/{lesson.id}/retraction",
        f"/lessons/{lesson.id}/position",
    ):
        assert visitor.client.post(path, headers=headers).status_code == 404
    assert whole(house, lesson.id).published_at is not None


def test_the_coordinator_may_make_lessons_too(house: House) -> None:
    house.write(factories.school)
    claire = house.visitor(house.write(factories.claire))
    page = claire.submit(claire.get("/lessons/new"), {"title": "De Claire"}, action="/lessons")
    assert page.status == 200
    assert count(house) == 1


def test_the_desk_shows_state_clips_homework_and_who_has_done_it(house: House) -> None:
    def deed(s: Session) -> None:
        lesson = factories.lesson(s, clips=2)
        factories.lesson(s, "Brouillon", published=False)
        for clip in lesson.clips:
            tracking.watched(s, clip, factories.samira(s), now=NOW)
        s.add(
            Assignment(
                lesson_id=lesson.id, instruction="Écrivez.", made_at=NOW, made_by_id=factories.nadia(s).id
            )
        )

    house.write(deed)
    page = teacher(house).get("/lessons")
    cells = [td.text for td in page.root.all("tbody")[0].all("tr")[0].all("td")]
    assert cells[:4] == ["Publiée", "2", "1", "1"]
    assert "Brouillon" in page.root.all("tbody")[0].all("tr")[1].text


@pytest.mark.parametrize("path", ["/lessons", "/lessons/{}/edit"])
def test_the_desk_costs_the_same_statements_for_one_and_for_many(house: House, path: str) -> None:
    nadia = teacher(house)
    counts = []
    for many in (1, 20):
        lesson = house.write(lambda s, many=many: factories.lesson(s, f"De {many}", clips=many))  # type: ignore[misc]
        house.write(lambda s, many=many: [factories.lesson(s, f"L {n}") for n in range(many)])  # type: ignore[misc]
        with house.counting_statements() as sent:
            assert nadia.get(path.format(lesson.id)).status == 200
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 7

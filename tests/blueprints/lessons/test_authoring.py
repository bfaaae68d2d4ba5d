from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain.lessons import authoring, queries, tracking
from lms.models import AuditEvent, Clip, Lesson
from tests import factories
from tests.factories import NOW
from tests.support.pages import Page, Visitor, file
from tests.support.school import School

LINK = "https://youtu.be/dQw4w9WgXcQ?t=12"
VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\nBonjour à tous.\n"


def teacher(school: School) -> Visitor:
    school.write(factories.organisation)
    return school.visitor(school.write(factories.nadia))


def whole(school: School, lesson_id: str) -> Lesson:
    def ask(s: Session) -> Lesson:
        lesson = queries.lesson_for(s, factories.nadia(s), lesson_id, whole=True)
        s.expunge_all()
        return lesson

    return school.read(ask)


def count(school: School, thing: type[Any] = Lesson) -> int:
    return school.read(lambda s: s.scalars(select(func.count()).select_from(thing)).one())


def save(
    visitor: Visitor, page: Page, values: dict[str, Any] | None = None, button: str | None = None
) -> Page:
    lesson_id = page.url.split("/")[2].split("?")[0]
    return visitor.submit(page, values, action=f"/lessons/{lesson_id}", button=button)


def test_a_level_a_title_and_a_link_make_a_lesson(school: School) -> None:
    nadia = teacher(school)
    page = nadia.submit(
        nadia.get("/lessons/new"), {"title": "Je prends le bus", "links": LINK}, action="/lessons"
    )
    assert page.status == 200
    assert page.url.endswith("/edit")
    lesson = whole(school, page.url.split("/")[2])
    clip = lesson.clips[0]
    assert (lesson.title, lesson.published_at) == ("Je prends le bus", None)
    assert (clip.youtube_id, clip.starts) == ("dQw4w9WgXcQ", 12)


def test_saving_a_new_lesson_twice_makes_one(school: School) -> None:
    nadia = teacher(school)
    form = nadia.get("/lessons/new")
    pages = [nadia.submit(form, {"title": "Une fois", "links": LINK}, action="/lessons") for _ in range(2)]
    assert pages[0].url == pages[1].url
    assert (count(school), count(school, Clip)) == (1, 1)


def test_several_links_become_clips_in_their_order_and_a_pasted_frame_is_one(school: School) -> None:
    nadia = teacher(school)
    links = "https://youtu.be/aaaaaaaaaaa\n\nyoutube.com/watch?v=bbbbbbbbbbb"
    page = nadia.submit(nadia.get("/lessons/new"), {"title": "Deux", "links": links}, action="/lessons")
    assert [c.youtube_id for c in whole(school, page.url.split("/")[2]).clips] == ["a" * 11, "b" * 11]
    frame = '<iframe width="5"\n src="https://www.youtube.com/embed/ccccccccccc"\n></iframe>'
    page = nadia.submit(nadia.get("/lessons/new"), {"title": "Cadre", "links": frame}, action="/lessons")
    assert [c.youtube_id for c in whole(school, page.url.split("/")[2]).clips] == ["c" * 11]


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
    school: School, values: dict[str, str], sentence: str
) -> None:
    nadia = teacher(school)
    typed = {"title": "Mon titre", "goal": "Je peux lire.", "links": LINK, **values}
    page = nadia.submit(nadia.get("/lessons/new"), typed, action="/lessons")
    assert page.status == 422
    assert sentence in page.text
    assert any(e.get("aria-invalid") for e in page.root.all())
    for name in ("title", "goal"):
        assert next(e for e in page.root.all("input") if e.get("name") == name).get("value") == typed[name]
    assert typed["links"].strip() in "".join(each.own_text for each in page.root.all("textarea"))
    assert count(school) == 0


def test_everything_of_a_lesson_can_be_changed_on_its_page(school: School) -> None:
    lesson = school.write(factories.lesson)
    nadia = teacher(school)
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
    after = whole(school, lesson.id)
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


def test_saving_an_untouched_page_changes_nothing(school: School) -> None:
    lesson = school.write(lambda s: factories.lesson(s, clips=2))
    nadia = teacher(school)
    before = authoring.fingerprint(whole(school, lesson.id))
    assert save(nadia, nadia.get(f"/lessons/{lesson.id}/edit")).status == 200
    assert authoring.fingerprint(whole(school, lesson.id)) == before


def test_saving_the_same_page_twice_is_no_quarrel_with_oneself(school: School) -> None:
    lesson = school.write(factories.lesson)
    nadia = teacher(school)
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    for _ in range(2):
        assert save(nadia, page, {"title": "Nouveau", "links": LINK}).status == 200
    assert len(whole(school, lesson.id).clips) == 2


def test_who_goes_back_and_writes_on_is_not_told_that_it_is_kept_when_it_is_not(school: School) -> None:
    lesson = school.write(factories.lesson)
    nadia = teacher(school)
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    assert save(nadia, page, {"title": "Premier"}).status == 200
    again = save(nadia, page, {"title": "Second, après le bouton retour"})
    assert again.status == 409
    assert "Second, après le bouton retour" in again.html
    assert whole(school, lesson.id).title == "Premier"


def test_clips_are_added_moved_and_removed_by_buttons_that_keep_what_is_typed(school: School) -> None:
    lesson = school.write(lambda s: factories.lesson(s, clips=2))
    first, second = (clip.id for clip in lesson.clips)
    nadia = teacher(school)
    page = save(nadia, nadia.get(f"/lessons/{lesson.id}/edit"), {"goal": "Gardé"}, button=f"/{first}/descent")
    assert [clip.id for clip in whole(school, lesson.id).clips] == [second, first]
    page = save(nadia, page, button=f"/{first}/ascent")
    assert [clip.id for clip in whole(school, lesson.id).clips] == [first, second]
    page = save(nadia, page, button=f"/{first}/descent")
    page = save(nadia, page, {"links": LINK})
    added = [clip.id for clip in whole(school, lesson.id).clips]
    assert added[:2] == [second, first]
    page = save(nadia, page, {"clips-0-address": "plus rien"}, button=f"/{second}/removal")
    assert page.status == 200
    assert [clip.id for clip in whole(school, lesson.id).clips] == added[1:]
    assert whole(school, lesson.id).goal == "Gardé"


@pytest.mark.parametrize("end", ["removal", "ascent", "descent"])
def test_a_button_that_is_not_on_the_page_is_refused(school: School, end: str) -> None:
    lesson, other = school.write(lambda s: (factories.lesson(s), factories.lesson(s, "Une autre")))
    nadia = teacher(school)
    for clip_id in (other.clips[0].id, "0", "²"):
        page = nadia.get(f"/lessons/{lesson.id}/edit")
        page.form(f"/lessons/{lesson.id}").attrs["action"] = f"/lessons/{lesson.id}/clips/{clip_id}/{end}"
        assert nadia.submit(page, action=f"/clips/{clip_id}/{end}").status == 400
    assert len(whole(school, lesson.id).clips) == len(whole(school, other.id).clips) == 1


def test_the_address_of_a_button_leads_back_to_the_editor(school: School) -> None:
    """A refused form stands there; whoever loads the page again asks for that address."""
    lesson = school.write(lambda s: factories.lesson(s, published=False))
    nadia = teacher(school)
    refused = save(nadia, nadia.get(f"/lessons/{lesson.id}/edit"), {"title": ""}, button="/publication")
    assert (refused.status, refused.url) == (422, f"/lessons/{lesson.id}/publication")
    for end in ("publication", "clips/x/removal", "clips/x/ascent", "clips/x/descent"):
        assert nadia.get(f"/lessons/{lesson.id}/{end}").url == f"/lessons/{lesson.id}/edit"


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
    school: School, name: str, typed: str, sentence: str
) -> None:
    lesson = school.write(factories.lesson)
    nadia = teacher(school)
    page = save(nadia, nadia.get(f"/lessons/{lesson.id}/edit"), {"goal": "Gardé", name: typed})
    assert page.status == 422
    assert sentence in page.text
    field = next(e for e in page.root.all("input", "textarea") if e.get("name") == name)
    assert field.get("aria-invalid") == "true"
    assert "Gardé" in [e.get("value") for e in page.root.all("input")]
    assert whole(school, lesson.id).goal == lesson.goal
    assert save(nadia, page, {name: {"links": "", "words": "lundi"}.get(name, LINK)}).status in (200, 422)


def test_a_caption_file_becomes_the_text_of_its_clip(school: School) -> None:
    lesson = school.write(factories.lesson)
    nadia = teacher(school)
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    page = save(nadia, page, {"clips-0-captions": file(VTT.encode("utf-16"), "sous-titres.vtt")})
    assert page.status == 200
    assert whole(school, lesson.id).clips[0].transcript == "Bonjour à tous."


def test_the_teacher_is_shown_how_a_file_reads_and_chooses(school: School) -> None:
    lesson = school.write(factories.lesson)
    nadia = teacher(school)
    arabic = "1\n00:00:01,000 --> 00:00:02,500\nمرحبا بكم في الدرس\n".encode("cp1256")
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    before = whole(school, lesson.id).clips[0].transcript
    for _ in range(2):  # sent again without a choice, she is asked again
        page = save(
            nadia,
            page,
            {"goal": "Gardé"} | ({} if page.status == 422 else {"clips-0-captions": file(arabic, "x.srt")}),
        )
        assert page.status == 422
        assert "Choisissez la ligne qui se lit bien." in page.text
        assert "مرحبا بكم في الدرس" in page.text
        assert "ãÑÍÈÇ" in page.text
        assert "#clips-0-captions" in page.links().values()
        assert "{&#39;" not in page.html  # the list of errors once held a list of Python's
        assert whole(school, lesson.id).clips[0].transcript == before
    page = save(nadia, page, {"clips-0-encoding": "cp1256"})
    assert page.status == 200
    assert "se lit bien" not in page.text
    assert whole(school, lesson.id).clips[0].transcript == "مرحبا بكم في الدرس"
    assert whole(school, lesson.id).goal == "Gardé"


@pytest.mark.parametrize("sent", ["%%%", "", "AAAA", "w6k="])
def test_bytes_that_no_page_held_are_refused_or_read(school: School, sent: str) -> None:
    lesson = school.write(factories.lesson)
    nadia = teacher(school)
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    values = {"clips-0-undecoded": sent, "clips-0-encoding": "rot13"}
    assert save(nadia, page, values).status in (200, 422)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0", "Ce fichier n’est pas un texte."),
        (b"", "Ce fichier ne contient pas de texte."),
        (b"<html><p>Bonjour</p></html>", "Nous ne lisons pas ce format."),
        (b"a" * 2_000_000, "Les sous-titres sont trop longs."),
    ],
)
def test_a_file_that_is_no_caption_is_refused_beside_its_field(
    school: School, content: bytes, sentence: str
) -> None:
    lesson = school.write(factories.lesson)
    nadia = teacher(school)
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    page = save(nadia, page, {"goal": "Gardé", "clips-0-captions": file(content, "x.srt")})
    assert page.status == 422
    assert sentence in page.text
    assert whole(school, lesson.id).clips[0].transcript == lesson.clips[0].transcript


def test_a_heap_of_files_is_turned_away_before_it_is_read(school: School) -> None:
    lesson = school.write(factories.lesson)
    nadia = teacher(school)
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    assert save(nadia, page, {"clips-0-captions": file(b"a" * (7 << 20), "x.srt")}).status == 413


@pytest.mark.parametrize(
    "name", ["clips-²-address", "clips-99999999999-address", "clips--1-address", "clips-0-"]
)
def test_strange_numbers_of_clips_are_not_read(school: School, name: str) -> None:
    lesson = school.write(factories.lesson)
    nadia = teacher(school)
    assert save(nadia, nadia.get(f"/lessons/{lesson.id}/edit"), {name: LINK}).status == 200
    assert len(whole(school, lesson.id).clips) == 1


def test_a_second_teacher_sees_both_versions_and_nothing_is_lost(school: School) -> None:
    lesson = school.write(factories.lesson)
    nadia, luc = teacher(school), school.visitor(school.write(factories.luc))
    pages = [visitor.get(f"/lessons/{lesson.id}/edit") for visitor in (nadia, luc)]
    assert save(nadia, pages[0], {"instructions": "La consigne de Nadia"}).status == 200
    told = save(luc, pages[1], {"instructions": "La consigne de Luc"})
    assert told.status == 409
    assert "Une autre personne a changé cette leçon." in told.text
    assert "La consigne de Nadia" in [e.text for e in told.root.all("pre")]
    assert "La consigne de Luc" in [e.text for e in told.root.all("textarea")]
    assert whole(school, lesson.id).instructions == "La consigne de Nadia"
    assert save(luc, told, {"instructions": "Les deux"}).status == 200
    assert whole(school, lesson.id).instructions == "Les deux"


def test_publishing_shows_the_lesson_warns_without_a_text_and_is_journalled(school: School) -> None:
    def operation(s: Session) -> Lesson:
        lesson = factories.lesson(s, published=False)
        lesson.clips[0].transcript = ""
        return lesson

    lesson = school.write(operation)
    nadia, samira = teacher(school), school.visitor(school.write(factories.samira))
    page = nadia.get(f"/lessons/{lesson.id}/edit")
    assert "Vidéos sans texte" in page.text
    page = save(nadia, page, {"goal": "Gardé"}, button="/publication")
    assert whole(school, lesson.id).goal == "Gardé"
    assert "La leçon est publiée." in page.text
    assert "Une vidéo n’a pas de texte." in page.text
    assert samira.get(f"/lessons/{lesson.id}").status == 200
    page = nadia.submit(page, action="/retraction")
    assert samira.get(f"/lessons/{lesson.id}").status == 404
    lines = school.read(lambda s: s.scalars(select(AuditEvent.action).order_by(AuditEvent.at)).all())
    assert sorted(lines) == ["lesson_edited", "lesson_published", "lesson_unpublished"]


def test_an_empty_lesson_is_not_published_and_the_page_says_what_is_missing(school: School) -> None:
    lesson = school.write(lambda s: factories.lesson(s, clips=0, words=(), instructions="", published=False))
    nadia = teacher(school)
    page = save(nadia, nadia.get(f"/lessons/{lesson.id}/edit"), {"goal": "Gardé"}, button="/publication")
    assert page.status == 422
    assert "La leçon est vide." in page.text
    assert "Gardé" in [e.get("value") for e in page.root.all("input")]
    assert whole(school, lesson.id).published_at is None


def test_lessons_are_ordered_by_buttons(school: School) -> None:
    first, second = (school.write(partial(factories.lesson, title=title)) for title in ("Un", "Deux"))
    nadia = teacher(school)
    page = nadia.get("/lessons")
    page = nadia.submit(page, {"way": "up"}, action=f"/lessons/{second.id}/position")
    assert page.html.index("Deux") < page.html.index("Un<")
    assert nadia.submit(page, {"way": "sideways"}, action=f"/lessons/{first.id}/position").status == 400


@pytest.mark.parametrize("who", ["samira", "farid"])
def test_learners_and_social_workers_make_no_lessons(school: School, who: str) -> None:
    lesson = school.write(factories.lesson)
    visitor = school.visitor(school.write(getattr(factories, who)))
    for path in ("/lessons/new", f"/lessons/{lesson.id}/edit"):
        assert visitor.get(path).status == 404
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    school.app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # the shield of forms must not be what says no
    for path in (
        "/lessons",
        f"/lessons/{lesson.id}",
        f"/lessons/{lesson.id}/retraction",
        f"/lessons/{lesson.id}/position",
    ):
        assert visitor.client.post(path, headers=headers).status_code == 404
    assert whole(school, lesson.id).published_at is not None


def test_the_coordinator_may_make_lessons_too(school: School) -> None:
    school.write(factories.organisation)
    claire = school.visitor(school.write(factories.claire))
    page = claire.submit(claire.get("/lessons/new"), {"title": "De Claire"}, action="/lessons")
    assert page.status == 200
    assert count(school) == 1


def test_the_list_shows_state_clips_and_homework_and_the_lesson_who_has_done_it(school: School) -> None:
    def operation(s: Session) -> str:
        lesson = factories.lesson(s, clips=2)
        factories.lesson(s, "Brouillon", published=False)
        for clip in lesson.clips:
            tracking.record_watched(s, factories.samira(s), clip, now=NOW)
        factories.assignment(s, lesson)
        return lesson.id

    lesson_id = school.write(operation)
    nadia = teacher(school)
    page = nadia.get("/lessons")
    cells = [td.text for td in page.root.all("tbody")[0].all("tr")[0].all("td")]
    assert cells[:3] == ["Publiée", "2", "1"]
    assert "Brouillon" in page.root.all("tbody")[0].all("tr")[1].text
    assert "Faite par : 1" in nadia.get(f"/lessons/{lesson_id}/edit").root.text


def test_a_moved_lesson_and_the_way_back_from_a_lesson_show_its_page(school: School) -> None:
    lessons = school.write(
        lambda s: [factories.lesson(s, f"L {n:02d}", level_code="N2").id for n in range(22)]
    )
    school.write(lambda s: factories.lesson(s, "Autre"))
    nadia = teacher(school)
    editor = nadia.get(f"/lessons/{lessons[-1]}/edit")
    back = next(link.get("href") for link in editor.root.all("a") if link.get("class") == "way-back")
    page = nadia.get(str(back).split("#")[0])
    assert [row.get("id") for row in page.root.all("tbody")[0].all("tr")] == [
        f"lesson-{lesson}" for lesson in lessons[20:]
    ]
    page = nadia.submit(page, {"way": "up"}, action=f"/lessons/{lessons[20]}/position")
    assert f'id="lesson-{lessons[20]}"' in page.html


@pytest.mark.parametrize("path", ["/lessons", "/lessons/{}/edit"])
def test_the_desk_costs_the_same_statements_for_one_and_for_many(school: School, path: str) -> None:
    nadia = teacher(school)
    counts = []
    for many in (1, 20):
        lesson = school.write(partial(factories.lesson, title=f"De {many}", clips=many))
        for n in range(many):
            school.write(partial(factories.lesson, title=f"L {n}"))
        with school.counting_statements() as sent:
            assert nadia.get(path.format(lesson.id)).status == 200
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 7


def test_drafts_are_listed_alone_and_nobody_moves_what_has_hidden_neighbours(school: School) -> None:
    nadia = teacher(school)
    school.write(lambda s: factories.lesson(s, "Au marché"))
    level = school.write(lambda s: factories.lesson(s, "Chez le médecin", published=False).level_id)
    every = nadia.get("/lessons", query_string={"level": level})
    assert len(every.root.all("form")) == 2
    drafts = nadia.get(every.links()["Brouillons"])
    assert "Chez le médecin" in drafts.text
    assert "Au marché" not in drafts.text
    assert drafts.root.all("form") == []
    assert "Niveau 2 0" in drafts.text
    assert "state=draft" in drafts.links()["Niveau 2 0"]
    assert nadia.get("/lessons?state=nothing").status == 200

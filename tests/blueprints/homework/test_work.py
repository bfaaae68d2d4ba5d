from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TypedDict, Unpack

import pytest
from sqlalchemy import Connection, event, func, select
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.models import Attachment, Attempt, FileJob, OpenedLevel, Rendition, Submission
from tests import factories
from tests.support import files
from tests.support.pages import Page, Visitor, file, filled
from tests.support.school import School, make_school


@pytest.fixture
def given(school: School) -> str:
    """The id of an assignment of Samira's level that takes everything."""
    return school.write(
        lambda s: (factories.criteria(s), factories.samira(s), factories.assignment(s).id)[-1]
    )


@pytest.fixture
def samira(school: School, given: str) -> Visitor:
    return school.visitor(school.write(factories.samira))


def stored_keys(school: School) -> set[str]:
    store: LocalStore = school.app.extensions["lms_store"]
    return {key for key, _ in store.keys()}  # noqa: SIM118 not a mapping


def received_keys(school: School) -> set[str]:
    store: LocalStore = school.app.extensions["lms_received_store"]
    return {key for key, _ in store.keys()}  # noqa: SIM118 not a mapping


def nothing_but_what_rows_name(school: School) -> None:
    """Prepare what waits; then the stores hold the files of the rows and nothing else."""
    waiting = set(school.read(lambda s: s.scalars(select(FileJob.received_key)).all()))
    assert received_keys(school) == waiting
    school.prepare_files()
    kept = school.read(lambda s: s.scalars(select(Attachment.store_key)).all())
    made = school.read(lambda s: s.scalars(select(Rendition.store_key)).all())
    assert stored_keys(school) == {key for key in (*kept, *made) if key}
    assert received_keys(school) == set()


def attempts(school: School) -> list[Attempt]:
    return list(school.read(lambda s: s.scalars(select(Attempt).order_by(Attempt.number)).all()))


SEND = "/submission"
# Of a text that is sent as the first attempt.
MOST_STATEMENTS = 16


def put(
    samira: Visitor, given: str, *more: tuple[object, str], button: str | None = None, **values: object
) -> Page:
    page = samira.get(f"/assignments/{given}")
    return samira.submit(
        page, {"picture": list(more), **values}, action=f"/assignments/{given}", button=button
    )


def test_a_rotated_photo_and_an_iphone_photo_are_sent_and_the_receipt_shows_them(
    school: School, samira: Visitor, given: str
) -> None:
    page = put(
        samira,
        given,
        file(files.rotated_jpeg(), "IMG_1.jpg"),
        file(files.heic(), "IMG_2.HEIC"),
        button=SEND,
        text="Bonjour Nadia",
    )
    assert page.status == 200
    assert "/submissions/" in page.url
    assert "C’est envoyé." in page.text
    assert "Nadia va répondre." in page.text
    assert "Bonjour Nadia" in page.text
    assert "IMG_1.jpg Photo reçue. Nous la préparons." in page.text
    assert page.root.all("img") == []
    school.prepare_files()
    page = samira.get(page.url)
    assert "Nous la préparons" not in page.text
    pictures = [image.get("src") for image in page.root.all("img")]
    assert len(pictures) == 2
    for address in pictures:
        answer = samira.client.get(address, buffered=True)
        assert answer.status_code == 200
        assert answer.mimetype == "image/jpeg"
    nothing_but_what_rows_name(school)


GOOD = [
    (files.jpeg, "feuille.jpg", "photo", "image/jpeg"),
    (files.png, "feuille.png", "photo", "image/jpeg"),
    (files.webp, "feuille.webp", "photo", "image/jpeg"),
    (files.heic, "IMG_7.HEIC", "photo", "image/jpeg"),
    (files.pdf, "ma lettre.pdf", "document", "application/pdf"),
    (files.docx, "رسالة.docx", "document", "application/vnd.openxmlformats"),
    (files.voice_webm, "voix.webm", "voice", "audio/webm"),
    (files.voice_ogg, "PTT.opus", "voice", "audio/ogg"),
    (files.voice_m4a, "voix.m4a", "voice", "audio/mp4"),
    (files.voice_mp3, "voix.mp3", "voice", "audio/mpeg"),
    (files.voice_3gp, "voix.3gp", "voice", "audio/3gpp"),
]
BAD = [
    (files.truncated_jpeg, "coupe.jpg", "Ce fichier est abîmé. Prenez la photo encore une fois."),
    (lambda: b"MZ program", "photo.jpg", "Nous ne lisons pas ce fichier."),
    (files.png_bomb, "bombe.png", "Cette photo est trop grande."),
    (files.encrypted_pdf, "secret.pdf", "Ce fichier a un mot de passe."),
    (files.video_mp4, "film.mp4", "C’est une vidéo."),
]


@pytest.mark.parametrize(("make_file", "name", "kind", "mime"), GOOD, ids=[row[1] for row in GOOD])
def test_what_phones_make_is_taken(
    school: School,
    samira: Visitor,
    given: str,
    make_file: Callable[[], bytes],
    name: str,
    kind: str,
    mime: str,
) -> None:
    page = put(samira, given, file(make_file(), name))
    assert page.status == 200
    assert name.rpartition(".")[0] in page.text
    school.prepare_files()
    kept = school.read(lambda s: s.scalars(select(Attachment)).one())
    assert kept.kind == kind
    assert kept.mime.startswith(mime)
    nothing_but_what_rows_name(school)


@pytest.mark.parametrize(("make_file", "name", "sentence"), BAD, ids=[row[1] for row in BAD])
def test_a_bad_file_gets_its_own_sentence_and_the_rest_stays(
    school: School, samira: Visitor, given: str, make_file: Callable[[], bytes], name: str, sentence: str
) -> None:
    page = put(samira, given, file(make_file(), name), file(files.jpeg(), "bonne.jpg"), text="Mes jours")
    assert page.status == 200
    school.prepare_files()
    page = samira.get(page.url)
    assert f"{name} {sentence}" in page.text
    assert [image.get("alt") for image in page.root.all("img")] == ["bonne.jpg"]
    assert page.form().all("textarea")[0].text == "Mes jours"
    nothing_but_what_rows_name(school)
    page = samira.submit(page, action=given, button=page.button_address(bad_file(school) + "/removal"))
    assert sentence not in page.text
    sent = samira.submit(page, action=given, button=SEND)
    assert "C’est envoyé." in sent.text


def bad_file(school: School) -> str:
    return school.read(
        lambda s: s.scalars(select(Attachment.id).where(Attachment.refusal.is_not(None))).one()
    )


def test_an_empty_file_is_refused_at_once(school: School, samira: Visitor, given: str) -> None:
    sent = (file(b"", "vide.jpg"), file(files.jpeg(), "bonne.jpg"))
    page = put(samira, given, *sent, button=SEND, text="Mes jours")
    assert page.status == 422
    assert "vide.jpg Ce fichier est vide." in page.text
    assert "bonne.jpg" in page.text
    assert attempts(school)[0].sent_at is None


def test_a_kind_that_the_teacher_did_not_ask_for_is_refused(school: School) -> None:
    given = school.write(lambda s: factories.assignment(s, kinds=("photo",)).id)
    samira = school.visitor(school.write(factories.samira))
    page = put(samira, given, file(files.voice_mp3(), "voix.mp3"))
    school.prepare_files()
    page = samira.get(page.url)
    assert "Ce devoir se fait sans la voix." in page.text
    page = put(samira, given, file(files.jpeg(), "a.jpg"), button=SEND, text="un texte quand même")
    assert page.status == 422
    assert "Ce devoir se fait sans texte." in page.text
    assert attempts(school)[0].sent_at is None
    nothing_but_what_rows_name(school)


def test_a_sound_that_cannot_be_played_is_answered_with_the_voice(
    school: School, samira: Visitor, given: str
) -> None:
    for content in (b"fLaC\x80\0\0\x22" + bytes(40), b"caff\0\1\0\0desc" + bytes(40)):
        put(samira, given, file(content, "voix.bin"))
    school.prepare_files()
    page = samira.get(f"/assignments/{given}")
    assert page.text.count("Nous ne lisons pas ce son. Enregistrez votre voix.") == 2


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("photo", "Ce fichier est vide. Prenez la photo encore une fois."),
        ("picture", "Ce fichier est vide. Prenez la photo encore une fois."),
        ("voice", "Ce fichier est vide. Enregistrez votre voix encore une fois."),
        ("document", "Ce fichier est vide. Envoyez le document encore une fois."),
    ],
)
def test_a_refusal_knows_what_was_asked_for(samira: Visitor, given: str, field: str, sentence: str) -> None:
    form, empty = samira.get(f"/assignments/{given}"), file(b"", "vide")
    page = samira.submit(form, {field: [empty]}, action=f"/assignments/{given}")
    assert sentence in page.text


def test_a_refusal_knows_what_the_assignment_accepts(school: School) -> None:
    given = school.write(lambda s: factories.assignment(s, kinds=("voice",)).id)
    samira = school.visitor(school.write(factories.samira))
    put(samira, given, file(files.jpeg(), "a.jpg"), file(files.truncated_jpeg(), "b.jpg"))
    school.prepare_files()
    page = samira.get(f"/assignments/{given}")
    assert "Ce devoir se fait sans photo. Enregistrez votre voix." in page.text
    assert "Ce fichier est abîmé. Enregistrez votre voix." in page.text
    page = put(samira, given, button=SEND)
    assert "Il n’y a rien à envoyer. Enregistrez votre voix." in page.text


def test_nothing_can_be_sent_empty(school: School, samira: Visitor, given: str) -> None:
    page = put(samira, given, button=SEND, text="  ")
    assert page.status == 422
    assert "Il n’y a rien à envoyer." in page.text
    assert attempts(school)[0].sent_at is None


def test_pressing_send_twice_gives_one_submission_and_keeps_the_files_once(
    school: School, samira: Visitor, given: str
) -> None:
    page = samira.get(f"/assignments/{given}")
    first, second = (
        samira.submit(page, {"picture": file(files.jpeg(), "a.jpg")}, button=SEND, follow=False)
        for _ in range(2)
    )
    assert first.status == second.status == 303
    assert first.response.location == second.response.location
    assert school.read(lambda s: s.scalar(select(func.count(Submission.id)))) == 1
    assert school.read(lambda s: s.scalar(select(func.count(Attachment.id)))) == 1
    nothing_but_what_rows_name(school)


def test_what_is_written_after_the_back_button_is_kept_and_sent(
    school: School, samira: Visitor, given: str
) -> None:
    page = samira.get(f"/assignments/{given}")
    photo = {"picture": file(files.jpeg(), "image.jpg")}
    samira.submit(page, {**photo, "text": "Lundi"})
    other = {"picture": file(files.jpeg(90, 70), "image.jpg")}
    samira.submit(page, {**other, "text": "Lundi"})
    assert school.read(lambda s: s.scalar(select(func.count(Attachment.id)))) == 2
    sent = samira.submit(page, {"text": "Lundi et mardi"}, button=SEND)
    assert sent.url.startswith("/submissions/")
    assert "Lundi et mardi" in sent.text


@pytest.mark.parametrize("is_prepared", [False, True])
def test_the_same_photo_chosen_twice_is_kept_once(
    school: School, samira: Visitor, given: str, is_prepared: bool
) -> None:
    put(samira, given, file(files.jpeg(), "a.jpg"))
    if is_prepared:
        school.prepare_files()
    page = put(samira, given, file(files.jpeg(), "a.jpg"))
    assert page.status == 422
    assert "Ce fichier est déjà là." in page.text
    assert school.read(lambda s: s.scalar(select(func.count(Attachment.id)))) == 1
    nothing_but_what_rows_name(school)


def test_what_is_sent_cannot_be_changed_from_an_old_page(school: School, samira: Visitor, given: str) -> None:
    old = samira.get(f"/assignments/{given}")
    put(samira, given, button=SEND, text="Le premier")
    page = samira.submit(old, {"text": "Le second", "picture": file(files.jpeg(), "b.jpg")}, button=SEND)
    assert page.status == 409
    assert "Ce devoir est déjà envoyé." in page.text
    assert "Le second" in page.text
    assert [attempt.text for attempt in attempts(school)] == ["Le premier"]
    assert received_keys(school) == set()


def test_photos_are_put_in_order_and_taken_out_and_the_text_stays(
    school: School, samira: Visitor, given: str
) -> None:
    page = put(samira, given, file(files.jpeg(), "un.jpg"), file(files.webp(), "deux.webp"), text="Mot")

    def names() -> list[str]:
        return list(
            school.read(
                lambda s: s.scalars(select(Attachment.shown_name).order_by(Attachment.position)).all()
            )
        )

    assert names() == ["un.jpg", "deux.webp"]
    page = samira.submit(page, {"text": "Mot nouveau"}, action=given, button="/ascent")
    assert names() == ["deux.webp", "un.jpg"]
    school.prepare_files()
    assert names() == ["deux.jpg", "un.jpg"]
    page = samira.submit(page, action=given, button="/descent")
    assert names() == ["un.jpg", "deux.jpg"]
    page = samira.submit(page, action=given, button="/ascent")
    drop = next(
        button.get("formaction")
        for button in page.root.all("button")
        if button.get("formaction").endswith("/removal")
    )
    samira.submit(page, action=given, button=drop)
    again = samira.submit(page, action=given, button=drop)
    assert again.status == 200
    assert names() == ["un.jpg"]
    assert attempts(school)[0].text == "Mot nouveau"
    nothing_but_what_rows_name(school)


def test_a_photo_of_the_draft_is_turned_and_the_words_stay(
    school: School, samira: Visitor, given: str
) -> None:
    put(samira, given, file(files.jpeg(), "un.jpg"))
    school.prepare_files()
    page = samira.get(f"/assignments/{given}")
    for turns in (1, 2, 3, 0):
        page = samira.get(f"/assignments/{given}")
        (button,) = [each for each in page.root.all("button") if each.get("formaction").endswith("/turn")]
        assert button.get("value") == str(turns)
        typed = {"text": f"Tour {turns}", "turns": button.get("value")}
        page = samira.submit(page, typed, action=given, button="/turn")
        assert set(school.read(lambda s: s.scalars(select(Rendition.turns)).all())) == {turns}
        drawn = [each.get("transform").rpartition(" ")[2] for each in page.root.all("image")]
        assert drawn == ([f"rotate({90 * turns})"] if turns else [])
    assert attempts(school)[0].text == "Tour 0"


def test_nobody_else_turns_a_photo_of_the_draft(school: School, samira: Visitor, given: str) -> None:
    put(samira, given, file(files.jpeg(), "un.jpg"))
    school.prepare_files()
    place = samira.get(f"/assignments/{given}").button_address("/turn")
    yusuf = school.visitor(school.write(lambda s: factories.learner(s, "Yusuf")))
    form = filled(yusuf.get(f"/assignments/{given}").form(given))
    for turns, status in (("1", 404), ("4", 400), ("", 400)):
        assert yusuf.client.post(place, data={**form, "turns": turns}).status_code == status
    assert set(school.read(lambda s: s.scalars(select(Rendition.turns)).all())) == {0}


def test_two_buttons_of_one_page_are_two_sendings(school: School, samira: Visitor, given: str) -> None:
    """With the back button the page is the same to the letter; what was pressed is not."""
    page = put(samira, given, file(files.jpeg(), "un.jpg"), file(files.webp(), "deux.webp"))
    for button, first in (("/ascent", "deux.webp"), ("/descent", "deux.webp"), ("/ascent", "deux.webp")):
        samira.submit(page, action=given, button=button)
        shown = school.read(
            lambda s: s.scalars(select(Attachment.shown_name).order_by(Attachment.position)).all()
        )
        assert shown[0] == first
    sent = samira.submit(page, action=given, button=SEND)
    assert "C’est envoyé." in sent.text


def test_the_address_of_a_button_leads_back_to_the_page(school: School, samira: Visitor, given: str) -> None:
    """A refused form stands there; whoever loads the page again asks for that address."""
    refused = put(samira, given, button=SEND, text="")
    assert (refused.status, refused.url) == (422, f"/assignments/{given}/submission")
    for end in ("submission", "files/x/removal", "files/x/ascent", "files/x/descent", "pages/x/turn"):
        assert samira.get(f"/assignments/{given}/{end}").url == f"/assignments/{given}"


def test_ten_files_are_the_most(school: School, samira: Visitor, given: str) -> None:
    eleven = [file(files.jpeg(60 + n, 80), f"page {n}.jpg") for n in range(11)]
    page = put(samira, given, *eleven, button=SEND)
    assert page.status == 422
    assert "page 10.jpg" in page.text
    assert "Vous pouvez envoyer 10 fichiers." in page.text
    assert school.read(lambda s: s.scalar(select(func.count(Attachment.id)))) == 10


class Limits(TypedDict, total=False):
    upload_mb: int
    free_space_mb: int
    learner_quota_mb: int


def tight(school: School, **limits: Unpack[Limits]) -> School:
    """The same school with other limits."""
    return make_school(replace(school.settings, **limits), migrated=True)


def test_a_file_over_the_limit_is_refused_by_its_name(school: School, given: str) -> None:
    small = tight(school, upload_mb=1)
    samira = small.visitor(small.write(factories.samira))
    page = put(samira, given, file(b"x" * (1 << 20) + b"x", "lourd.jpg"), file(files.jpeg(), "bonne.jpg"))
    assert page.status == 422
    assert "lourd.jpg" in page.text
    assert "trop lourd" in page.text
    assert "bonne.jpg" in page.text


def test_a_form_over_the_limit_is_refused_whole_and_the_draft_stays(school: School, given: str) -> None:
    small = tight(school, upload_mb=1)
    samira = small.visitor(small.write(factories.samira))
    put(samira, given, text="Mon texte")
    page = put(samira, given, file(b"x" * (11 * (1 << 20) + 1), "lourd.jpg"))
    assert page.status == 413
    assert "Envoyez les fichiers un par un." in page.text
    assert page.form().all("textarea")[0].text == "Mon texte"


def test_a_full_disk_takes_no_file_but_keeps_the_text(school: School, given: str) -> None:
    full = tight(school, free_space_mb=10**9)
    samira = full.visitor(full.write(factories.samira))
    page = put(samira, given, file(files.jpeg(), "a.jpg"), button=SEND, text="Mon texte")
    assert page.status == 507
    assert "Il n’y a plus de place ici." in page.text
    assert [attempt.text for attempt in attempts(school)] == ["Mon texte"]
    assert received_keys(school) == set()


def test_a_learner_has_so_much_room_and_no_more(school: School, given: str) -> None:
    narrow = tight(school, learner_quota_mb=1)
    samira = narrow.visitor(narrow.write(factories.samira))
    big = files.saved(files.noise(2600, 2600), "JPEG", quality=95)
    page = put(samira, given, file(big, "grande.jpg"), file(files.jpeg(), "petite.jpg"))
    assert page.status == 422
    assert "Il n’y a plus de place pour vos fichiers." in page.text
    assert "petite.jpg" in page.text
    nothing_but_what_rows_name(school)


def test_a_file_that_the_disk_lost_is_named_before_anything_is_sent(
    school: School, samira: Visitor, given: str
) -> None:
    put(samira, given, file(files.jpeg(), "perdue.jpg"))
    school.prepare_files()
    (key,) = school.read(lambda s: s.scalars(select(Attachment.store_key)).all())
    school.app.extensions["lms_store"].delete(key)
    page = put(samira, given, button=SEND)
    assert page.status == 422
    assert "perdue.jpg" in page.text
    assert "Ce fichier n’est plus là." in page.text
    assert attempts(school)[0].sent_at is None


def test_a_form_of_another_site_or_without_its_token_is_refused(
    school: School, samira: Visitor, given: str
) -> None:
    page = samira.get(f"/assignments/{given}")
    assert samira.submit(page, {"csrf_token": None, "text": "x"}).status == 400
    answer = samira.client.post(f"/assignments/{given}", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert attempts(school) == []


def test_homework_of_another_level_or_not_yet_published_does_not_exist(school: School) -> None:
    samira = school.visitor(school.write(factories.samira))
    other = school.write(lambda s: factories.assignment(s, factories.lesson(s, level_code="N2")).id)
    hidden = school.write(lambda s: factories.assignment(s, factories.lesson(s, published=False)).id)
    for given in (other, hidden, "nothing"):
        assert samira.get(f"/assignments/{given}").status == 404
    for role in (factories.nadia, factories.claire, factories.farid):
        staff = school.visitor(school.write(role))
        assert staff.get(f"/assignments/{other}").status == 404
        assert staff.get("/homework").status == 404
    assert "Pas de devoir" in samira.get("/homework").text


def test_a_draft_of_withdrawn_homework_stays_in_reach_and_is_sent(
    school: School, samira: Visitor, given: str
) -> None:
    put(samira, given, text="Lundi")
    nadia = school.visitor(school.write(factories.nadia))
    nadia.submit(nadia.get(f"/assignments/{given}/edit"), action="/withdrawal")
    assert f"/assignments/{given}" in samira.get("/homework").links().values()
    page = samira.get(f"/assignments/{given}")
    assert "Vous pouvez quand même le finir et l’envoyer." in page.text
    sent = samira.submit(page, {"text": "Lundi, mardi"}, action=f"/assignments/{given}", button=SEND)
    assert "C’est envoyé." in sent.text
    assert "Lundi, mardi" in sent.text


def test_the_list_shows_every_state_and_the_most_urgent_first(school: School) -> None:
    def write(session: Session) -> None:
        samira = factories.samira(session)
        of = {
            word: factories.assignment(session, factories.lesson(session, word), due_on=date(2026, 11, 26))
            for word in ("faire", "envoi", "lire", "refaire", "fini")
        }
        factories.sent(session, samira, of["envoi"])
        factories.answered(session, factories.sent(session, samira, of["lire"]))
        factories.answered(session, factories.sent(session, samira, of["refaire"]), redo=True)
        done = factories.answered(session, factories.sent(session, samira, of["fini"]))
        done.seen_at = factories.NOW

    school.write(write)
    page = school.visitor(school.write(factories.samira)).get("/homework")
    assert [s.text for s in page.root.all("strong")] == ["refaire", "lire", "faire", "envoi", "fini"]
    assert [fold.text for fold in page.root.all("summary")] == ["Envoyés : 1", "Terminés : 1"]
    assert "Nadia a répondu" in page.text
    assert "À rendre pour le jeudi 26 novembre" in page.text
    assert "Envoyé le " in page.text


def test_three_open_ones_are_shown_those_of_the_own_level_first_and_the_rest_is_folded(
    school: School,
) -> None:
    def write(session: Session) -> str:
        samira = factories.samira(session)
        other = factories.level(session, "N2").id
        opened = {"opened_by_id": factories.nadia(session).id, "opened_at": factories.NOW}
        session.add(OpenedLevel(person_id=samira.id, level_id=other, **opened))
        for number in range(2):
            factories.assignment(session, factories.lesson(session, f"Autre {number}", "N2"))
        for number in range(3):
            factories.assignment(session, factories.lesson(session, f"Mien {number}"))
        return samira.id

    page = school.visitor(school.write(write)).get("/homework")
    assert [s.text for s in page.root.all("section")[-1].all("strong")] == ["Mien 0", "Mien 1", "Mien 2"]
    (fold,) = page.root.all("details")
    assert [s.text for s in fold.all("summary", "strong")] == [
        "Autres devoirs à faire : 2",
        "Autre 0",
        "Autre 1",
    ]


def test_one_or_thirty_assignments_cost_the_same_statements(school: School, samira: Visitor) -> None:
    samira.get("/homework")
    with school.counting_statements() as one:
        samira.get("/homework")
    school.write(
        lambda s: [factories.sent(s, factories.samira(s), factories.assignment(s)) for _ in range(30)]
    )
    with school.counting_statements() as many:
        samira.get("/homework")
    assert len(one) == len(many) <= 6, many


def test_one_or_ten_files_cost_the_same_statements(school: School, samira: Visitor, given: str) -> None:
    put(samira, given, file(files.jpeg(), "a.jpg"))
    with school.counting_statements() as one:
        samira.get(f"/assignments/{given}")
    put(samira, given, *[file(files.jpeg(60 + n, 80), f"{n}.jpg") for n in range(9)])
    with school.counting_statements() as many:
        samira.get(f"/assignments/{given}")
    assert len(one) == len(many) <= 6, many


JSON = {"Accept": "application/json", "Sec-Fetch-Site": "same-origin"}


def autosave(samira: Visitor, page: Page, text: str) -> tuple[int, dict[str, object]]:
    data = {**filled(page.form(f"/assignments/{page.url.split('/')[2]}")), "text": text}
    answer = samira.client.post(page.url.removesuffix("/submission"), data=data, headers=JSON)
    return answer.status_code, answer.get_json()


def typed(page: Page, given: str) -> str:
    return str(filled(page.form(f"/assignments/{given}"))["text"]).strip()


def test_two_devices_keep_both_texts_and_show_them(school: School, samira: Visitor, given: str) -> None:
    phone, tablet = samira.get(f"/assignments/{given}"), samira.get(f"/assignments/{given}")
    status, told = autosave(samira, phone, "Lundi, mardi")
    assert (status, told["said"], told["version"]) == (200, "Votre texte est enregistré.", 1)
    status, told = autosave(samira, tablet, "Samedi")
    assert status == 409
    assert "Rien n’est effacé." in str(told["said"])
    assert told["other"] == "Lundi, mardi"
    pages = [
        samira.submit(tablet, {"text": "Samedi"}, action=f"/assignments/{given}", button=SEND)
        for _again in range(2)  # the answer may have been lost on its way
    ]
    for page in pages:
        assert page.status == 409
        assert page.root.all("blockquote")[0].text == "Lundi, mardi"
        assert typed(page, given) == "Samedi"
    assert [(a.text, a.sent_at) for a in attempts(school)] == [("Lundi, mardi", None)]
    joined = samira.submit(pages[-1], action=f"/assignments/{given}", button="/joining")
    assert typed(joined, given) == "Lundi, mardi\n\nSamedi"
    sent = samira.submit(joined, action=f"/assignments/{given}", button=SEND)
    assert "C’est envoyé." in sent.text


def test_the_text_of_one_device_may_be_taken_instead_of_the_other(
    school: School, samira: Visitor, given: str
) -> None:
    tablet = samira.get(f"/assignments/{given}")
    put(samira, given, text="Lundi")
    page = samira.submit(tablet, {"text": "Samedi"}, action=f"/assignments/{given}")
    assert page.status == 409
    samira.submit(page, action=f"/assignments/{given}")  # saved again, on purpose
    assert [a.text for a in attempts(school)] == ["Samedi"]
    assert typed(samira.get(page.links()["Prendre ce texte"]), given) == "Samedi"


def test_a_photo_of_a_second_device_is_kept_whatever_became_of_the_text(
    school: School, samira: Visitor, given: str
) -> None:
    tablet = samira.get(f"/assignments/{given}")
    put(samira, given, text="Lundi")
    photo = {"picture": [file(files.jpeg(), "feuille.jpg")]}
    page = samira.submit(tablet, photo, action=f"/assignments/{given}")
    assert page.status == 200
    assert typed(page, given) == "Lundi", "nothing was typed on the tablet"
    photo = {"picture": [file(files.png(), "verso.png")]}
    page = samira.submit(tablet, {**photo, "text": "Samedi"}, action=f"/assignments/{given}", button=SEND)
    assert page.status == 409
    assert "verso" in page.text
    assert [(a.text, a.sent_at) for a in attempts(school)] == [("Lundi", None)]


def test_a_sent_text_costs_one_transaction_and_few_statements(
    school: School, samira: Visitor, given: str
) -> None:
    page = samira.get(f"/assignments/{given}")
    begun: list[str] = []

    def note(connection: Connection) -> None:
        begun.append("immediate" if connection.get_execution_options().get("immediate") else "")

    event.listen(school.engine, "begin", note)
    try:
        with school.counting_statements() as sent:
            samira.submit(page, {"text": "Lundi, mardi."}, action=f"/assignments/{given}", button=SEND)
    finally:
        event.remove(school.engine, "begin", note)
    posted = sent[: next(n for n, each in enumerate(sent) if "INSERT INTO form_receipt" in each) + 1]
    assert begun.count("immediate") == 1
    assert len(posted) <= MOST_STATEMENTS, posted

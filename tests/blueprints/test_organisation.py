"""The centre, for the coordinator."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms import clock
from lms.domain.booking import waitlist
from lms.domain.people import organisation
from lms.models import MORNING, AuditEvent, Booking, BookingState, Mode, Organisation
from tests import factories
from tests.support import files
from tests.support.appointments import at, booked
from tests.support.pages import Page, Visitor, file
from tests.support.school import School


@pytest.fixture
def claire(school: School) -> Visitor:
    return school.visitor(school.write(factories.claire))


def test_the_coordinator_changes_the_service(school: School, claire: Visitor) -> None:
    page = claire.submit(
        claire.get("/organisation"),
        {
            "phone": "071 12 34 56",
            "directions": "Bus 41, arrêt Pont",
            "pin_required": None,
            "hygiene_notice": "y",
            "hygiene_text": "Lavez-vous les mains.\r\nAérez.",
            "video_base": "https://meet.example.be",
            "weekly_cap": "3",
            "onsite_buffer_minutes": "30",
        },
    )
    assert "C’est modifié." in page.text
    found = school.read(lambda s: s.get_one(Organisation, 1))
    assert (found.phone, found.pin_required, found.hygiene_notice) == ("071 12 34 56", False, True)
    assert found.hygiene_text == "Lavez-vous les mains.\nAérez."
    assert (found.video_base, found.weekly_cap, found.onsite_buffer_minutes) == (
        "https://meet.example.be",
        3,
        30,
    )


def test_the_last_video_address_stays_while_an_appointment_needs_it(school: School, claire: Visitor) -> None:
    school.write(lambda s: factories.all_week(s, factories.nadia(s)))
    booked(school, at("10:00"))
    page = claire.submit(claire.get("/organisation"), {"video_base": "", "phone": "071 99 99 99"})
    assert page.status == 422
    assert "Des rendez-vous par vidéo sont prévus ou proposés." in page.text
    found = school.read(lambda s: s.get_one(Organisation, 1))
    assert (found.video_base, found.phone) != ("", "071 99 99 99")
    school.write(lambda s: setattr(factories.nadia(s), "video_address", "https://teams.example.org/x"))
    assert "C’est modifié." in claire.submit(claire.get("/organisation"), {"video_base": ""}).text


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"video_base": "http://meet.example.be"},
        {"video_base": "javascript:alert(1)"},
        {"video_base": "https://teams.example.org/l/meetup-join/1?context=2"},
        {"weekly_cap": "0"},
        {"weekly_cap": "many"},
        {"weekly_cap": "99999999999999999999"},
        {"horizon_days": "-1"},
        {"onsite_buffer_minutes": "7"},
        {"email": "x"},
        {"hygiene_text": "85.07.30-033.28"},
        {"hygiene_notice": "y", "hygiene_text": ""},
        {"lead_hours": "48", "horizon_days": "2"},
    ],
)
def test_a_wrong_setting_is_told_and_nothing_changes(
    school: School, claire: Visitor, wrong: dict[str, str]
) -> None:
    page = claire.submit(claire.get("/organisation"), {"phone": "071 12 34 56", **wrong})
    assert page.status == 422
    kept = {field.get("name"): field.get("value") for field in page.form("/organisation").all("input")}
    assert kept["phone"] == "071 12 34 56"
    assert school.read(lambda s: s.get_one(Organisation, 1).phone) == ""


@pytest.mark.parametrize("typed", ["0", "many", "", "2,5", "99999999999999999999"])
def test_a_number_out_of_bounds_is_told_once_in_our_words_and_stays_as_typed(
    claire: Visitor, typed: str
) -> None:
    page = claire.submit(claire.get("/organisation"), {"weekly_cap": typed})
    (error,) = [part.text for part in page.root.all("p") if part.get("class") == "error"]
    assert error == "Écrivez un nombre de 1 à 20."
    (field,) = [part for part in page.root.all("input") if part.get("name") == "weekly_cap"]
    assert field.get("value") == typed


@pytest.mark.parametrize("typed", ["\u200e3\u200f", "٣", "３", " 3\u00a0"])
def test_a_number_is_read_from_every_keyboard(school: School, claire: Visitor, typed: str) -> None:
    assert claire.submit(claire.get("/organisation"), {"weekly_cap": typed}, follow=False).status == 303
    assert school.read(lambda s: s.get_one(Organisation, 1).weekly_cap) == 3


def test_nobody_could_book_when_the_lead_is_longer_than_the_horizon(claire: Visitor) -> None:
    page = claire.submit(claire.get("/organisation"), {"lead_hours": "48", "horizon_days": "2"})
    assert "C’est plus court que le délai." in page.text
    assert claire.submit(page, {"horizon_days": "3"}).status == 200


# -- the picture of the door ---------------------------------------------------------------------


def kept(school: School) -> set[str]:
    return {path.name for path in school.settings.uploads.rglob("*.jpg")}


def hang(claire: Visitor, content: bytes, name: str = "porte.jpg", page: Page | None = None) -> Page:
    return claire.submit(
        page or claire.get("/organisation"), {"photo": file(content, name)}, action="/organisation/door"
    )


def test_the_door_is_photographed_and_everybody_sees_it_upright(school: School, claire: Visitor) -> None:
    page = hang(claire, files.rotated_jpeg())
    assert page.status == 200
    assert "/organisation/door" in {image.get("src") for image in page.root.all("img")}
    (key,) = kept(school)
    assert school.read(lambda s: s.get_one(Organisation, 1).door_photo_key) == key
    answer = school.visitor(school.write(factories.samira)).client.get("/organisation/door")
    assert answer.mimetype == "image/jpeg"
    assert b"Maker of the phone" not in answer.data
    assert files.stands_upright(Image.open(BytesIO(answer.data)))
    lines = school.read(lambda s: s.scalars(select(AuditEvent)).all())
    assert [(line.action, line.detail) for line in lines] == [("service_changed", "door_photo_key")]


def test_a_browser_that_has_the_picture_is_not_sent_it_again(school: School, claire: Visitor) -> None:
    hang(claire, files.jpeg())
    first = claire.client.get("/organisation/door")
    assert first.headers["Cache-Control"] == "private, no-cache"
    seen = {"If-None-Match": first.headers["ETag"]}
    again = claire.client.get("/organisation/door", headers=seen)
    assert (again.status_code, again.data) == (304, b"")
    hang(claire, files.saved(files.upright(400, 300), "PNG"))
    assert claire.client.get("/organisation/door", headers=seen).status_code == 200


def test_a_new_picture_takes_the_place_of_the_old_one_and_removing_leaves_no_file(
    school: School, claire: Visitor
) -> None:
    hang(claire, files.jpeg())
    old = kept(school)
    page = hang(claire, files.heic(), "IMG_1.HEIC")
    assert len(kept(school)) == 1
    assert kept(school).isdisjoint(old)
    page = claire.submit(page, action="/organisation/door/removal")
    assert "La photo de la porte est supprimée." in page.text
    assert kept(school) == set()
    assert claire.get("/organisation/door").status == 404
    assert claire.submit(claire.get("/organisation"), action="/organisation/door").status == 422


def test_the_same_picture_sent_twice_is_kept_once(school: School, claire: Visitor) -> None:
    page = claire.get("/organisation")
    first, second = hang(claire, files.jpeg(), page=page), hang(claire, files.jpeg(), page=page)
    assert (first.status, second.status) == (200, 200)
    assert kept(school) == {school.read(lambda s: s.get_one(Organisation, 1).door_photo_key)}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (files.pdf(), "Ce fichier n’est pas une photo."),
        (b"", "Ce fichier est vide."),
        (files.jpeg()[:2000], "Ce fichier est abîmé."),
        (b"x" * (27 << 20), "Ce fichier est trop lourd."),
    ],
    ids=["pdf", "empty", "cut", "huge"],
)
def test_a_bad_file_is_told_and_the_old_picture_stays(
    school: School, claire: Visitor, content: bytes, sentence: str
) -> None:
    hang(claire, files.jpeg())
    before = kept(school)
    page = hang(claire, content)
    assert page.status == 422
    assert sentence in page.text
    assert kept(school) == before
    assert claire.client.get("/organisation/door").status_code == 200


def test_a_door_whose_file_is_lost_is_no_fault_of_the_page(school: School, claire: Visitor) -> None:
    school.write(lambda s: setattr(factories.organisation(s), "door_photo_key", "a" * 26 + ".jpg"))
    assert claire.get("/organisation/door").status == 404
    assert claire.get("/organisation").status == 200


def test_only_the_coordinator_changes_the_door_and_only_people_of_the_school_see_it(
    school: School, claire: Visitor
) -> None:
    hang(claire, files.jpeg())
    page = claire.get("/organisation")
    for who in (factories.nadia, factories.farid, factories.samira):
        other = school.visitor(school.write(who))
        assert other.client.get("/organisation/door").status_code == 200
        assert hang(other, files.jpeg(), page=page).status == 404
        assert other.submit(page, action="/organisation/door/removal").status == 404
    assert len(kept(school)) == 1
    assert school.visitor().client.get("/organisation/door").status_code == 303


def test_a_picture_without_the_key_of_our_page_is_refused(school: School, claire: Visitor) -> None:
    page = claire.submit(
        claire.get("/organisation"),
        {"photo": file(files.jpeg(), "x.jpg"), "csrf_token": "strange"},
        action="/organisation/door",
    )
    assert page.status == 400
    assert kept(school) == set()


def onsite_hours(session: Session) -> None:
    """Nadia receives on site on Monday mornings, and Samira waits for that."""
    factories.rule(
        session, factories.nadia(session), factories.coming_monday().weekday(), "10:00", "11:00", "onsite"
    )
    samira = factories.samira(session)
    waitlist.join_waitlist(session, samira, samira, None, MORNING, Mode.ONSITE, now=clock.now())


def offers(school: School) -> int:
    return len(
        school.read(lambda s: s.scalars(select(Booking).where(Booking.state == BookingState.OFFERED)).all())
    )


def test_hours_in_a_room_that_opens_again_are_offered_to_those_who_wait(
    school: School, claire: Visitor
) -> None:
    school.write(onsite_hours)
    room = school.read(organisation.all_rooms)[0]
    claire.submit(claire.get("/organisation"), action=f"/organisation/rooms/{room.id}/closing")
    assert offers(school) == 0
    claire.submit(claire.get("/organisation"), {"room": room.name}, action="/organisation/rooms")
    assert offers(school) == 1


def test_a_farther_horizon_brings_hours_to_those_who_wait(school: School, claire: Visitor) -> None:
    claire.submit(claire.get("/organisation"), {"horizon_days": "1"})
    school.write(onsite_hours)
    assert offers(school) == 0
    claire.submit(claire.get("/organisation"), {"horizon_days": "60"})
    assert offers(school) == 1


def test_a_room_is_added_and_closed(school: School, claire: Visitor) -> None:
    page = claire.submit(claire.get("/organisation"), {"room": "Bureau 2"}, action="/organisation/rooms")
    assert "Bureau 2" in page.text
    page = claire.submit(page, {"room": "Bureau 2"}, action="/organisation/rooms")
    assert page.status == 422
    assert "Cette salle est déjà ouverte." in page.text
    room = school.read(organisation.all_rooms)[0]
    page = claire.submit(claire.get("/organisation"), action=f"/organisation/rooms/{room.id}/closing")
    assert "fermée" in page.text
    assert claire.submit(page, {"room": ""}, action="/organisation/rooms").status == 422


def test_who_closes_a_room_reads_what_is_to_be_decided_and_its_hours_say_so(
    school: School, claire: Visitor
) -> None:
    starts = factories.wall(factories.coming_monday().isoformat(), "10:00")

    def prepare(session: Session) -> str:
        nadia = factories.nadia(session)
        factories.rule(session, nadia, 0, "10:00", "11:00", "onsite")
        factories.booked(session, factories.samira(session), nadia, starts, "onsite", now=clock.now())
        return nadia.id

    nadia = school.write(prepare)
    room = school.read(organisation.all_rooms)[0]
    page = claire.submit(claire.get("/organisation"), action=f"/organisation/rooms/{room.id}/closing")
    assert "1 rendez-vous à revoir." in page.text.replace("\xa0", " ")
    assert "salle fermée" in claire.get("/agenda/conflicts").text
    assert "salle fermée" in school.visitor(nadia).get("/agenda/availability").text


def test_a_level_is_named_anew(school: School, claire: Visitor) -> None:
    level_id = school.read(lambda s: factories.level(s, "N1").id)
    page = claire.submit(
        claire.get(f"/organisation/levels/{level_id}"), {"name": "Premiers pas", "blurb": "Bonjour."}
    )
    assert "Premiers pas" in page.text
    page = claire.submit(claire.get(f"/organisation/levels/{level_id}"), {"name": ""})
    assert page.status == 422
    assert claire.get("/organisation/levels/nowhere").status == 404


def test_a_level_is_not_given_the_name_of_another(school: School, claire: Visitor) -> None:
    level_id = school.read(lambda s: factories.level(s, "N2").id)
    page = claire.submit(claire.get(f"/organisation/levels/{level_id}"), {"name": "NIVEAU\u00a0 1"})
    assert page.status == 422
    assert "Un autre niveau a déjà ce nom." in page.text


@pytest.mark.parametrize("spelling", ["école", "E\u0301cole", "ECOLE", "\u200fÉcole  "])
def test_a_room_in_another_spelling_is_no_second_room(school: School, claire: Visitor, spelling: str) -> None:
    claire.submit(claire.get("/organisation"), {"room": "École"}, action="/organisation/rooms")
    page = claire.submit(claire.get("/organisation"), {"room": spelling}, action="/organisation/rooms")
    assert page.status == 422
    assert "Cette salle est déjà ouverte." in page.text


@pytest.mark.parametrize("name", ["\u200b", "\u3164", "\u2800"])
def test_a_name_that_nobody_sees_is_refused(school: School, claire: Visitor, name: str) -> None:
    level_id = school.read(lambda s: factories.level(s, "N2").id)
    assert (
        claire.submit(claire.get("/organisation"), {"room": name}, action="/organisation/rooms").status == 422
    )
    assert claire.submit(claire.get("/organisation"), {"name": name}).status == 422
    assert claire.submit(claire.get(f"/organisation/levels/{level_id}"), {"name": name}).status == 422


def test_only_the_coordinator_enters(school: School) -> None:
    level_id = school.write(lambda s: factories.level(s, "N1").id)
    for who in (factories.nadia, factories.farid, factories.samira):
        visitor = school.visitor(school.write(who))
        for path in ("/organisation", f"/organisation/levels/{level_id}"):
            assert visitor.get(path).status == 404

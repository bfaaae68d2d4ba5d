import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from lms.adapters.media.intake import inspect_upload
from lms.adapters.media.types import CODES, MAX_BYTES, AcceptedFile, RejectedFile
from lms.adapters.store import file_digest
from tests.support import files
from tests.support.memory import kibibytes_for

Send = Callable[..., AcceptedFile]


@pytest.fixture
def send(tmp_path: Path) -> Send:
    def sent(content: bytes, name: str = "chose.bin") -> AcceptedFile:
        source = tmp_path / "received"
        source.write_bytes(content)
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        return inspect_upload(source, shown_name=name, work=work)

    return sent


def refusal(send: Send, content: bytes, name: str = "chose.bin") -> str:
    with pytest.raises(RejectedFile) as refused:
        send(content, name)
    assert refused.value.code in CODES
    return refused.value.code


@pytest.mark.parametrize(
    ("make", "kind", "mime", "suffix"),
    [
        (files.jpeg, "photo", "image/jpeg", ".jpg"),
        (files.png, "photo", "image/jpeg", ".jpg"),
        (files.webp, "photo", "image/jpeg", ".jpg"),
        (files.heic, "photo", "image/jpeg", ".jpg"),
        (files.pdf, "document", "application/pdf", ".pdf"),
        (
            files.docx,
            "document",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            ".docx",
        ),
        (files.voice_webm, "voice", "audio/webm", ".webm"),
        (files.voice_ogg, "voice", "audio/ogg", ".ogg"),
        (files.voice_m4a, "voice", "audio/mp4", ".m4a"),
        (files.voice_3gp, "voice", "audio/3gpp", ".3gp"),
        (files.voice_amr, "voice", "audio/amr", ".amr"),
        (files.voice_mp3, "voice", "audio/mpeg", ".mp3"),
        (files.voice_aac, "voice", "audio/aac", ".aac"),
        (files.voice_wav, "voice", "audio/wav", ".wav"),
    ],
)
def test_a_file_is_known_by_its_content_whatever_it_is_called(
    send: Send, make: Callable[[], bytes], kind: str, mime: str, suffix: str
) -> None:
    name = "photo.gif" if kind == "document" else "devoir.pdf.exe"
    taken = send(make(), name)
    assert (taken.kind, taken.mime, taken.suffix) == (kind, mime, suffix)
    assert taken.size == taken.original.stat().st_size
    assert taken.sha256 == file_digest(taken.original)
    assert taken.name == name


def test_documents_and_voices_are_kept_as_they_were_sent(send: Send) -> None:
    for content in (files.pdf(), files.docx(), files.voice_webm()):
        assert send(content).original.read_bytes() == content


def test_a_download_is_named_after_what_it_really_is(send: Send) -> None:
    assert send(files.heic(), "IMG_001.HEIC").download_name == "IMG_001.jpg"
    assert send(files.pdf(), "devoir").download_name == "devoir.pdf"
    assert send(files.pdf(), "Devoir.PDF").download_name == "Devoir.PDF"
    assert send(files.pdf(), "M. Dupont, le 3.11").download_name == "M. Dupont, le 3.pdf"


def test_the_renditions_say_what_they_are(send: Send) -> None:
    taken = send(files.jpeg())
    assert [rendition.purpose for rendition in taken.renditions] == ["web", "thumb"]
    for rendition in taken.renditions:
        assert rendition.mime == "image/jpeg"
        assert rendition.size == rendition.path.stat().st_size
        assert rendition.sha256 == file_digest(rendition.path)


WRONG = {
    "gif": (b"GIF89a" + b"\0" * 200, "file_kind"),
    "bmp": (files.saved(files.upright(), "BMP"), "file_kind"),
    "tiff": (files.saved(files.upright(), "TIFF"), "file_kind"),
    "html": (b"<!doctype html><script>alert(1)</script>", "file_kind"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "file_kind"),
    "program": (b"MZ\x90\0" + b"\0" * 400, "file_kind"),
    "elf": (b"\x7fELF" + b"\0" * 400, "file_kind"),
    "text": (b"Bonjour Madame", "file_kind"),
    "one byte": (b"\xff", "file_kind"),
    "empty wav": (b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 40, "file_kind"),
    "avi": (b"RIFF\x24\0\0\0AVI LIST" + b"\0" * 40, "file_video"),
    "flac": (b"fLaC\x80\0\0\x22" + b"\0" * 40, "file_kind"),
    "caf": (b"caff\0\1\0\0desc" + b"\0" * 40, "file_kind"),
    "wma": (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + b"\0" * 40, "file_kind"),
    "old Word": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "file_kind"),
    "zip": (files.zipped({"photo.jpg": files.jpeg()}), "file_kind"),
    "avif": (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + b"\0" * 300, "file_kind"),
    "video": (files.video_mp4(), "file_video"),
    "video of a browser": (files.video_webm(), "file_video"),
    "locked Word": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"),
        "file_encrypted",
    ),
    "locked PDF": (files.encrypted_pdf(), "file_encrypted"),
    "empty": (b"", "file_empty"),
    "too big": (b"\xff\xd8\xff" + b"\0" * MAX_BYTES, "file_too_big"),
    "pixel bomb": (files.png_bomb(), "file_too_many_pixels"),
    "half a photo": (files.truncated_jpeg(), "file_broken"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_file_gets_its_reason(send: Send, what: str) -> None:
    content, code = WRONG[what]
    assert refusal(send, content, "devoir.jpg") == code


MAKERS: list[Callable[[], bytes]] = [
    files.jpeg,
    files.png,
    files.webp,
    files.heic,
    files.pdf,
    files.docx,
    files.voice_webm,
    files.voice_ogg,
    files.voice_m4a,
    files.voice_m4a_of_a_browser,
    files.voice_3gp,
    files.voice_amr,
    files.voice_wav,
]
# They hold their sound piece after piece, and need nothing that stands at the end.
RECORDERS: list[tuple[Callable[[], bytes], float]] = [
    (files.voice_webm, 3),
    (files.voice_ogg, 3),
    (files.voice_m4a_of_a_browser, 4),
    (files.voice_amr, 2),
    (files.voice_mp3, 2.61),
    (files.voice_aac, 2.32),
    (files.voice_wav, 2),
]


@pytest.mark.parametrize("make", [make for make in MAKERS if make not in dict(RECORDERS)])
def test_a_file_cut_off_on_the_way_is_refused(send: Send, make: Callable[[], bytes]) -> None:
    whole = make()
    for part in (0.3, 0.6, 0.95):
        assert refusal(send, whole[: int(len(whole) * part)]) in ("file_broken", "file_kind")


@pytest.mark.parametrize(("make", "seconds"), RECORDERS)
def test_of_a_recording_that_was_cut_off_the_whole_part_is_kept(
    send: Send, make: Callable[[], bytes], seconds: float
) -> None:
    whole = make()
    for part in (0.6, 0.8, 0.95):
        taken = send(whole[: int(len(whole) * part)])
        assert taken.seconds == pytest.approx(part * seconds, abs=1)
        assert taken.size == taken.original.stat().st_size <= part * len(whole)
        again = send(taken.original.read_bytes())
        assert (again.sha256, again.seconds) == (taken.sha256, taken.seconds)


@pytest.mark.parametrize(("make", "seconds"), [*RECORDERS, (files.voice_m4a, 4), (files.voice_3gp, 4)])
@pytest.mark.parametrize(
    "tail", [b"\0", b"\0" * 3, b"\0" * 8, b"\0" * 900, b"TAG" + b"x" * 125, b"APETAGEX" + bytes(24), b"\r\n"]
)
def test_what_stands_after_a_recording_is_dropped(
    send: Send, make: Callable[[], bytes], seconds: float, tail: bytes
) -> None:
    taken = send(make() + tail)
    assert taken.original.read_bytes() == make()
    assert taken.size == len(make())
    assert taken.seconds == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize(
    "whole",
    [files.voice_webm(9), files.voice_ogg(9), files.voice_amr(9), files.voice_mp3(900), files.voice_aac(900)],
)
def test_a_recording_with_a_hole_is_refused_instead_of_losing_its_second_half(
    send: Send, whole: bytes
) -> None:
    hole = len(whole) // 2
    assert refusal(send, whole[:hole] + b"\x07" * 1000 + whole[hole + 1000 :]) == "file_broken"


@pytest.mark.parametrize("make", [*MAKERS, files.voice_mp3, files.voice_aac, files.encrypted_pdf])
def test_whatever_is_damaged_there_is_an_answer_and_never_a_crash(
    send: Send, make: Callable[[], bytes]
) -> None:
    chance = random.Random(11)
    whole = make()
    for _ in range(3):
        bent = bytearray(whole)
        for _ in range(chance.choice((1, 8, 40))):
            bent[chance.randrange(len(bent))] = chance.randrange(256)
        started = time.monotonic()
        with suppress(RejectedFile):
            send(bytes(bent))
        assert time.monotonic() - started < 10


def test_random_bytes_behind_an_honest_beginning_are_refused(send: Send) -> None:
    noise = random.Random(5).randbytes(20_000)
    beginnings = (
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\0\0\0\0WEBP",
        b"\0\0\0\x18ftypheic",
        b"\0\0\0\x18ftypM4A ",
        b"\0\0\0\x18ftyp3gp4",
        b"\x1a\x45\xdf\xa3",
        b"OggS\0",
        b"ID3\x04\0\0\0\0\0\0",
        b"\xff\xfb\x90\x64",
        b"\xff\xf1\x50\x80",
        b"#!AMR\n",
        b"%PDF-1.7\n",
        b"PK\x03\x04",
    )
    for beginning in beginnings:
        assert refusal(send, beginning + noise) in ("file_broken", "file_kind", "file_too_heavy")


def test_a_photo_of_twelve_megapixels_is_taken_in_a_moment(send: Send, tmp_path: Path) -> None:
    photo = files.saved(files.noise(4000, 3000), "JPEG", quality=90)
    started = time.monotonic()
    taken = send(photo)
    assert time.monotonic() - started < 5
    assert (taken.width, taken.height) == (3000, 2250)
    assert kibibytes_for(photo, tmp_path) < 700_000

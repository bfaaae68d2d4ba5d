from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lms.adapters import youtube
from lms.adapters.youtube import Video
from lms.domain.errors import Refused

ID = "dQw4w9WgXcQ"
REFUSALS = {"youtube_none", "youtube_elsewhere", "youtube_playlist", "youtube_channel", "youtube_bad_id"}


@pytest.mark.parametrize(
    ("text", "starts", "ends"),
    [
        (f"https://www.youtube.com/watch?v={ID}", 0, None),
        (f"http://youtube.com/watch?v={ID}", 0, None),
        (f"  https://m.youtube.com/watch?feature=share&v={ID}&ab_channel=x \n", 0, None),
        (f"https://music.youtube.com/watch?v={ID}&list=RD{ID}", 0, None),
        (f"HTTPS://WWW.YOUTUBE.COM/watch?v={ID}", 0, None),
        (f"youtube.com/watch?v={ID}", 0, None),
        (f"//www.youtube.com/watch?v={ID}", 0, None),
        (f"www.youtube.com:443/watch?v={ID}", 0, None),
        (f"https://www.youtube.com/watch/{ID}", 0, None),
        (f"https://youtu.be/{ID}?si=abcDEF", 0, None),
        (f"youtu.be/{ID}", 0, None),
        (f"https://www.youtube.com/embed/{ID}?start=5&end=20", 5, 20),
        (f"https://www.youtube-nocookie.com/embed/{ID}?rel=0", 0, None),
        (f"https://www.youtube.com/shorts/{ID}?feature=share", 0, None),
        (f"https://www.youtube.com/live/{ID}?si=x", 0, None),
        (f"https://www.youtube.com/v/{ID}?version=3", 0, None),
        (f"https://www.youtube.com/watch?v={ID}&t=90", 90, None),
        (f"https://www.youtube.com/watch?v={ID}&t=90s", 90, None),
        (f"https://youtu.be/{ID}?t=1m30s", 90, None),
        (f"https://youtu.be/{ID}?t=1h2m3s", 3723, None),
        (f"https://youtu.be/{ID}?t=1:30", 90, None),
        (f"https://www.youtube.com/watch?time_continue=12&v={ID}", 12, None),
        (f"https://www.youtube.com/watch?v={ID}#t=45", 45, None),
        (f"https://www.youtube.com/watch?v={ID}#t=1m", 60, None),
        (f"https://www.youtube.com/embed/{ID}?start=30&end=10", 30, None),
        (f"https://www.youtube.com/watch?v={ID}&t=bientôt", 0, None),
        (f"https://www.youtube.com/watch?v={ID}&t=99999999999", 0, None),
        (f"Regardez cette vidéo : https://youtu.be/{ID}. Merci !", 0, None),
        (f"<a href='https://youtu.be/{ID}'>la vidéo</a>", 0, None),
        (
            f'<iframe src="https://www.youtube.com/embed/{ID}?si=x&amp;start=7" title="x"></iframe>',
            7,
            None,
        ),
        (
            f"https://consent.youtube.com/m?continue=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3D{ID}&gl=BE",
            0,
            None,
        ),
        (f"youtu.be/{ID}&feature=share&t=30", 30, None),
        (f"youtu.be/{ID}/", 0, None),
        (f"https://www.youtube.com/v/{ID}&hl=fr", 0, None),
        (f"https://www.youtube.com/watch?v={ID}?t=5", 5, None),
        (f"https://www.youtube.com/attribution_link?a=x&u=%2Fwatch%3Fv%3D{ID}%26feature%3Dshare", 0, None),
        (f"https://www.google.com/url?sa=t&url=https%3A%2F%2Fyoutu.be%2F{ID}%3Ft%3D5", 5, None),
        (f"https://l.facebook.com/l.php?u=https%3A%2F%2Fyoutu.be%2F{ID}&h=x", 0, None),
        (f"https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3D{ID}", 0, None),
        (f"https://studio.youtube.com/video/{ID}/edit", 0, None),
        (f"https://i.ytimg.com/vi/{ID}/hqdefault.jpg", 0, None),
        (f"https://www.youtube.com/embed/{ID}?start=10.5", 10, None),
        (f"https://www.youtube.com/watch?\nv={ID}", 0, None),
        (f"watch?v={ID}&t=3", 3, None),
        (ID, 0, None),
        (f" ({ID}) ", 0, None),
        (f"\u200ehttps://youtu.be/{ID}\u200f", 0, None),
        (f"\u200b\ufeffhttps://youtu.be/{ID}\u200b", 0, None),
        (f"https://youtu.be/{ID}%E2%80%8E", 0, None),
        (f"*https://youtu.be/{ID}*", 0, None),
        (f"_https://youtu.be/{ID}_", 0, None),
        (f"Regardez **https://youtu.be/{ID}**.", 0, None),
        (f"[la vidéo](https://youtu.be/{ID})", 0, None),
    ],
)
def test_every_form_of_address_names_its_video_and_its_times(
    text: str, starts: int, ends: int | None
) -> None:
    assert youtube.parse_link(text) == Video(ID, starts, ends)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "youtube_none"),
        ("bonjour", "youtube_none"),
        ("https://www.youtube.com/", "youtube_none"),
        ("https://www.youtube.com/results?search_query=bus", "youtube_none"),
        ("https://www.youtube.com/clip/UgkxAbc", "youtube_none"),
        (f"ftp://youtube.com/watch?v={ID}", "youtube_none"),
        (f"javascript://youtube.com/watch?v={ID}", "youtube_none"),
        (f"https://youtube.com.evil.example/watch?v={ID}", "youtube_elsewhere"),
        (f"https://notyoutube.com/watch?v={ID}", "youtube_elsewhere"),
        (f"https://youtube.com@evil.example/watch?v={ID}", "youtube_elsewhere"),
        (f"https://evil.example/?u=https://youtu.be/{ID}", "youtube_elsewhere"),
        ("https://vimeo.com/123456", "youtube_elsewhere"),
        ("https://www.youtube.com/playlist?list=PLabc", "youtube_playlist"),
        ("https://www.youtube.com/embed/videoseries?list=PLabc", "youtube_playlist"),
        ("https://www.youtube.com/watch?list=PLabc", "youtube_playlist"),
        ("https://www.youtube.com/embed/videoseries", "youtube_playlist"),
        ("https://youtu.be/videoseries?list=PLabc", "youtube_playlist"),
        ("https://www.youtube.com/embed/live_stream?channel=UCabc", "youtube_channel"),
        ("https://www.youtube.com/@unprof/live", "youtube_channel"),
        ("rendez-vous", "youtube_none"),
        ("Jean-Pierre", "youtube_none"),
        ("0470-123456", "youtube_none"),
        ("live_stream", "youtube_none"),
        ("https://www.youtube.com/@unprof", "youtube_channel"),
        ("https://www.youtube.com/channel/UCabc/videos", "youtube_channel"),
        ("https://www.youtube.com/user/unprof", "youtube_channel"),
        ("https://youtu.be/dQw4w9WgXc", "youtube_bad_id"),
        ("https://youtu.be/dQw4w9WgXcQQ", "youtube_bad_id"),
        ("https://www.youtube.com/watch?v=dQw4w9WgX%22Q", "youtube_bad_id"),
    ],
)
def test_what_is_no_single_video_of_youtube_is_refused_for_its_own_reason(text: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        youtube.parse_link(text)
    assert refusal.value.code == code


PIECES = (
    f"https:// http: // youtube.com www.youtube.com youtu.be /watch?v= /embed/ /shorts/ {ID} &t= #t= 1m30s"
)
PIECES += " ?list= [ ] ::1 @ :99999 % %00 <iframe&#32;src=' &amp; \n ²"
pieces = st.sampled_from(PIECES.split(" "))


def parsed(text: str) -> youtube.Video | str:
    try:
        return youtube.parse_link(text)
    except Refused as refusal:
        return refusal.code


@given(st.one_of(st.text(), st.lists(st.one_of(pieces, st.text(max_size=4)), max_size=9).map("".join)))
@example("https://[youtube.com/watch?v=dQw4w9WgXcQ")
@example("https://youtube.com:x/watch?v=dQw4w9WgXcQ")
def test_no_text_breaks_the_reader_and_what_it_accepts_is_always_an_id(text: str) -> None:
    video = parsed(text)
    if isinstance(video, str):
        assert video in REFUSALS
        return
    assert re.fullmatch(r"[A-Za-z0-9_-]{11}", video.id, re.ASCII)
    assert video.starts >= 0
    assert video.ends is None or video.ends > video.starts


@given(st.integers(0, 40_000), st.one_of(st.none(), st.integers(1, 40_000)))
def test_the_address_shown_to_the_teacher_reads_back_as_the_same_clip(starts: int, more: int | None) -> None:
    ends = starts + more if more and starts + more < 12 * 3600 else None
    assert youtube.parse_link(youtube.watch_address(ID, starts, ends)) == Video(ID, starts, ends)


def test_the_frame_is_the_one_without_cookies_and_tells_our_origin() -> None:
    address = urlsplit(youtube.frame_address(ID, 12, 40, "https://ecole.example"))
    assert (address.scheme, address.netloc, address.path) == (
        "https",
        "www.youtube-nocookie.com",
        f"/embed/{ID}",
    )
    assert {name: values[0] for name, values in parse_qs(address.query).items()} == {
        "start": "12",
        "end": "40",
        "enablejsapi": "1",
        "origin": "https://ecole.example",
        "rel": "0",
        "hl": "fr",
        "cc_load_policy": "1",
    }

"""What is kept of a recording that was cut off can be heard to its end in a browser."""

from __future__ import annotations

import base64
import random
from typing import TypedDict

import pytest
from playwright.sync_api import Browser

from lms.adapters.media.voice import read_voice
from tests.support import files

pytestmark = pytest.mark.journey
SENT = (files.AS_SENT / "webm-of-chromium-in-slices.webm").read_bytes()
RECORDINGS = (
    (files.AS_SENT / "mp4-of-chromium-in-slices.mp4").read_bytes(),
    (files.AS_SENT / "mp4-of-chromium.mp4").read_bytes(),
    files.recording("voice.mp4"),
    SENT,
    files.finished_webm(SENT),
    files.recording("voice.ogg"),
)
# The length that the player shows, and that of the sound when all of it is decoded.
PLAY = """async ([mime, encoded]) => {
  const bytes = Uint8Array.from(atob(encoded), one => one.charCodeAt(0));
  const audio = new Audio(URL.createObjectURL(new Blob([bytes], {type: mime})));
  audio.muted = true;
  const shown = await new Promise(done => {
    audio.oncanplay = () => done(audio.duration);
    audio.onerror = () => done(0);
    audio.load();
  });
  const sound = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(bytes.buffer);
  return {shown: Number.isFinite(shown) ? shown : -1, decoded: sound.duration};
}"""


class Heard(TypedDict):
    shown: float  # -1: the player finds out when it comes to the end
    decoded: float


def test_what_is_kept_of_a_recording_that_was_cut_off_is_played(browser: Browser) -> None:
    page = browser.new_page()
    chosen = random.Random(5)
    played = 0
    for data in RECORDINGS:
        for cut in chosen.sample(range(len(data) // 2, len(data)), 6):
            sound = read_voice(data[:cut])
            assert sound is not None
            assert sound.seconds is not None
            kept = data[:cut] if sound.kept is None else sound.kept
            heard: Heard = page.evaluate(PLAY, [sound.mime, base64.b64encode(kept).decode()])
            assert heard["decoded"] == pytest.approx(sound.seconds, abs=0.1)
            assert heard["shown"] == -1 or heard["shown"] == pytest.approx(sound.seconds, abs=0.1)
            played += 1
    assert played == 36
    page.close()

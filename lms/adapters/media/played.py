"""Make a copy of a voice that plays on every phone: AAC in MP4, its index first. Runs in the child process.

Needs PyAV, the extra `media`. Without it, and of a sound that it cannot read, there is only the file as sent.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
from av.container import InputContainer

from lms.adapters.media.boxes import top_boxes
from lms.adapters.media.decode import Facts, serve
from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode

RATE = 32_000  # bits a second
HERTZ = 24_000
_LEAST_SECONDS = 0.2
_MOST_SECONDS = 3600  # a recording of a whole lesson; it would take longer than a child may


def look(source: Path, work: Path) -> Facts:
    """Return the facts of a copy, with the name `None` where the file itself plays everywhere.

    Raises `RejectedFile` when there is no sound in it.
    """
    target = work / "played"
    seconds = 0.0
    with av.open(str(source), options={"protocol_whitelist": "file"}) as container:
        stream = next(iter(container.streams.audio), None)
        if stream is None:
            raise RejectedFile(RefusalCode.FILE_BROKEN, "voice")
        if _plays_everywhere(source, stream.codec_context.name):
            return {"name": None}
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=HERTZ)
        with av.open(str(target), "w", format="mp4", options={"movflags": "faststart"}) as made:
            voice = made.add_stream("aac", rate=HERTZ, layout="mono", bit_rate=RATE)
            for frame in _frames(container, stream):
                frame.pts = None  # gaps and jumps of the clock of a phone
                for part in resampler.resample(frame):
                    seconds += part.samples / HERTZ
                    if seconds > _MOST_SECONDS:
                        raise RejectedFile(RefusalCode.FILE_TOO_HEAVY, "voice")
                    made.mux(voice.encode(part))
            for part in resampler.resample(None):
                made.mux(voice.encode(part))
            made.mux(voice.encode(None))
    if seconds < _LEAST_SECONDS:
        raise RejectedFile(RefusalCode.FILE_BROKEN, "voice")
    return {"name": target.name, "seconds": seconds}


def _frames(container: InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Yield what can be decoded: a damaged piece is left out, behind a damaged container nothing follows."""
    with suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            with suppress(av.error.FFmpegError):
                yield from packet.decode()


def _plays_everywhere(source: Path, codec: str) -> bool:
    """Return whether it is MP3, or AAC in an MP4 with its index first, and not in fragments."""
    if codec in ("mp3", "mp3float"):
        return True
    data = source.read_bytes()
    if codec != "aac" or data[4:8] != b"ftyp":
        return False
    kinds = [kind for kind, _start, _end in top_boxes(data)[0]]
    return b"moof" not in kinds and kinds.index(b"moov") < kinds.index(b"mdat")


if __name__ == "__main__":
    serve(look)

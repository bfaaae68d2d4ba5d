"""Static files as a phone gets them: through the real WSGI answer, with the real sources."""

from __future__ import annotations

import gzip
import io
import multiprocessing
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import brotli
import pytest

from lms import assets

STATIC = Path(assets.__file__).parent / "static"
COMMON = {"Referrer-Policy": "same-origin", "Content-Security-Policy": "default-src 'none'"}


def get(app: Any, path: str, method: str = "GET", **headers: str) -> tuple[str, dict[str, str], bytes]:
    environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": method, "wsgi.input": io.BytesIO()}
    setup_testing_defaults(environ)
    environ.update({f"HTTP_{name.upper()}": value for name, value in headers.items()})
    seen: dict[str, Any] = {}

    def start(status: str, answered: list[tuple[str, str]], exc_info: object = None) -> None:
        seen.update(status=status, headers=dict(answered))

    chunks: Iterable[bytes] = app(environ, start)
    body = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    return seen["status"], seen["headers"], body


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("404 NOT FOUND", [("Content-Type", "text/plain")])
    return [b"the school answers"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    for name, text in {
        "css/app/1-first.css": "a { color: red }",
        "css/app/2-second.css": "b { color: blue }",
        "css/alone.css": "i { color: green }",
        "js/app/once.js": "const same = 1;",
        "js/app/twice.js": "const same = 2;",
        "js/player.js": "export const clip = 1;",
        "img/mark.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>" + " " * 400,
        "img/.hidden": "no",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_folder_is_served_as_one_file_in_the_order_of_its_names(small: Path, tmp_path: Path) -> None:
    manifest = assets.build(small, tmp_path / "out")
    assert sorted(manifest.names) == [
        "css/alone.css", "css/app.css", "img/mark.svg", "js/app.js", "js/player.js"
    ]  # fmt: skip
    text = (manifest.folder / manifest.names["css/app.css"]).read_text()
    assert text.index("red") < text.index("blue")


def test_two_behaviours_may_use_the_same_name(small: Path, tmp_path: Path) -> None:
    manifest = assets.build(small, tmp_path / "out")
    text = (manifest.folder / manifest.names["js/app.js"]).read_text()
    assert re.fullmatch(r"\{\nconst same = 1;\n\}\n\{\nconst same = 2;\n\}\n", text)


def test_the_address_changes_when_the_content_changes_and_only_then(small: Path, tmp_path: Path) -> None:
    before = assets.build(small, tmp_path / "out")
    (small / "css/app/2-second.css").write_text("b { color: black }")
    after = assets.build(small, tmp_path / "out")
    assert before.url("css/app.css") != after.url("css/app.css")
    assert before.url("css/alone.css") == after.url("css/alone.css")
    assert re.fullmatch(r"/static/css/app\.[0-9a-f]{12}\.css", after.url("css/app.css"))


def test_an_unknown_name_is_told_at_once(small: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        assets.build(small, tmp_path / "out").url("css/forgotten.css")


def test_a_second_start_writes_nothing(small: Path, tmp_path: Path) -> None:
    first = assets.build(small, tmp_path / "out")
    written = {path: path.stat().st_ino for path in first.folder.rglob("*")}
    assert assets.build(small, tmp_path / "out") == first
    assert {path: path.stat().st_ino for path in first.folder.rglob("*")} == written


def test_a_start_that_was_cut_short_is_mended_by_the_next(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / ".draft-dead" / "css").mkdir(parents=True)
    manifest = assets.build(small, out)
    assert (manifest.folder / manifest.names["css/app.css"]).is_file()


def test_two_servers_that_start_together_share_one_whole_copy(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        results = pool.starmap(assets.build, [(small, out)] * 8)
    assert len({str(manifest.folder) for manifest in results}) == 1
    assert [path.name for path in out.iterdir()] == [results[0].folder.name]
    assert all((results[0].folder / name).is_file() for name in results[0].names.values())


def test_old_copies_are_cleared_but_the_last_ones_stay(small: Path, tmp_path: Path) -> None:
    folders = []
    for colour in ("red", "green", "blue", "black", "white"):
        (small / "css/alone.css").write_text(f"i {{ color: {colour} }}")
        folders.append(assets.build(small, tmp_path / "out").folder)
    assert len(list((tmp_path / "out").iterdir())) == assets.KEPT_BUILDS
    assert folders[-1].is_dir()


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> assets.Manifest:
    return assets.build(STATIC, tmp_path_factory.mktemp("assets"))


@pytest.fixture(scope="module")
def front(manifest: assets.Manifest) -> Any:
    return assets.serve(application, manifest, COMMON)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("css/app.css", 'text/css; charset="utf-8"'),
        ("js/app.js", 'text/javascript; charset="utf-8"'),
        ("img/sprite.svg", "image/svg+xml"),
        ("img/favicon.svg", "image/svg+xml"),
    ],
)
def test_a_file_is_served_forever_with_its_type_and_the_common_headers(
    front: Any, manifest: assets.Manifest, path: str, kind: str
) -> None:
    status, headers, body = get(front, manifest.url(path))
    assert status == "200 OK"
    assert headers["Content-Type"] == kind
    assert headers["Cache-Control"] == "max-age=315360000, public, immutable"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    for name, value in COMMON.items():
        assert headers[name] == value
    assert body == (manifest.folder / manifest.names[path]).read_bytes()


def test_a_phone_gets_the_smallest_form_it_understands(front: Any, manifest: assets.Manifest) -> None:
    url = manifest.url("css/app.css")
    plain = get(front, url)[2]
    _, br_headers, br = get(front, url, accept_encoding="gzip, deflate, br")
    _, gz_headers, gz = get(front, url, accept_encoding="gzip")
    assert (br_headers["Content-Encoding"], gz_headers["Content-Encoding"]) == ("br", "gzip")
    assert brotli.decompress(br) == gzip.decompress(gz) == plain
    assert br_headers["Vary"] == "Accept-Encoding"


def test_the_school_answers_for_what_is_not_a_static_file(front: Any) -> None:
    for path in ("/", "/static/css/app.css", "/static/../config.py", "/static/css/app/1-reset.css"):
        assert get(front, path)[2] == b"the school answers"


def test_nobody_writes_to_a_static_file(front: Any, manifest: assets.Manifest) -> None:
    assert get(front, manifest.url("css/app.css"), method="POST")[0].startswith("405")


def test_the_look_stays_within_its_budget(manifest: assets.Manifest) -> None:
    def weight(name: str) -> int:
        return len(gzip.compress((manifest.folder / manifest.names[name]).read_bytes(), 9))

    assert len(brotli.compress((manifest.folder / manifest.names["css/app.css"]).read_bytes())) <= 12_000
    assert weight("js/app.js") <= 6_000  # leaves room for a page's own behaviour within 15 kB
    assert weight("js/send.js") <= 7_000  # beside it where something can be typed
    packed = len(brotli.compress((manifest.folder / manifest.names["js/outgoing.js"]).read_bytes()))
    assert packed <= 3_500  # on the phone of whoever sends a homework
    packed = len(brotli.compress((manifest.folder / manifest.names["js/correction.js"]).read_bytes()))
    assert packed <= 15_000  # of the page on which a copy is marked
    assert weight("img/sprite.svg") <= 8_000


def test_styles_and_drawings_ask_nobody_else_for_anything(manifest: assets.Manifest) -> None:
    for name, hashed in manifest.names.items():
        text = (manifest.folder / hashed).read_text()
        # The player names YouTube's address to check where a message comes from; it asks nothing by itself.
        text = text.replace('"https://www.youtube-nocookie.com"', "") if name == "js/player.js" else text
        assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text), name


def test_every_pictogram_that_a_template_names_is_drawn(manifest: assets.Manifest) -> None:
    drawn = set(re.findall(r'<symbol id="([a-z-]+)"', (STATIC / "img/sprite.svg").read_text()))
    named: set[str] = set()
    for template in (STATIC.parent / "templates").rglob("*.html"):
        text = re.sub(r"\{#.*?#\}", "", template.read_text(), flags=re.S)
        named |= set(re.findall(r"""\b_?icon\(\s*["']([a-z-]+)["']""", text))
        named |= set(re.findall(r"""\bicon=["']([a-z-]+)["']""", text))
        named |= set(re.findall(r"""#([a-z-]+)"/>""", text))
    assert named
    assert named <= drawn


def _luminance(colour: str) -> float:
    if len(colour) == 4:
        colour = "#" + "".join(c * 2 for c in colour[1:])
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_text_colour_is_readable_on_every_ground_it_stands_on(mode: str) -> None:
    text = (STATIC / "css/app/2-tokens.css").read_text()
    light, dark = text.split("prefers-color-scheme: dark")
    tokens = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})\b", light if mode == "light" else dark))
    pairs = [(ink, ground) for ink in ("ink", "muted") for ground in ("paper", "surface", "sunk")]
    for tone in ("lessons", "homework", "booking", "me"):
        pairs += [(tone, ground) for ground in ("paper", "surface", f"{tone}-tint")]
        pairs += [("ink", f"{tone}-tint"), ("muted", f"{tone}-tint")]
        pairs += [("on-saffron" if tone == "homework" else "on-fill", f"{tone}-fill")]
    pairs += [(tone, g) for tone in ("good", "redo") for g in (f"{tone}-tint", "surface", "paper")]
    poor = {pair: round(_contrast(tokens[pair[0]], tokens[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}
    # the line around an input is what shows where to touch
    assert min(_contrast(tokens["edge"], tokens[g]) for g in ("paper", "surface")) >= 3

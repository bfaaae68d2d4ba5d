"""`./dev` on a machine where nothing is installed yet, one install that was killed, and the pins."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.machinery
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.live_server import clean_environment
from tests.support.school import MakeOnce
from tests.support.servers import wait_until

ROOT = Path(__file__).resolve().parent.parent


def copy_clone(folder: Path) -> Path:
    """A clone without requirements: an installation needs no internet and takes a moment."""
    shutil.copy(ROOT / "dev", folder / "dev")
    (folder / "requirements.txt").write_text("# nothing\n")
    (folder / "requirements-test.txt").write_text("# nothing\n")
    (folder / "lms").mkdir()
    (folder / "lms" / "serve.py").write_text("import sys\nprint('serving', *sys.argv[1:])\n")
    return folder


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return copy_clone(tmp_path)


def start_clone(folder: Path) -> None:
    first = dev(copy_clone(folder), "run")
    assert first.stdout == "serving\n", first.stderr
    assert "Installing requirements.txt" in first.stderr


@pytest.fixture
def started(make_once: MakeOnce, tmp_path: Path) -> Path:
    """A clone that has been started once: making a virtual environment takes seconds, copying it a moment."""
    return shutil.copytree(make_once("clone", start_clone), tmp_path / "started", symlinks=True)


def dev(clone: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "dev", *arguments]
    return subprocess.run(
        command,
        cwd=clone,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def loaded(path: Path) -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("dev_under_test", str(path))
    spec = importlib.util.spec_from_loader("dev_under_test", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_help_lists_the_commands() -> None:
    told = subprocess.run([ROOT / "dev", "--help"], capture_output=True, text=True, check=True).stdout
    for command in ("run", "test", "lint", "lock", "bench", "faults"):
        assert re.search(rf"^  {command}\b", told, re.MULTILINE), command


def test_an_unknown_command_is_told_the_known_ones(clone: Path) -> None:
    answer = dev(clone, "start")
    assert answer.returncode == 2
    assert "no command 'start'" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (clone / ".venv").exists()


def test_an_old_python_reads_one_clear_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    ast.parse((ROOT / "dev").read_text(encoding="utf-8"), feature_version=(3, 8))
    assert loaded(ROOT / "dev").main(["run"], version=(3, 8)) == 1
    told = capsys.readouterr()
    assert "Python 3.11 or newer is needed, this is 3.8" in told.err
    assert len(told.err.splitlines()) == 1


def test_a_python_nobody_has_tried_is_told_and_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loaded(ROOT / "dev").main(["--nothing"], version=(3, 14)) == 2
    assert "what is tested" not in capsys.readouterr().err
    module = loaded(ROOT / "dev")
    monkeypatch.setattr(module, "COMMANDS", {"run": lambda arguments: 0})
    assert module.main(["run"], version=(3, 15)) == 0
    assert "Going on with Python 3.15; what is tested is 3.11 to 3.14." in capsys.readouterr().err


def test_dev_the_package_and_the_readme_name_the_same_pythons() -> None:
    module = loaded(ROOT / "dev")
    tested = [f"3.{minor}" for minor in range(module.OLDEST[1], module.NEWEST[1] + 1)]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={tested[0]},<3.{module.NEWEST[1] + 1}"
    named = [line.rpartition(" ")[2] for line in project["classifiers"] if "Language :: Python ::" in line]
    assert named == tested
    sentence = f"{', '.join(tested[:-1])} or {tested[-1]}"
    assert f"Python {sentence}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tests_can_run_as_on_a_machine_without_a_wheel_for_sqlite(started: Path) -> None:
    (started / "pytest.py").write_text("import os, sys\nprint(os.environ['PYTHONPATH'], *sys.argv[1:])\n")
    answer = dev(started, "test", "--standard-sqlite", "-q")
    hidden, *arguments = answer.stdout.split()
    assert "--standard-sqlite" not in arguments
    assert "-q" in arguments
    shown = subprocess.run(
        [sys.executable, "-c", "from lms.extensions import sqlite; print(sqlite.__name__)"],
        env={**os.environ, "PYTHONPATH": str(ROOT / Path(hidden).relative_to(started))},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "sqlite3\n"


# A package of which one branch runs in a worker, one in a process that a test starts, and one nowhere.
HALF = """
def half(number: int) -> str:
    if number == 1:
        return "in a worker"
    if number == 2:
        return "in a process"
    return "nowhere"
"""
HALF_TESTED = """
import pathlib, subprocess, sys
from lms.half import half
def test_half():
    assert half(1) == "in a worker"
    pathlib.Path(".coverage.of.a.killed.process").write_bytes(b"torn")
    command = [sys.executable, "-c", "from lms.half import half; print(half(2))"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "in a process\\n"
"""


def test_coverage_counts_workers_and_processes_and_fails_below_its_bound(started: Path) -> None:
    for name in ("pyproject.toml", "config.py"):
        shutil.copy(ROOT / name, started / name)
    (started / "lms" / "half.py").write_text(HALF)
    (started / "tests").mkdir()
    (started / "tests" / "test_half.py").write_text(HALF_TESTED)
    assert "Installing" in dev(started, "test", "--version").stderr
    # The packages of this environment, with what coverage puts at the start of each process.
    (packages,) = started.glob(".venv/lib/python*/site-packages")
    here = sysconfig.get_path("purelib")
    (packages / "these.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    environment = {name: "" for name in os.environ if name.startswith("COVERAGE_")}
    answer = dev(started, "test", "--cov", "-p", "no:playwright", **environment)
    assert "1 passed" in answer.stdout, answer.stdout + answer.stderr
    assert re.search(r"^lms/half.py +6 +1 +4 +1 +80% +7$", answer.stdout, re.MULTILINE), answer.stdout
    assert answer.returncode == 2
    assert "less than fail-under" in answer.stdout
    assert [path.name for path in started.glob(".coverage*")] == [".coverage"]


def test_tests_that_fail_under_coverage_have_no_report(started: Path) -> None:
    (started / "coverage.py").write_text("import sys\nprint(sys.argv[1])\nsys.exit(sys.argv[1] == 'run')\n")
    answer = dev(started, "test", "--cov")
    assert answer.stdout.split() == ["erase", "run"]
    assert answer.returncode == 1


@pytest.mark.parametrize("module", ["ensurepip", "venv"])
def test_without_venv_the_mending_line_is_all_there_is(clone: Path, tmp_path: Path, module: str) -> None:
    absent = tmp_path / "absent"
    absent.mkdir()
    (absent / f"{module}.py").write_text(f"raise ModuleNotFoundError('No module named {module}')\n")
    answer = dev(clone, "run", PYTHONPATH=str(absent))
    assert answer.returncode == 1
    assert re.search(r"^  sudo apt install python3(\.\d+)?-venv$", answer.stderr, re.MULTILINE)
    assert "Traceback" not in answer.stderr
    assert not (clone / ".venv").exists()


def test_the_second_start_installs_nothing_and_hands_the_arguments_over(started: Path) -> None:
    # Any call of pip or pybabel would fail now.
    shutil.rmtree(next(started.glob(".venv/lib/python*/site-packages/pip")))
    second = dev(started, "run", "--port", "8111")
    assert (second.stdout, second.stderr) == ("serving --port 8111\n", "")


@pytest.mark.parametrize(
    ("typed", "handed_over"),
    [
        (["init", "--service", "CPAS"], "init --service CPAS"),
        (["doctor", "--deep"], "doctor --deep"),
        (["flask", "booking", "check"], "booking check"),
        (["flask"], ""),
    ],
)
def test_commands_of_the_application_are_handed_over(
    started: Path, typed: list[str], handed_over: str
) -> None:
    (started / "flask.py").write_text("import sys\nprint(*sys.argv[1:])\n")
    answer = dev(started, *typed)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.strip() == f"--app lms.serve:make_app {handed_over}".strip()


def test_in_production_a_checkout_needs_no_path_for_its_commands(tmp_path: Path) -> None:
    """What `./dev init` and `./dev doctor` hand over, in a clone of its own."""
    for name in ("config.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "lms").symlink_to(ROOT / "lms")
    settings = {
        "LMS_ENV": "production",
        "LMS_BASE_URL": "https://cours.example.be",
        "LMS_MAIL_HOST": "smtp.example.be",
        "LMS_MAIL_FROM": "cours@example.be",
    }

    def flask(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "lms.serve:make_app", *arguments],
            cwd=tmp_path,
            # Not measured: its files are gone when the report is made.
            env={**clean_environment(settings), **{n: "" for n in os.environ if n.startswith("COVERAGE_")}},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    opened = flask("init", "--service", "CPAS", "--coordinator", "Claire", "--email", "claire@example.be")
    assert opened.returncode == 0, opened.stderr
    assert "https://cours.example.be/password/" in opened.stdout
    assert (tmp_path / "instance/passerelle.sqlite3").is_file()
    examined = flask("doctor", "--deep")
    assert examined.returncode == 0, examined.stdout
    assert "ill" not in examined.stdout


def test_changed_pins_are_installed(started: Path) -> None:
    (started / "requirements.txt").write_text("# changed\n")
    assert "Installing requirements.txt" in dev(started, "run").stderr
    assert dev(started, "run").stderr == ""


def test_the_test_set_serves_the_school_too(started: Path) -> None:
    # There is no pytest in it: only what is installed matters here.
    assert "Installing requirements-test.txt" in dev(started, "test").stderr
    assert dev(started, "run").stderr == ""


# A package whose building tells that it has begun and does not end: the moment of the kill is certain.
ENDLESS = """
import pathlib, time
def get_requires_for_build_wheel(config_settings=None):
    pathlib.Path({begun!r}).touch()
    time.sleep(120)
"""


def endless_requirement(clone: Path) -> tuple[str, Path]:
    begun = clone / "begun"
    folder = clone / "endless-1.0"
    folder.mkdir()
    (folder / "backend.py").write_text(ENDLESS.format(begun=str(begun)))
    (folder / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
    )
    archive = clone / "endless-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder, folder.name)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    return f"./{archive.name} --hash=sha256:{digest}\n", begun


def end_while_installing(clone: Path, number: signal.Signals) -> tuple[int, str]:
    requirement, begun = endless_requirement(clone)
    (clone / "requirements.txt").write_text(requirement)
    command = [sys.executable, "dev", "run"]
    # A killed pip leaves its temporary files.
    rubbish = clone / "tmp"
    rubbish.mkdir()
    with subprocess.Popen(
        command,
        cwd=clone,
        env={**os.environ, "TMPDIR": str(rubbish)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            wait_until(begun.exists, "the beginning of the installation")
            process.send_signal(number)
            code = process.wait(timeout=20)
        finally:
            # Its pip and the endless building too.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        assert process.stderr is not None
        return code, process.stderr.read()


def test_a_killed_installation_is_done_again_from_nothing(started: Path) -> None:
    end_while_installing(started, signal.SIGKILL)
    (started / ".venv" / "torn").write_text("what a killed pip may leave")
    (started / "requirements.txt").write_text("# nothing\n")
    again = dev(started, "run")
    assert "anew" in again.stderr
    assert again.stdout == "serving\n"
    assert not (started / ".venv" / "torn").exists()
    assert not list(started.glob(".venv-*"))
    assert dev(started, "run").stderr == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_installation_can_be_interrupted(started: Path, number: signal.Signals, code: int) -> None:
    ended, told = end_while_installing(started, number)
    assert ended == code
    assert "Traceback" not in told


def test_without_internet_the_old_pins_still_work(started: Path) -> None:
    (started / "requirements.txt").write_text(f"passerelle-absent==1.0 --hash=sha256:{'0' * 64}\n")
    failed = dev(started, "run", PIP_NO_INDEX="1")
    assert failed.returncode == 1
    assert "could not be installed" in failed.stderr
    assert "Traceback" not in failed.stderr
    (started / "requirements.txt").write_text("# nothing\n")
    assert dev(started, "run").stderr == ""


def pins(name: str) -> dict[str, str]:
    """Requirement -> everything that stands below it."""
    found: dict[str, str] = {}
    current = ""
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            current = line.removesuffix(" \\")
            found[current] = ""
        elif current:
            found[current] += line + "\n"
    return found


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-test.txt"])
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    found = pins(name)
    assert len(found) > 20
    for requirement, below in found.items():
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9,-]+\])?==[^ ]+( ; .+)?$", requirement), requirement
        assert "--hash=sha256:" in below, requirement


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-test.txt"])
def test_the_pins_name_no_machine_and_no_registry(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "#    ./dev lock\n" in text
    assert not re.search(r"://|index-url|find-links|trusted-host|(^|\s)/\w", text)


def test_the_test_set_contains_the_other_one() -> None:
    assert set(pins("requirements.txt")) <= set(pins("requirements-test.txt"))

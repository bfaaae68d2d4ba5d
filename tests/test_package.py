"""The wheel, where an installed package keeps its state, and the version and bounds in pyproject.toml."""

from __future__ import annotations

import gettext
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from config import ROOT
from lms.i18n.languages import WITH_CATALOGUE
from tests.support.live_server import clean_environment
from tests.support.school import MakeOnce

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
# Data about the world and packages numbered by date: the number says nothing about compatibility.
WITHOUT_UPPER_BOUND = {"argon2-cffi", "holidays", "tzdata"}
# SQLAlchemy breaks in minor releases and says so.
BREAKS_IN_MINOR_RELEASES = {"SQLAlchemy"}


def build_wheel(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    # With the backend that requirements-test.txt pins: nothing is downloaded.
    command += ["--no-index", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        archive.extractall(folder / "site-packages")


@pytest.fixture(scope="module")
def wheel(make_once: MakeOnce) -> Path:
    return next(make_once("wheel", build_wheel).glob("*.whl"))


def flask(wheel: Path, cwd: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command of the package as it lies in site-packages, started in a folder with nothing of ours."""
    site = wheel.parent / "site-packages"
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "lms.serve:make_app", *arguments],
        cwd=cwd,
        env={**clean_environment(settings), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_wheel_holds_what_the_application_reads_and_nothing_else(wheel: Path) -> None:
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "lms").rglob("*") if path.is_file()}
    read = {name for name in sources if not re.search(r"__pycache__|\.(po|pot|mo)$", name)}
    compiled = {
        f"lms/translations/{one.code}/LC_MESSAGES/messages.mo" for one in WITH_CATALOGUE if one.code != "fr"
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert held == read | compiled | {"config.py"}
        for name in compiled:
            with archive.open(name) as catalogue:
                said = gettext.GNUTranslations(catalogue).gettext("Mes rendez-vous")
            assert said != "Mes rendez-vous", name
        assert [name for name in archive.namelist() if name.endswith("/licenses/LICENSE")]


def test_an_installed_package_asks_where_its_state_lies_and_writes_nothing(
    wheel: Path, tmp_path: Path
) -> None:
    ended = flask(wheel, tmp_path, "doctor", LMS_MAIL_PORT="many")
    assert ended.returncode == 1
    assert [line.split()[1:5] for line in ended.stderr.splitlines()[1:]] == [
        ["LMS_INSTANCE", "must", "be", "set:"],
        ["LMS_UPLOADS", "must", "be", "set:"],
        ["LMS_MAIL_PORT", "must", "be", "a"],
    ]
    assert list(tmp_path.iterdir()) == []
    assert {path.name for path in (wheel.parent / "site-packages").iterdir() if path.is_dir()} <= {
        "lms",
        "__pycache__",
        wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info",
    }


def test_an_installed_package_makes_and_checks_a_school_anywhere(wheel: Path, tmp_path: Path) -> None:
    state = {"LMS_INSTANCE": str(tmp_path / "instance"), "LMS_UPLOADS": str(tmp_path / "uploads")}
    told = ""
    for command in (["db", "upgrade"], ["doctor"], ["demo"], ["booking", "check"]):
        ended = flask(wheel, tmp_path, *command, **state)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        told = ended.stdout
    assert ": consistent" in told


def test_the_version_stands_in_one_place_and_the_changelog_ends_with_it() -> None:
    released = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert released[0] == PROJECT["version"]
    others = [ROOT / "config.py", ROOT / "dev", *(ROOT / "lms").rglob("*.py")]
    assert [path for path in others if f'"{PROJECT["version"]}"' in path.read_text(encoding="utf-8")] == []


def upper_bound(name: str, lower: str) -> str | None:
    """The first release that may be incompatible, by the policy of docs/adr/0011-dependencies.md."""
    major, minor = Version(lower).major, Version(lower).minor
    if name in WITHOUT_UPPER_BOUND:
        return None
    return f"{major}.{minor + 1}" if major == 0 or name in BREAKS_IN_MINOR_RELEASES else str(major + 1)


def test_the_bounds_of_every_dependency_follow_one_policy() -> None:
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    for line in (*PROJECT["dependencies"], *extras):
        wanted = Requirement(line)
        bounds = {one.operator: one.version for one in wanted.specifier}
        assert ">=" in bounds, line
        assert bounds.get("<") == upper_bound(wanted.name, bounds[">="]), line
    for line in PYPROJECT["dependency-groups"]["test"]:
        assert [one.operator for one in Requirement(line).specifier] == [">="], line

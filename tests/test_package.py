"""The bounds of the dependencies in pyproject.toml."""

from __future__ import annotations

import tomllib

from packaging.requirements import Requirement
from packaging.version import Version

from config import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
# Data about the world and packages numbered by date: the number says nothing about compatibility.
WITHOUT_UPPER_BOUND = {"argon2-cffi", "holidays", "tzdata"}
# SQLAlchemy breaks in minor releases and says so.
BREAKS_IN_MINOR_RELEASES = {"SQLAlchemy"}


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

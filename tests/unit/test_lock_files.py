"""The lock files: what `make`, the image and the CI install has a version and a hash."""

import importlib.metadata
import re
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS: dict[str, list[str]] = PROJECT["dependency-groups"]
RUN = [
    *PROJECT["project"]["dependencies"],
    *PROJECT["project"]["optional-dependencies"]["postgres"],
    *PROJECT["project"]["optional-dependencies"]["grpc"],
]
ASKED = {**GROUPS, "run": RUN, "dev": [*RUN, *GROUPS["dev"]]}
"""What each lock file answers."""
BY_FILE = pytest.mark.parametrize("name", sorted(ASKED))
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


class Entry(NamedTuple):
    """One package of a lock file."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        [specifier] = self.requirement.specifier
        assert specifier.operator == "=="
        return specifier.version


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def entries(name: str) -> list[Entry]:
    lines = re.sub(r" *#.*", "", text(f"requirements/{name}.txt")).replace("\\\n", "")
    found = []
    for line in filter(None, map(str.strip, lines.splitlines())):
        requirement, *hashes = line.split(" --hash=")
        found.append(Entry(Requirement(requirement), tuple(f"--hash={one}" for one in hashes)))
    return found


def wanted(name: str) -> dict[str, str]:
    """What pip takes of a lock file here."""
    return {
        entry.name: entry.version
        for entry in entries(name)
        if entry.requirement.marker is None or entry.requirement.marker.evaluate()
    }


@BY_FILE
def test_every_entry_is_one_version_with_hashes(name: str) -> None:
    assert len(entries(name)) >= 1
    for entry in entries(name):
        assert entry.version
        assert entry.hashes, entry.name
        assert all(HASH.fullmatch(one.strip()) for one in entry.hashes), entry.name


@BY_FILE
def test_none_says_where_to_fetch_from(name: str) -> None:
    whole = text(f"requirements/{name}.txt")

    assert "//" not in whole
    assert not re.search(r"(?m)^-", whole)


@BY_FILE
def test_it_holds_what_the_project_asks_for(name: str) -> None:
    locked = {entry.name: entry for entry in entries(name)}

    for one in map(Requirement, ASKED[name]):
        entry = locked[canonicalize_name(one.name)]
        assert one.specifier.contains(entry.version), one.name


def test_what_is_installed_here_is_what_the_lock_holds() -> None:
    locked = {**wanted("build"), **wanted("dev")}
    installed = {
        canonicalize_name(one.name): one.version for one in importlib.metadata.distributions()
    }
    # The second is in every new environment of a Python older than 3.12.
    for name in ("sluice", "setuptools"):
        installed.pop(name, None)

    assert {name: locked.get(name) for name in installed} == installed


def test_what_sluice_never_imports_is_not_installed() -> None:
    left_out = re.findall(r"(?m)^([a-z0-9-]+);", text("requirements/left-out.txt"))

    assert left_out
    assert not wanted("dev").keys() & set(left_out)


def test_the_tests_run_on_the_versions_that_are_shipped() -> None:
    assert wanted("run").items() <= wanted("dev").items()


def test_the_build_tool_is_the_locked_one() -> None:
    [asked] = PROJECT["build-system"]["requires"]

    assert asked == f"hatchling=={wanted('build')['hatchling']}"


@pytest.mark.parametrize("path", ["Makefile", "Dockerfile", "README.md"])
def test_nothing_is_installed_without_a_hash(path: str) -> None:
    commands = text(path).replace("\\\n", " ").replace("$(LOCKED)", "install --require-hashes")
    installs = re.findall(r"pip\b[^\n&|`]*? (?:install|wheel) [^\n&|`]*", commands)
    installs += re.findall(r"\$\(PIP\) install [^\n]*", commands)

    assert installs
    for command in installs:
        assert "--require-hashes" in command or "--no-deps" in command, command
        assert "--require-hashes" in command or re.search(r"--no-build-iso|--no-index", command)


def test_the_checks_install_by_make_alone() -> None:
    script = text(".ci/run")

    assert "run make test" in script
    assert not re.search(r"\bpip\b", script)

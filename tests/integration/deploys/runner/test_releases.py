"""Folders of releases: whole or not there, and never one removed that is needed."""

import os
import stat
from pathlib import Path

import pytest
from msgspec import structs

from deploys.detecting import Plan
from deploys.failures import ReleaseTooLarge
from deploys.places import Places
from deploys.releases import Release, Releases

PLAN = Plan(kind="command", install="", build="", start="./run", why="")
LIMIT = 1 << 30


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "deployer")


@pytest.fixture
def releases(places: Places) -> Releases:
    return Releases(places)


def make(releases: Releases, name: str, *, app: str = "shop", at: str = "production") -> Release:
    (releases.begin(name) / "run").write_text(name)
    release = Release(
        id=name,
        app=app,
        environment=at,
        sha="a" * 40,
        run_dir="",
        plan=PLAN,
        driver="process",
        bytes=0,
        made_at_us=0,
    )
    return releases.finish(release, limit_bytes=LIMIT)


def test_a_release_is_there_when_it_is_finished(releases: Releases) -> None:
    tree = releases.begin("r1")
    (tree / "run").write_text("x" * 5000)
    assert releases.find("r1") is None

    made = make(releases, "r1")

    assert releases.find("r1") == made
    assert made.bytes > 0
    assert (releases.tree("r1") / "run").read_text() == "r1"


def test_beginning_again_removes_what_was_there(releases: Releases) -> None:
    (releases.begin("r1") / "old").write_text("")

    assert list(releases.begin("r1").iterdir()) == []


def test_a_release_that_is_too_large_is_not_kept(releases: Releases) -> None:
    made = make(releases, "r1")
    (releases.begin("r2") / "large").write_bytes(os.urandom(3 << 20))

    with pytest.raises(ReleaseTooLarge, match="takes 3 MiB; 1 MiB are allowed"):
        releases.finish(structs.replace(made, id="r2"), limit_bytes=1 << 20)
    assert releases.find("r2") is None


def test_the_newest_stay_and_those_to_keep(releases: Releases) -> None:
    for number in range(6):
        make(releases, f"r{number}")
    make(releases, "other", app="blog")
    make(releases, "preview", at="pr-1")

    surplus = releases.surplus("shop", "production", count=3, keep={"r0"})

    assert surplus == ["r3", "r2", "r1"]


def test_none_that_is_to_be_kept_goes_however_many_there_are(releases: Releases) -> None:
    for number in range(4):
        make(releases, f"r{number}")

    surplus = releases.surplus("shop", "production", count=1, keep={"r0", "r1", "r2"})

    assert surplus == ["r3"]


def test_what_was_never_finished_is_swept_and_what_nobody_knows(
    releases: Releases, places: Places
) -> None:
    for name in ("whole", "unknown"):
        make(releases, name)
    releases.begin("half")
    places.trash.mkdir(exist_ok=True)
    (places.trash / "left").mkdir()

    assert releases.sweep({"whole", "half"}) == ["half", "unknown"]

    assert [path.name for path in places.releases.iterdir()] == ["whole"]
    assert list(places.trash.iterdir()) == []


def test_what_is_write_protected_goes_too(releases: Releases, places: Places) -> None:
    tree = releases.begin("r1")
    (tree / "mod/a").mkdir(parents=True)
    (tree / "mod/a/file").write_text("")
    for path in (tree / "mod/a/file", tree / "mod/a", tree / "mod"):
        path.chmod(stat.S_IRUSR | stat.S_IXUSR)

    releases.remove("r1")

    assert list(places.trash.iterdir()) == []
    assert not (places.releases / "r1").exists()


def test_caches_are_emptied_when_they_are_large(releases: Releases, places: Places) -> None:
    caches = places.caches("shop")
    (caches / "pip").mkdir(parents=True)
    (caches / "pip/wheel").write_bytes(os.urandom(2 << 20))

    assert not releases.trim_caches("shop", limit_bytes=4 << 20)
    assert releases.trim_caches("shop", limit_bytes=1 << 20)

    assert not caches.exists()


def test_nothing_stays_of_an_app_that_is_forgotten(releases: Releases, places: Places) -> None:
    make(releases, "r1")
    places.mirror("shop").mkdir(parents=True)
    places.caches("shop").mkdir(parents=True)

    releases.forget("shop", ["r1"])

    found = [path for path in places.folder.rglob("*") if "shop" in path.name or path.name == "r1"]
    assert found == []

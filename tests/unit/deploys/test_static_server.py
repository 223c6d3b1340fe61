"""Which file a path is answered with, and that none is outside of the site."""

from pathlib import Path

import pytest

from deploys.static_server import Answer, choose


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    site = tmp_path / "site"
    for name in ("index.html", "about.html", "docs/index.html", "a b.txt", ".env", ".git/config"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(name)
    (site / ".well-known").mkdir()
    (site / ".well-known/x").write_text("x")
    (site / "out").symlink_to(tmp_path / "secret.txt")
    (site / "up").symlink_to(tmp_path)
    (site / "loop").symlink_to(site / "loop")
    return site.resolve()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "index.html"),
        ("/index.html", "index.html"),
        ("/about", "about.html"),
        ("/docs/", "docs/index.html"),
        ("/a b.txt", "a b.txt"),
        ("/.well-known/x", ".well-known/x"),
    ],
)
def test_a_path_is_a_file(site: Path, path: str, name: str) -> None:
    assert choose(site, path) == Answer(200, site / name)


@pytest.mark.parametrize(
    "path",
    [
        "/none",
        "/about/",
        "/../secret.txt",
        "/docs/../../secret.txt",
        "//../secret.txt",
        "/out",
        "/up/secret.txt",
        "/loop",
        "/.env",
        "/.git/config",
        "/docs/./index.html",
        "/..\\secret.txt",
        "/a\0b",
        "/" + "a" * 5000,
    ],
)
def test_nothing_else_is_found(site: Path, path: str) -> None:
    assert choose(site, path) == Answer(404, None)


@pytest.mark.parametrize("path", ["/docs", "//docs", "///docs"])
def test_a_folder_gets_its_slash_on_this_host(site: Path, path: str) -> None:
    assert choose(site, path) == Answer(308, None, "/docs/")


def test_a_site_has_its_own_page_for_what_is_missing(site: Path) -> None:
    (site / "404.html").write_text("gone")

    assert choose(site, "/none") == Answer(404, site / "404.html")


def test_an_app_of_one_page_is_served_on_any_path(site: Path) -> None:
    (site / "200.html").write_text("app")

    assert choose(site, "/users/7") == Answer(200, site / "200.html")
    assert choose(site, "/about") == Answer(200, site / "about.html")

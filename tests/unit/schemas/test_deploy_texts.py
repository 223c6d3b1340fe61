"""Addresses of repositories, and what git servers tell: pure, and hostile."""

import json

import pytest

from schemas.deploys.pushes import Told, is_signed, preview_of, read_told
from schemas.deploys.repositories import RepositoryRefused, check_repository


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/ann/shop",
        "https://git.example.com:8443/ann/shop.git",
        "http://git.example.com/shop",
        "ssh://git@git.example.com:2222/shop.git",
        "git://git.example.com/shop",
        "git@github.com:ann/shop.git",
        "github.com:ann/shop.git",
        "https://[2606:4700::6810:1]/shop",
    ],
)
def test_an_address_of_a_repository_is_taken(url: str) -> None:
    assert check_repository(f" {url} ", private_allowed=False) == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "shop", "-x", "--upload-pack=touch /tmp/x", "https://", "https:///shop"),
        *("ext::sh -c touch", "ftp://a.example/x", "javascript:alert(1)", "https://a b/c"),
        *("https://a.example/x\n--y", "https://-oProxyCommand=x/y", "-oProxyCommand=x:y"),
        *("https://user:secret@a.example/x", "https://token@a.example/x", "https://a.example:0/x"),
        *("https://2130706433/x", "https://0x7f.1/x", "https://127.1/x", "x" * 3000),
    ],
)
@pytest.mark.parametrize("private_allowed", [False, True])
def test_what_is_none_is_refused_whatever_is_allowed(url: str, private_allowed: bool) -> None:
    with pytest.raises(RepositoryRefused):
        check_repository(url, private_allowed=private_allowed)


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1/x", "http://localhost:3000/x", "ssh://git@10.0.0.5/x"),
        *("http://[::1]/x", "http://[::ffff:127.0.0.1]/x", "http://app.localhost/x"),
        *("git@192.168.1.4:x.git", "/srv/git/x", "file:///srv/git/x"),
    ],
)
def test_private_addresses_and_local_paths_need_the_setting(url: str) -> None:
    with pytest.raises(RepositoryRefused, match="SLUICE_PRIVATE_TARGETS=allow"):
        check_repository(url, private_allowed=False)
    assert check_repository(url, private_allowed=True) == url


@pytest.mark.parametrize("url", ["http://169.254.169.254/x", "http://[fd00:ec2::254]/x"])
def test_cloud_metadata_is_refused_always(url: str) -> None:
    with pytest.raises(RepositoryRefused, match="metadata"):
        check_repository(url, private_allowed=True)


def test_each_branch_has_a_preview_of_its_own() -> None:
    branches = [
        *("main", "production", "branch-production", "pr-1", "branch-pr-1", "pr-x", "a/b"),
        *("x" * 100, "x" * 101, "x" * 102),
    ]

    names = [preview_of(branch) for branch in branches]

    assert len(set(names)) == len(branches)
    assert all(len(name) <= 100 for name in names)
    assert not {"production", "pr-1"} & set(names)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"ref":"refs/heads/x","after":"x"}'),
        b'{"action":"opened","number":true,"pull_request":{}}',
        b'{"action":"opened","number":-1,"pull_request":{}}',
    ],
)
@pytest.mark.parametrize("event", ["push", "pull_request"])
def test_a_body_of_another_form_is_an_error_or_nothing(body: bytes, event: str) -> None:
    try:
        told = read_told("github", {"x-github-event": event}, body)
    except ValueError:
        return
    assert told is None


def test_a_tag_is_nothing_and_zeros_are_a_branch_that_is_gone() -> None:
    head = {"x-github-event": "push"}

    def told(ref: str, after: str) -> Told | None:
        return read_told("github", head, json.dumps({"ref": ref, "after": after}).encode())

    assert told("refs/tags/v1", "1" * 40) is None
    assert told("refs/heads/a/b", "0" * 40) == Told("push", "a/b", "")
    assert told("refs/heads/a/b", "1" * 40) == Told("push", "a/b", "1" * 40)


@pytest.mark.parametrize("provider", ["github", "gitea", "gitlab"])
def test_an_empty_signature_is_none(provider: str) -> None:
    names = ("x-hub-signature-256", "x-gitea-signature", "x-gitlab-token")

    assert not is_signed(provider, dict.fromkeys(names, ""), b"{}", "secret")  # type: ignore[arg-type]
    assert not is_signed(provider, {}, b"{}", "secret")  # type: ignore[arg-type]

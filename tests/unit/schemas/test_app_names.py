"""Names of apps in addresses, and names of hosts as they are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.deploys.routing import (
    PRODUCTION,
    SLUG,
    is_label,
    label_of,
    label_of_segment,
    plain_host,
    port_of,
    segment_of,
    slug_of,
)

PROJECT = "3f2b8c1e-0d4a-4f6b-9a77-5c1d2e3f4a5b"


class TestNamesOfApps:
    def test_production_is_the_project_alone(self) -> None:
        assert label_of(PROJECT, PRODUCTION) == segment_of(PROJECT, PRODUCTION) == PROJECT

    @pytest.mark.parametrize("name", ["pr-12", "main", "a", "staging-2"])
    def test_a_plain_environment_stays_as_it_is(self, name: str) -> None:
        assert label_of(PROJECT, name) == f"{PROJECT}--{name}"
        assert segment_of(PROJECT, name) == f"{PROJECT}~{name}"

    @given(st.text(min_size=1, max_size=80))
    def test_any_environment_has_a_label_of_dns(self, name: str) -> None:
        label = label_of(PROJECT, name)

        assert is_label(label)
        assert len(label) <= 63
        assert name == PRODUCTION or SLUG.fullmatch(slug_of(name))

    @given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
    def test_two_environments_have_two(self, name: str, other: str) -> None:
        assert (name == other) == (slug_of(name) == slug_of(other))

    def test_nobody_names_a_branch_as_the_slug_of_another(self) -> None:
        assert slug_of(slug_of("feature/x")) != slug_of("feature/x")

    @pytest.mark.parametrize("name", ["pr-12", "feature/x", PRODUCTION])
    def test_what_stands_in_a_path_has_the_same_label(self, name: str) -> None:
        assert label_of_segment(segment_of(PROJECT, name)) == label_of(PROJECT, name)

    def test_a_path_may_name_an_environment_as_people_do(self) -> None:
        assert label_of_segment(f"{PROJECT.upper()}~feature/x") == label_of(PROJECT, "feature/x")

    @pytest.mark.parametrize(
        "text", ["", "www", PROJECT[:-1], f"{PROJECT}-x", f"{PROJECT}--", f"{PROJECT}--A", "../x"]
    )
    def test_other_names_are_no_labels(self, text: str) -> None:
        assert not is_label(text)


class TestHosts:
    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            ("Shop.Example.COM", "shop.example.com"),
            ("shop.example.com.", "shop.example.com"),
            ("shop.example.com:8080", "shop.example.com"),
            ("shop.example.com.:443", "shop.example.com"),
            ("MÜNCHEN.de", "xn--mnchen-3ya.de"),
            ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
            ("127.0.0.1:8080", "127.0.0.1"),
            ("[::1]:8080", "[::1]"),
            ("my_host", "my_host"),
        ],
    )
    def test_they_have_one_form(self, text: str, plain: str) -> None:
        assert plain_host(text) == plain

    @pytest.mark.parametrize(
        "text", ["", ".", "a..b", "a b", "a/b", "[", "é" * 300, "a" * 64, f"{'a.' * 127}a", "\x00"]
    )
    def test_what_is_no_host_has_none(self, text: str) -> None:
        assert plain_host(text) is None

    @pytest.mark.parametrize(
        ("text", "port"), [("a:80", ":80"), ("a", ""), ("a:", ""), ("[::1]", ""), ("[::1]:9", ":9")]
    )
    def test_their_port(self, text: str, port: str) -> None:
        assert port_of(text) == port

"""Which names people may give to their apps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.deploys.domains import (
    InvalidDomain,
    challenge_of,
    checked_domain,
    new_token,
    shown_domain,
)
from schemas.deploys.routing import plain_host

OWN = frozenset({"sluice.example.com"})
APPS_HOST = "apps.example.com"


def check(text: str) -> str:
    return checked_domain(text, own_hosts=OWN, apps_host=APPS_HOST)


class TestDomains:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "needed"),
            ("  ", "needed"),
            ("https://shop.example.com", "name alone"),
            ("shop.example.com/x", "name alone"),
            ("shop.example.com:80", "name alone"),
            ("ann@example.com", "name alone"),
            ("*.example.com", "wildcard"),
            ("203.0.113.7", "address"),
            ("0x7f.1", "address"),
            ("2130706433", "address"),
            ("１２７.0.0.1", "address"),
            ("[::1]", "address"),
            ("::1", "address"),
            ("localhost", "two parts"),
            ("x.localhost", ".localhost"),
            ("x.onion", ".onion"),
            ("1.0.0.127.in-addr.arpa", ".arpa"),
            ("a..example.com", "two dots"),
            (".example.com", "two dots"),
            ("-a.example.com", "hyphen"),
            ("a_b.example.com", "a-z"),
            (f"{'a' * 64}.example.com", "63"),
            (f"{'a.' * 126}com", "253"),
            ("xn--a.example.com", "no name"),
            ("sluice.example.com", "Sluice's own"),
            ("SLUICE.example.com.", "Sluice's own"),
            ("apps.example.com", "given by Sluice"),
            ("x.apps.example.com", "given by Sluice"),
        ],
    )
    def test_these_are_none_and_it_says_why(self, text: str, why: str) -> None:
        with pytest.raises(InvalidDomain) as refused:
            check(text)

        assert why in str(refused.value)

    @pytest.mark.parametrize(
        ("text", "domain"),
        [
            ("Shop.Example.com", "shop.example.com"),
            (" shop.example.com. ", "shop.example.com"),
            ("münchen.de", "xn--mnchen-3ya.de"),
            ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
            ("myapps.example.com", "myapps.example.com"),
            ("example.com", "example.com"),
            (f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 57}.com", None),
        ],
    )
    def test_these_are(self, text: str, domain: str | None) -> None:
        assert check(text) == (domain or text)

    @given(st.text(max_size=300))
    def test_what_is_one_stays_as_it_is(self, text: str) -> None:
        try:
            domain = check(text)
        except InvalidDomain:
            return

        assert check(domain) == domain == plain_host(domain)

    def test_people_read_it_in_their_script(self) -> None:
        assert shown_domain("xn--mnchen-3ya.de") == "münchen.de"
        assert shown_domain("xn--broken-.de") == "xn--broken-.de"


class TestChallenges:
    def test_says_where_the_token_belongs(self) -> None:
        challenge = challenge_of("shop.example.com", "token")

        assert challenge.record_name == "_sluice-challenge.shop.example.com"
        assert challenge.url == "http://shop.example.com/.well-known/sluice-challenge/token"

    def test_tokens_are_not_guessed(self) -> None:
        tokens = {new_token() for _ in range(100)}

        assert len(tokens) == 100
        assert min(map(len, tokens)) >= 32

import re

import pytest

from controlplane import crypto
from controlplane.crypto import (
    UnsealError,
    Vault,
    hash_password,
    hash_token,
    is_password,
    new_api_key,
    new_token,
)

SECRET = "a secret of the tests, longer than 32 characters"
UUID4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def test_a_short_secret_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="at least 32 characters") as caught:
        Vault("short")

    assert "short" not in str(caught.value)


@pytest.mark.parametrize(
    ("secret", "bound_to"),
    [("another secret, also longer than 32 characters", "row"), (SECRET, "another row")],
)
def test_a_sealed_value_opens_only_with_its_secret_and_its_row(secret: str, bound_to: str) -> None:
    sealed = Vault(SECRET).seal("pulse_sk_x", bound_to="row")

    with pytest.raises(UnsealError):
        Vault(secret).unseal(sealed, bound_to=bound_to)


@pytest.mark.parametrize("sealed", [b"", b"short", b"x" * 64])
def test_rubbish_does_not_unseal(sealed: bytes) -> None:
    with pytest.raises(UnsealError):
        Vault(SECRET).unseal(sealed, bound_to="row")


def test_a_sealed_value_opens_again_after_a_restart_and_never_looks_the_same() -> None:
    first = Vault(SECRET).seal("pulse_sk_x", bound_to="row")
    second = Vault(SECRET).seal("pulse_sk_x", bound_to="row")

    assert first != second
    assert b"pulse_sk_x" not in first
    assert Vault(SECRET).unseal(first, bound_to="row") == "pulse_sk_x"


@pytest.mark.parametrize("value", ["", ".", "token", "token.", ".sig", "token.sig", "tökén.sig"])
def test_a_cookie_that_nobody_signed_is_refused(value: str) -> None:
    assert Vault(SECRET).signed_token(value) is None


def test_a_signed_token_comes_back_and_an_altered_one_does_not() -> None:
    vault, token = Vault(SECRET), new_token()
    signed = vault.sign(token)

    assert vault.signed_token(signed) == token
    other = "y" if signed[0] == "x" else "x"
    assert vault.signed_token(other + signed[1:]) is None
    assert Vault(SECRET + "!").signed_token(signed) is None


def test_a_signature_is_base64_of_32_bytes_as_better_auth_makes_it() -> None:
    assert re.fullmatch(r"token\.[A-Za-z0-9+/]{43}=", Vault(SECRET).sign("token"))


def test_an_api_key_has_the_form_that_clients_expect() -> None:
    keys = {new_api_key() for _ in range(100)}

    assert len(keys) == 100
    assert all(re.fullmatch(f"pulse_sk_{UUID4}", key) for key in keys)


def test_a_token_is_hashed_as_sha256_in_hex() -> None:
    # From FIPS 180-2, appendix B.1.
    assert hash_token("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


async def test_only_the_right_password_fits() -> None:
    stored = await hash_password("correct horse")

    assert stored.startswith("$argon2id$")
    assert await is_password("correct horse", stored)
    assert not await is_password("correct horse ", stored)
    assert not await is_password("correct horse", None)
    assert not await is_password("correct horse", "no hash at all")


def test_the_hash_of_nobody_costs_what_a_real_one_costs() -> None:
    assert not crypto._PASSWORDS.check_needs_rehash(crypto._NOBODY)

import re

import pytest

from controlplane import crypto
from controlplane.crypto import (
    UnsealError,
    Vault,
    hash_password,
    hash_token,
    is_password,
    is_scrypt_hash,
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

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await is_password("correct horse", stored)
    assert not await is_password("correct horse ", stored)
    assert not await is_password("correct horse", None)
    assert not await is_password("correct horse", "no hash at all")


def test_the_hash_of_nobody_costs_what_a_real_one_costs() -> None:
    assert not crypto._PASSWORDS.check_needs_rehash(crypto._NOBODY)


# Of "correct horse" by better-auth's rule, worked out by Node: scrypt, salted with the hex digits.
SCRYPT = (
    "00112233445566778899aabbccddeeff:"
    "13af89ff6a88bb0fb3277e79ba724c6c0731b15919ca892969d63abd1534b867"
    "d110179e3bc8af39995ede0f9b2ac14b2b97573df10ba3802c498dbeb61e4f64"
)


async def test_a_password_that_better_auth_hashed_fits_and_no_other_does() -> None:
    assert is_scrypt_hash(SCRYPT)
    assert await is_password("correct horse", SCRYPT)
    assert not await is_password("correct hors", SCRYPT)
    assert not await is_password("correct horse", SCRYPT[:-1] + "0")


async def test_one_of_ours_is_not_taken_for_one_of_better_auths() -> None:
    assert not is_scrypt_hash(await hash_password("correct horse"))
    assert not is_scrypt_hash(None)

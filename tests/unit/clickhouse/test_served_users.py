"""The list of users."""

import pytest

from clickhouse.served.errors import EngineError
from clickhouse.served.rights import Rights
from clickhouse.served.users import Credentials, generate_user, read_users
from schemas.settings import SettingsError

SHOP, SEARCH = "6b1f0e9c-0d43-4c1e-8f0a-5f2f3c4d5e6f", "0b0c1d2e-3f40-4a5b-8c6d-7e8f90a1b2c3"


@pytest.mark.parametrize(
    "text",
    ["ann", "ann:long-enough", "ann:long-enough:all", ":long-enough:write", "ann:short:write",
     "ann:long-enough:write,ann:another-one:write", "ann:long-enough:readonly=",
     "ann:long-enough:readonly=shop", f"ann:long-enough:readonly={SHOP}+",
     f"ann:long-enough:write={SHOP}"],
)  # fmt: skip
def test_a_list_that_breaks_the_rule_is_refused_without_its_passwords(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_users(text)

    assert "long-enough" not in str(raised.value)


def test_users_are_separated_by_commas_or_lines() -> None:
    in_line = read_users("ann:pass:with:colons:write, bob:password:readonly")
    in_lines = read_users("ann:pass,with,commas:write\n\nbob:password:readonly\n")

    assert in_line.authenticate(Credentials("ann", "pass:with:colons")).rights is Rights.WRITE
    assert in_lines.authenticate(Credentials("ann", "pass,with,commas")).rights is Rights.WRITE
    assert in_lines.authenticate(Credentials("bob", "password")).rights is Rights.READ


def test_a_reader_may_be_bound_to_projects() -> None:
    users = read_users(f"ann:pass=word:readonly={SHOP.upper()}+{SEARCH}+{SHOP}")

    ann = users.authenticate(Credentials("ann", "pass=word"))

    assert ann.rights is Rights.READ
    assert ann.projects == (SHOP, SEARCH)
    assert users.any_is_bound
    assert not read_users("ann:password:readonly,bob:password:write").any_is_bound


def test_a_generated_password_is_another_each_time() -> None:
    (users, first), (_, second) = generate_user(), generate_user()

    assert first != second
    assert users.authenticate(Credentials("sluice", first)).rights is Rights.WRITE
    with pytest.raises(EngineError):
        users.authenticate(Credentials("sluice", second))

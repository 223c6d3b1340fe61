"""The list of users."""

import pytest

from clickhouse.served.errors import EngineError
from clickhouse.served.rights import Rights
from clickhouse.served.users import Credentials, generate_user, read_users
from schemas.settings import SettingsError


@pytest.mark.parametrize(
    "text",
    ["ann", "ann:long-enough", "ann:long-enough:all", ":long-enough:write", "ann:short:write",
     "ann:long-enough:write,ann:another-one:write"],
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


def test_a_generated_password_is_another_each_time() -> None:
    (users, first), (_, second) = generate_user(), generate_user()

    assert first != second
    assert users.authenticate(Credentials("sluice", first)).rights is Rights.WRITE
    with pytest.raises(EngineError):
        users.authenticate(Credentials("sluice", second))

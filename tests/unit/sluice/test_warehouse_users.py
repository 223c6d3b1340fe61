"""The list of users, and the sessions that they hold."""

from typing import Any

import pytest

from clickhouse.served.errors import EngineError
from clickhouse.served.rights import Rights
from schemas.settings import SettingsError
from sluice.warehouse.sessions import Sessions
from sluice.warehouse.status import status_of
from sluice.warehouse.users import Credentials, User, generate_user, read_users

ANN = User("ann", b"", Rights.READ)


class FakeHandle:
    """A handle that only knows whether it is closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    "text",
    ["ann", "ann:long-enough", "ann:long-enough:all", ":long-enough:write", "ann:short:write",
     "ann:long-enough:write,ann:another-one:write"],
)  # fmt: skip
def test_a_list_that_breaks_the_rule_is_refused_without_its_passwords(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_users(text)

    assert "long-enough" not in str(raised.value)


def test_users_are_apart_by_commas_or_lines() -> None:
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


class TestSessions:
    def test_one_that_nobody_asks_for_ends_with_its_handle(self) -> None:
        sessions, clock = make_sessions(limit=2)
        first = sessions.take(ANN, "a", 60, must_exist=False)
        sessions.give_back(first)

        clock[0] = 59.0
        sessions.sweep()
        assert not closed(first)
        clock[0] = 60.0
        sessions.sweep()

        assert closed(first)
        assert len(sessions) == 0

    def test_a_busy_one_is_never_ended(self) -> None:
        sessions, clock = make_sessions(limit=2)
        session = sessions.take(ANN, "a", 1, must_exist=False)

        clock[0] = 1000.0
        sessions.sweep()

        assert not closed(session)

    def test_they_are_bounded_in_number(self) -> None:
        sessions, _ = make_sessions(limit=1)
        sessions.take(ANN, "a", 60, must_exist=False)

        with pytest.raises(EngineError) as raised:
            sessions.take(ANN, "b", 60, must_exist=False)

        assert (raised.value.code, status_of(raised.value.code)) == (202, 503)

    def test_one_name_is_another_session_for_each_user(self) -> None:
        sessions, _ = make_sessions(limit=2)

        mine = sessions.take(ANN, "a", 60, must_exist=False)
        other = sessions.take(ANN._replace(name="bob"), "a", 60, must_exist=False)

        assert mine is not other

    def test_one_whose_call_failed_is_gone(self) -> None:
        sessions, _ = make_sessions(limit=1)
        failed = sessions.take(ANN, "a", 60, must_exist=False)

        sessions.end(failed)

        assert closed(failed)
        assert sessions.take(ANN, "a", 60, must_exist=False) is not failed


def make_sessions(limit: int) -> tuple[Sessions, list[float]]:
    clock = [0.0]
    opened: Any = lambda _rights: FakeHandle()  # noqa: E731
    return Sessions(opened, limit=limit, now=lambda: clock[0]), clock


def closed(session: Any) -> bool:
    return bool(session.handle.closed)

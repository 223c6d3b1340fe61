from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from controlplane.accounts import Account, SignUp, sign_up
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import BadRequest, InvalidCredentials, Unauthorized
from controlplane.keys import list_keys
from controlplane.models import LoginSession
from controlplane.projects import list_projects
from controlplane.sessions import (
    find_session,
    open_session,
    purge_expired_sessions,
    sign_in,
    sign_out,
)
from schemas.projects import UserId

ANN = SignUp(" Ann ", " Ann@Example.COM ", "correct horse", " Shop ")


@pytest.fixture
async def ann(database: Database, vault: Vault) -> Account:
    return await sign_up(database, vault, ANN)


class TestSignUp:
    @pytest.mark.parametrize(
        ("form", "message"),
        [
            (SignUp("Ann", "ann@example.com", "1234567", "Shop"), "Password too short"),
            (SignUp("Ann", "ann@example.com", "x" * 129, "Shop"), "Password too long"),
            (SignUp("Ann", "no email", "correct horse", "Shop"), "Invalid email"),
            (
                SignUp("Ann", "ann@example.com", "correct horse", " "),
                "Project name cannot be empty",
            ),
        ],
    )
    async def test_a_field_that_breaks_a_rule_is_named(
        self, database: Database, vault: Vault, form: SignUp, message: str
    ) -> None:
        with pytest.raises(BadRequest) as caught:
            await sign_up(database, vault, form)

        assert caught.value.message == message

    async def test_a_taken_email_is_refused_and_leaves_no_project_behind(
        self, database: Database, vault: Vault, ann: Account
    ) -> None:
        with pytest.raises(BadRequest, match=r"User already exists\. Use another email\."):
            await sign_up(database, vault, SignUp("B", "ann@example.com", "correct horse", "B"))

        assert len(await list_projects(database, ann.user_id)) == 1

    async def test_it_creates_a_user_a_project_and_its_default_key(
        self, database: Database, vault: Vault, ann: Account
    ) -> None:
        (project,) = await list_projects(database, ann.user_id)
        (key,) = await list_keys(database, vault, project.project_id)

        assert (ann.name, ann.email) == ("Ann", "ann@example.com")
        assert (project.name, project.role) == ("Shop", "admin")
        assert key.name == "Default Key"
        assert key.plain.startswith("pulse_sk_")


class TestSignIn:
    @pytest.mark.parametrize(
        ("email", "password"),
        [
            ("ann@example.com", "wrong horse"),
            ("bob@example.com", "correct horse"),
            ("no email", "correct horse"),
        ],
    )
    async def test_whatever_is_wrong_the_refusal_is_the_same(
        self, database: Database, ann: Account, email: str, password: str
    ) -> None:
        with pytest.raises(InvalidCredentials) as caught:
            await sign_in(database, email, password)

        assert caught.value.message == "Invalid email or password"

    async def test_it_opens_a_session_of_seven_days(self, database: Database, ann: Account) -> None:
        opened = await sign_in(database, "ANN@example.com", "correct horse")

        found = await find_session(database, opened.token)
        assert found is not None
        assert found.account == ann
        week = timedelta(days=7)
        assert abs(found.expires_at - datetime.now(UTC) - week) < timedelta(minutes=1)


class TestSession:
    async def test_a_token_of_nobody_finds_nothing(self, database: Database) -> None:
        assert await find_session(database, "x" * 43) is None

    async def test_nobody_who_is_gone_is_signed_in(self, database: Database) -> None:
        with pytest.raises(Unauthorized):
            await open_session(database, UserId("00000000-0000-4000-8000-000000000000"))

    async def test_after_signing_out_only_the_other_session_lives(
        self, database: Database, ann: Account
    ) -> None:
        here = await open_session(database, ann.user_id)
        there = await open_session(database, ann.user_id)

        await sign_out(database, here.token)
        await sign_out(database, here.token)

        assert await find_session(database, here.token) is None
        assert await find_session(database, there.token) is not None

    async def test_an_expired_session_is_nobodys_and_is_purged(
        self, database: Database, ann: Account
    ) -> None:
        opened = await open_session(database, ann.user_id)
        await open_session(database, ann.user_id)
        async with database.session() as session:
            ended = update(LoginSession).where(LoginSession.id == UUID(opened.session_id))
            await session.execute(ended.values(expires_at=datetime.now(UTC)))

        assert await find_session(database, opened.token) is None
        assert await purge_expired_sessions(database) == 1
        assert await purge_expired_sessions(database) == 0

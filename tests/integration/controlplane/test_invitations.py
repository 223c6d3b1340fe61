import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from controlplane.accounts import Account, SignUp, sign_up
from controlplane.crypto import Vault, hash_token
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, Forbidden, NotFound
from controlplane.invitations import (
    INVITATION_LIFETIME,
    MadeInvitation,
    Newcomer,
    NewInvitation,
    accept_as,
    accept_newly,
    invite,
    list_invitations,
    read_offer,
    revoke_invitation,
)
from controlplane.members import add_account, change_role, list_members, remove_member
from controlplane.models import Invitation, User
from controlplane.projects import delete_project, list_projects
from controlplane.sessions import check_password
from schemas.projects import ProjectId

NEW = "new@example.com"
NEWCOMER = Newcomer("New", NEW, "correct horse")


async def account(database: Database, vault: Vault, name: str) -> Account:
    form = SignUp(name, f"{name.lower()}@example.com", "correct horse", f"{name}'s")
    return await sign_up(database, vault, form)


@pytest.fixture
async def ann(database: Database, vault: Vault) -> Account:
    return await account(database, vault, "Ann")


@pytest.fixture
async def eve(database: Database, vault: Vault) -> Account:
    return await account(database, vault, "Eve")


@pytest.fixture
async def shop(database: Database, ann: Account) -> ProjectId:
    (project,) = await list_projects(database, ann.user_id)
    return project.project_id


@pytest.fixture
async def made(database: Database, ann: Account, shop: ProjectId) -> MadeInvitation:
    return await invite(database, shop, NewInvitation(NEW, "user", ann.user_id))


async def expire(database: Database, made: MadeInvitation) -> None:
    async with database.session() as session:
        row = update(Invitation).where(Invitation.id == UUID(made.invited.invitation_id))
        await session.execute(row.values(expires_at=datetime.now(UTC)))


async def refuses(database: Database, made: MadeInvitation, who: Account) -> None:
    """Asserts that a token is good for nothing, in any way."""
    with pytest.raises(NotFound):
        await read_offer(database, made.token)
    with pytest.raises(NotFound):
        await accept_as(database, made.token, who.user_id)
    with pytest.raises(NotFound):
        await accept_newly(database, made.token, Newcomer("E", "e@example.com", "correct horse"))


class TestGrantsNothing:
    async def test_an_account_made_in_advance_under_the_email_gains_nothing_without_the_link(
        self, database: Database, vault: Vault, ann: Account, shop: ProjectId
    ) -> None:
        squatter = await account(database, vault, "New")
        assert squatter.email == NEW

        made = await invite(database, shop, NewInvitation(NEW, "admin", ann.user_id))
        other = Newcomer("New", "new@elsewhere.example", "battery staple")
        joined = await accept_newly(database, made.token, other)

        assert [p.name for p in await list_projects(database, squatter.user_id)] == ["New's"]
        members = await list_members(database, shop)
        assert [m.user_id for m in members] == [ann.user_id, joined.member.user_id]

    async def test_inviting_makes_no_account_and_stores_no_token(
        self, database: Database, made: MadeInvitation
    ) -> None:
        async with database.reading() as session:
            people = await session.scalar(select(func.count()).select_from(User))
            (row,) = (await session.scalars(select(Invitation))).all()

        assert people == 1
        assert row.token_hash == hash_token(made.token)
        assert len(made.token) == 43  # 256 bits in base64

    async def test_the_password_of_an_account_that_exists_is_not_touched(
        self, database: Database, eve: Account, made: MadeInvitation
    ) -> None:
        taken = Newcomer("Eve", "EVE@example.com", "battery staple")

        with pytest.raises(BadRequest, match="User already exists"):
            await accept_newly(database, made.token, taken)

        assert (await check_password(database, eve.email, "correct horse")).user_id == eve.user_id
        assert (await read_offer(database, made.token)).email == NEW


class TestEnds:
    async def test_a_token_works_once(
        self, database: Database, eve: Account, shop: ProjectId, made: MadeInvitation
    ) -> None:
        joined = await accept_newly(database, made.token, NEWCOMER)

        assert (joined.member.email, joined.member.role) == (NEW, "user")
        assert (await check_password(database, NEW, "correct horse")).name == "New"
        await refuses(database, made, eve)

    async def test_of_two_who_bring_it_at_once_one_joins(
        self, url: str, database: Database, eve: Account, shop: ProjectId, made: MadeInvitation
    ) -> None:
        other = Database(url)
        await other.ping()

        joined = await asyncio.gather(
            accept_as(database, made.token, eve.user_id),
            accept_newly(other, made.token, NEWCOMER),
            return_exceptions=True,
        )
        await other.close()

        assert [type(one) for one in joined if isinstance(one, Exception)] == [NotFound]
        assert len(await list_members(database, shop)) == 2

    async def test_it_ends_after_seven_days(
        self, database: Database, eve: Account, shop: ProjectId, made: MadeInvitation
    ) -> None:
        await expire(database, made)

        assert INVITATION_LIFETIME.days == 7
        assert await list_invitations(database, shop) == []
        await refuses(database, made, eve)

    async def test_it_ends_when_it_is_revoked_by_the_project_and_nobody_else(
        self, database: Database, eve: Account, shop: ProjectId, made: MadeInvitation
    ) -> None:
        (other,) = await list_projects(database, eve.user_id)
        with pytest.raises(NotFound):
            await revoke_invitation(database, other.project_id, made.invited.invitation_id)
        assert await list_invitations(database, other.project_id) == []
        assert await list_invitations(database, shop) == [made.invited]

        await revoke_invitation(database, shop, made.invited.invitation_id)

        await refuses(database, made, eve)

    async def test_a_new_one_for_the_same_email_replaces_it(
        self, database: Database, ann: Account, eve: Account, shop: ProjectId, made: MadeInvitation
    ) -> None:
        again = await invite(database, shop, NewInvitation(f" {NEW.upper()}", "admin", ann.user_id))

        assert await list_invitations(database, shop) == [again.invited]
        await refuses(database, made, eve)

    async def test_it_ends_with_its_project(
        self, database: Database, eve: Account, shop: ProjectId, made: MadeInvitation
    ) -> None:
        await delete_project(database, shop)

        await refuses(database, made, eve)

    @pytest.mark.parametrize("by", ["removal", "demotion"])
    async def test_it_ends_with_the_role_of_its_inviter(
        self, database: Database, ann: Account, eve: Account, shop: ProjectId, by: str
    ) -> None:
        await add_account(database, shop, eve.email, "admin")
        own = await invite(database, shop, NewInvitation(NEW, "admin", eve.user_id))

        if by == "removal":
            await remove_member(database, shop, eve.user_id)
        else:
            await change_role(database, shop, eve.user_id, "user")

        await refuses(database, own, eve)
        with pytest.raises(Forbidden):
            await invite(database, shop, NewInvitation(NEW, "admin", eve.user_id))


class TestInviting:
    async def test_what_is_no_email_is_refused(
        self, database: Database, ann: Account, shop: ProjectId
    ) -> None:
        for email in ("no email", "local-operator:x", "", "a@b\0.c"):
            with pytest.raises(BadRequest, match="Invalid email"):
                await invite(database, shop, NewInvitation(email, "user", ann.user_id))

    async def test_a_member_is_not_invited_and_does_not_use_a_link_up(
        self, database: Database, ann: Account, shop: ProjectId, made: MadeInvitation
    ) -> None:
        with pytest.raises(Conflict, match="User is already a member of this project"):
            await invite(database, shop, NewInvitation("ANN@example.com", "user", ann.user_id))
        with pytest.raises(Conflict):
            await accept_as(database, made.token, ann.user_id)

        assert await list_invitations(database, shop) == [made.invited]

    async def test_members_and_invitations_together_are_bounded(
        self, database: Database, ann: Account, shop: ProjectId, made: MadeInvitation
    ) -> None:
        third = NewInvitation("third@example.com", "user", ann.user_id)
        with pytest.raises(Conflict, match="SLUICE_MAX_MEMBERS_PER_PROJECT"):
            await invite(database, shop, third, at_most=2)

        await expire(database, made)
        await invite(database, shop, third, at_most=2)

    async def test_the_operator_invites_too_and_any_account_may_join(
        self, database: Database, eve: Account, shop: ProjectId
    ) -> None:
        made = await invite(database, shop, NewInvitation(NEW, "admin", None))
        offer = await read_offer(database, made.token)

        joined = await accept_as(database, made.token, eve.user_id)

        assert (offer.inviter, offer.project_name, offer.role) == (None, "Ann's", "admin")
        assert (joined.member.user_id, joined.member.role) == (eve.user_id, "admin")

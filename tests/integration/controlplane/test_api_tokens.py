"""API tokens: who is behind one, what it reaches, and how it ends."""

from datetime import UTC, datetime, timedelta

import pytest

from controlplane.accounts import Account, SignUp, sign_up
from controlplane.api_tokens import ApiTokens, TokenHolder, project_for, reached_projects
from controlplane.crypto import Vault, hash_token
from controlplane.database import Database
from controlplane.departures import delete_account
from controlplane.failures import BadRequest, Conflict, Forbidden, NotFound, Unauthorized
from controlplane.key_cache import TTL_S
from controlplane.members import add_account, change_role, remove_member
from controlplane.projects import create_project, delete_project, list_projects
from controlplane.tokens import (
    NewToken,
    TokenDraft,
    TokenOwner,
    all_tokens,
    create_token,
    list_tokens,
    revoke_any_token,
    revoke_token,
)
from schemas.projects import ProjectId, TokenScope, UserId

NO_PROJECT = "11111111-2222-4333-8444-555555555555"
MISSING = "Missing or invalid Authorization header"
INVALID = "Invalid or expired API token"
OPERATOR = TokenOwner()


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
async def ann(database: Database, vault: Vault) -> Account:
    return await sign_up(database, vault, SignUp("Ann", "ann@example.com", "correct horse", "One"))


@pytest.fixture
async def bob(database: Database, vault: Vault) -> Account:
    return await sign_up(database, vault, SignUp("Bob", "bob@example.com", "correct horse", "Bobs"))


@pytest.fixture
async def shop(database: Database, ann: Account) -> ProjectId:
    return (await list_projects(database, ann.user_id))[0].project_id


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(database: Database, clock: Clock) -> ApiTokens:
    return ApiTokens(database, clock=clock)


async def _made(database: Database, owner: TokenOwner, scope: str = "admin") -> NewToken:
    return await create_token(database, owner, TokenDraft("CI", scope))


async def _holder(database: Database, owner: TokenOwner, scope: str = "admin") -> TokenHolder:
    made = await _made(database, owner, scope)
    return await ApiTokens(database).holder_of(f"Bearer {made.plain}")


class TestMaking:
    @pytest.mark.parametrize(
        "new",
        [
            TokenDraft(" "),
            TokenDraft("x" * 201),
            TokenDraft("CI", "owner"),
            TokenDraft("CI", expires_at=datetime.now(UTC) - timedelta(seconds=1)),
        ],
    )
    async def test_what_breaks_a_rule_is_not_made(
        self, database: Database, shop: ProjectId, new: TokenDraft
    ) -> None:
        with pytest.raises(BadRequest):
            await create_token(database, TokenOwner(project_id=shop), new)

        assert await all_tokens(database) == []

    async def test_nobody_makes_one_for_a_project_or_person_that_is_not_there(
        self, database: Database
    ) -> None:
        with pytest.raises(NotFound):
            await _made(database, TokenOwner(project_id=ProjectId(NO_PROJECT)))
        with pytest.raises(Forbidden):
            await _made(database, TokenOwner(user_id=UserId("local-operator:1")))

    async def test_there_are_no_more_than_the_quota(
        self, database: Database, ann: Account, shop: ProjectId
    ) -> None:
        for owner in (TokenOwner(project_id=shop), TokenOwner(user_id=ann.user_id)):
            await create_token(database, owner, TokenDraft("CI"), at_most=1)

            with pytest.raises(Conflict, match="SLUICE_MAX_KEYS_PER_PROJECT"):
                await create_token(database, owner, TokenDraft("CI"), at_most=1)

    async def test_its_beginning_says_whose_it_is_and_48_hex_digits_follow(
        self, database: Database, ann: Account, shop: ProjectId
    ) -> None:
        one = await _made(database, TokenOwner(project_id=shop))
        all_of_ann = await _made(database, TokenOwner(user_id=ann.user_id))

        for made, prefix in ((one, "oscp_"), (all_of_ann, "osco_")):
            assert made.plain.startswith(prefix)
            assert len(bytes.fromhex(made.plain.removeprefix(prefix))) == 24
            assert made.token.last_four == made.plain[-4:]

    async def test_each_owner_lists_their_own_and_the_operator_all(
        self, database: Database, ann: Account, shop: ProjectId
    ) -> None:
        owners = TokenOwner(project_id=shop), TokenOwner(user_id=ann.user_id), OPERATOR

        made = [(await _made(database, owner)).token for owner in owners]

        assert [await list_tokens(database, owner) for owner in owners] == [[one] for one in made]
        assert await all_tokens(database) == made
        assert [(one.project_name, one.email) for one in made] == [
            ("One", None),
            (None, "ann@example.com"),
            (None, None),
        ]

    async def test_no_value_is_kept(self, database: Database, shop: ProjectId) -> None:
        made = await _made(database, TokenOwner(project_id=shop))

        async with database.reading() as session:
            raw = await (await session.connection()).exec_driver_sql("SELECT * FROM api_token")
            (row,) = raw.all()

        assert made.plain not in str(row)
        assert hash_token(made.plain) in str(row)


class TestHolders:
    @pytest.mark.parametrize("header", [None, "", "{}", "bearer {}", "Bearer  {}", "Basic {}"])
    async def test_a_header_of_another_form_is_rejected(
        self, database: Database, tokens: ApiTokens, shop: ProjectId, header: str | None
    ) -> None:
        made = await _made(database, TokenOwner(project_id=shop))

        with pytest.raises(Unauthorized) as caught:
            await tokens.holder_of(header and header.format(made.plain))

        assert caught.value.message == MISSING

    @pytest.mark.parametrize(
        "plain", ["osco_", "oscp_" + "0" * 48, "pulse_sk_x", "osco_" + "x" * 10_000, "osco_\udce4"]
    )
    async def test_an_unknown_token_is_rejected(self, tokens: ApiTokens, plain: str) -> None:
        for _ in range(2):
            with pytest.raises(Unauthorized) as caught:
                await tokens.holder_of(f"Bearer {plain}")

            assert caught.value.message == INVALID

    async def test_a_token_says_who_asks(
        self, database: Database, tokens: ApiTokens, ann: Account
    ) -> None:
        until = datetime.now(UTC) + timedelta(days=1)
        new = TokenDraft("CI", "write", until)
        made = await create_token(database, TokenOwner(user_id=ann.user_id), new)

        holder = await tokens.holder_of(f"Bearer {made.plain}")

        assert holder == TokenHolder(
            "write", None, ann.user_id, "CI", made.plain[-4:], until, made.token.token_id
        )

    async def test_a_token_ends_at_its_time_also_while_it_is_remembered(
        self,
        database: Database,
        tokens: ApiTokens,
        shop: ProjectId,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        until = datetime.now(UTC) + timedelta(days=1)
        new = TokenDraft("CI", expires_at=until)
        made = await create_token(database, TokenOwner(project_id=shop), new)
        await tokens.holder_of(f"Bearer {made.plain}")

        class Later(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return until

        monkeypatch.setattr("controlplane.api_tokens.datetime", Later)

        with pytest.raises(Unauthorized, match=INVALID):
            await tokens.holder_of(f"Bearer {made.plain}")

    async def test_a_revoked_token_ends_at_once_here_and_soon_elsewhere(
        self, database: Database, tokens: ApiTokens, shop: ProjectId, clock: Clock
    ) -> None:
        owner, elsewhere = TokenOwner(project_id=shop), ApiTokens(database, clock=clock)
        made = await _made(database, owner)
        for each in (tokens, elsewhere):
            await each.holder_of(f"Bearer {made.plain}")

        tokens.forget(await revoke_token(database, owner, made.token.token_id))

        with pytest.raises(Unauthorized):
            await tokens.holder_of(f"Bearer {made.plain}")
        clock.now_s += TTL_S
        with pytest.raises(Unauthorized):
            await elsewhere.holder_of(f"Bearer {made.plain}")
        assert await list_tokens(database, owner) == []

    async def test_the_tokens_of_a_deleted_project_and_person_end(
        self, database: Database, tokens: ApiTokens, ann: Account, bob: Account, shop: ProjectId
    ) -> None:
        of_shop = await _made(database, TokenOwner(project_id=shop))
        of_bob = await _made(database, TokenOwner(user_id=bob.user_id))

        await tokens.holder_of(f"Bearer {of_shop.plain}")
        await delete_project(database, shop)
        tokens.forget_project(shop)
        await delete_account(database, bob, "correct horse")

        for made in (of_shop, of_bob):
            with pytest.raises(Unauthorized, match=INVALID):
                await tokens.holder_of(f"Bearer {made.plain}")

    async def test_the_last_use_is_written_by_the_flush(
        self, database: Database, tokens: ApiTokens, shop: ProjectId
    ) -> None:
        made = await _made(database, TokenOwner(project_id=shop))
        await tokens.holder_of(f"Bearer {made.plain}")

        assert await tokens.flush_last_used() == 1

        (after,) = await all_tokens(database)
        assert after.last_used_at is not None


class TestRevoking:
    async def test_a_token_of_somebody_else_stays(
        self, database: Database, ann: Account, bob: Account, shop: ProjectId
    ) -> None:
        made = await _made(database, TokenOwner(user_id=ann.user_id))

        for owner in (TokenOwner(user_id=bob.user_id), TokenOwner(project_id=shop), OPERATOR):
            with pytest.raises(NotFound):
                await revoke_token(database, owner, made.token.token_id)

        assert await all_tokens(database) == [made.token]

    async def test_the_operator_revokes_any_once(self, database: Database, ann: Account) -> None:
        made = await _made(database, TokenOwner(user_id=ann.user_id))

        await revoke_any_token(database, made.token.token_id)

        with pytest.raises(NotFound):
            await revoke_any_token(database, made.token.token_id)


class TestReach:
    @pytest.mark.parametrize(
        ("scope", "needs"), [("read", "write"), ("read", "admin"), ("write", "admin")]
    )
    async def test_a_scope_that_is_too_small_is_said(
        self, database: Database, shop: ProjectId, scope: str, needs: TokenScope
    ) -> None:
        holder = await _holder(database, TokenOwner(project_id=shop), scope)

        with pytest.raises(Forbidden) as caught:
            await project_for(database, holder, shop, needs=needs)

        assert caught.value.message == f"Token scope '{scope}' cannot perform this action"

    @pytest.mark.parametrize(
        ("scope", "needs"), [("read", "read"), ("write", "read"), ("admin", "write")]
    )
    async def test_a_greater_scope_includes_the_smaller(
        self, database: Database, shop: ProjectId, scope: str, needs: TokenScope
    ) -> None:
        holder = await _holder(database, TokenOwner(project_id=shop), scope)

        found = await project_for(database, holder, shop.upper(), needs=needs)

        assert (found.access.project.project_id, found.name, found.number) == (shop, "One", 1)

    async def test_a_projects_token_reaches_no_other(
        self, database: Database, vault: Vault, ann: Account, shop: ProjectId
    ) -> None:
        other = await create_project(database, vault, ann.user_id, "Two")
        holder = await _holder(database, TokenOwner(project_id=shop))

        for project_id in (other.project_id, NO_PROJECT, "no id"):
            with pytest.raises(Forbidden) as caught:
                await project_for(database, holder, project_id, needs="read")

            assert caught.value.message == "Token is scoped to a different project"
        assert [one.name for one in await reached_projects(database, holder)] == ["One"]

    async def test_a_persons_token_reaches_what_the_person_may_reach_now(
        self, database: Database, bob: Account, shop: ProjectId
    ) -> None:
        holder = await _holder(database, TokenOwner(user_id=bob.user_id))
        with pytest.raises(NotFound, match="Project not found"):
            await project_for(database, holder, shop, needs="read")

        await add_account(database, shop, "bob@example.com", "user")
        await project_for(database, holder, shop, needs="write")
        assert [one.name for one in await reached_projects(database, holder)] == ["Bobs", "One"]

        await remove_member(database, shop, bob.user_id)
        with pytest.raises(NotFound):
            await project_for(database, holder, shop, needs="read")
        assert [one.name for one in await reached_projects(database, holder)] == ["Bobs"]

    async def test_the_scope_admin_makes_nobody_an_admin(
        self, database: Database, bob: Account, shop: ProjectId
    ) -> None:
        await add_account(database, shop, "bob@example.com", "user")
        holder = await _holder(database, TokenOwner(user_id=bob.user_id))
        with pytest.raises(Forbidden, match="admin role required"):
            await project_for(database, holder, shop, needs="admin")

        await change_role(database, shop, bob.user_id, "admin")

        assert (await project_for(database, holder, shop, needs="admin")).access.role == "admin"

    async def test_the_operators_token_reaches_every_live_project(
        self, database: Database, bob: Account, shop: ProjectId
    ) -> None:
        holder = await _holder(database, OPERATOR)

        await project_for(database, holder, shop, needs="admin")
        await delete_project(database, shop)

        with pytest.raises(NotFound):
            await project_for(database, holder, shop, needs="read")
        assert [one.name for one in await reached_projects(database, holder)] == ["Bobs"]

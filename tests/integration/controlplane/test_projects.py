import asyncio

import pytest

from controlplane.accounts import Account, SignUp, sign_up
from controlplane.crypto import Vault, hash_token
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, Forbidden, NotFound
from controlplane.keys import KeyDraft, create_key, list_keys, rename_key, reveal_key, revoke_key
from controlplane.members import (
    NewAccount,
    add_account,
    add_newcomer,
    change_role,
    list_members,
    remove_member,
)
from controlplane.projects import (
    CreatedProject,
    ProjectChange,
    create_project,
    delete_project,
    enter_project,
    forget_projects,
    list_deleted_projects,
    list_projects,
    list_retentions,
    project_settings,
    update_project,
)
from schemas.projects import ProjectId

NOWHERE = ProjectId("00000000-0000-4000-8000-000000000000")


@pytest.fixture
async def ann(database: Database, vault: Vault) -> Account:
    return await sign_up(database, vault, SignUp("Ann", "ann@example.com", "correct horse", "One"))


@pytest.fixture
async def bob(database: Database, vault: Vault) -> Account:
    return await sign_up(database, vault, SignUp("Bob", "bob@example.com", "correct horse", "Two"))


@pytest.fixture
async def shop(database: Database, vault: Vault, ann: Account) -> CreatedProject:
    return await create_project(database, vault, ann.user_id, " Shop ")


class TestEntering:
    @pytest.mark.parametrize("project_id", [NOWHERE, "no uuid", ""])
    async def test_an_unknown_project_reads_like_somebody_elses(
        self, database: Database, ann: Account, project_id: str
    ) -> None:
        with pytest.raises(Forbidden, match="Forbidden: no access to this project"):
            await enter_project(database, ann.user_id, project_id)

    async def test_nobody_enters_or_sees_the_project_of_another(
        self, database: Database, bob: Account, shop: CreatedProject
    ) -> None:
        with pytest.raises(Forbidden):
            await enter_project(database, bob.user_id, shop.project_id)
        assert [p.name for p in await list_projects(database, bob.user_id)] == ["Two"]

    async def test_a_member_enters_with_a_role(
        self, database: Database, ann: Account, bob: Account, shop: CreatedProject
    ) -> None:
        await add_account(database, shop.project_id, "BOB@example.com ", "user")

        assert (await enter_project(database, ann.user_id, shop.project_id)).role == "admin"
        assert (await enter_project(database, bob.user_id, shop.project_id)).role == "user"


class TestNames:
    async def test_a_person_has_no_two_projects_of_one_name(
        self, database: Database, vault: Vault, ann: Account, shop: CreatedProject
    ) -> None:
        with pytest.raises(Conflict, match="named 'Shop' already"):
            await create_project(database, vault, ann.user_id, "Shop ")

        other = await create_project(database, vault, ann.user_id, "Lab")
        with pytest.raises(Conflict, match="named 'Shop' already"):
            await update_project(database, other.project_id, ProjectChange(name="Shop"))

        assert [p.name for p in await list_projects(database, ann.user_id)] == [
            "One",
            "Shop",
            "Lab",
        ]

    async def test_another_person_may_have_one_of_the_same_name(
        self, database: Database, vault: Vault, bob: Account, shop: CreatedProject
    ) -> None:
        assert (await create_project(database, vault, bob.user_id, "Shop")).name == "Shop"

    async def test_the_name_of_a_deleted_project_is_free(
        self, database: Database, vault: Vault, ann: Account, shop: CreatedProject
    ) -> None:
        await delete_project(database, shop.project_id)

        assert (await create_project(database, vault, ann.user_id, "Shop")).name == "Shop"

    async def test_two_of_one_name_that_came_together_can_both_be_changed(
        self, database: Database, vault: Vault, ann: Account, bob: Account, shop: CreatedProject
    ) -> None:
        bobs = await create_project(database, vault, bob.user_id, "Shop")
        await add_account(database, bobs.project_id, ann.email, "admin")

        for project in (shop, bobs):
            change = ProjectChange(name="Shop", retention_days=7)
            assert (await update_project(database, project.project_id, change)).retention_days == 7

    async def test_of_two_requests_at_once_for_one_name_one_is_served(
        self, database: Database, vault: Vault, ann: Account
    ) -> None:
        made = await asyncio.gather(
            *(create_project(database, vault, ann.user_id, "Lab") for _ in range(4)),
            return_exceptions=True,
        )

        assert sum(isinstance(one, Conflict) for one in made) == 3


class TestSettings:
    @pytest.mark.parametrize(
        "change",
        [
            ProjectChange(name=" "),
            ProjectChange(name="x" * 201),
            ProjectChange(cost_preference="guessed"),
            ProjectChange(time_zone="Berlin"),
            ProjectChange(retention_days=0),
            ProjectChange(retention_days=3651),
        ],
    )
    async def test_a_value_that_breaks_a_rule_changes_nothing(
        self, database: Database, shop: CreatedProject, change: ProjectChange
    ) -> None:
        before = await project_settings(database, shop.project_id)

        with pytest.raises(BadRequest):
            await update_project(database, shop.project_id, change)

        assert await project_settings(database, shop.project_id) == before

    async def test_only_what_is_named_changes(
        self, database: Database, shop: CreatedProject
    ) -> None:
        await update_project(database, shop.project_id, ProjectChange(retention_days=30))
        await update_project(database, shop.project_id, ProjectChange(cost_preference="computed"))

        found = await project_settings(database, shop.project_id)
        assert (found.name, found.cost_preference, found.retention_days) == ("Shop", "computed", 30)
        assert await list_retentions(database) == {shop.project_id: 30}

        await update_project(database, shop.project_id, ProjectChange(retention_days=None))
        assert await list_retentions(database) == {}


class TestDeleting:
    async def test_an_unknown_project_cannot_be_deleted(self, database: Database) -> None:
        with pytest.raises(NotFound):
            await delete_project(database, NOWHERE)

    async def test_a_live_project_is_not_forgotten(
        self, database: Database, shop: CreatedProject
    ) -> None:
        await forget_projects(database, [shop.project_id])

        assert (await project_settings(database, shop.project_id)).name == "Shop"

    async def test_it_closes_at_once_and_waits_for_the_janitor(
        self, database: Database, vault: Vault, ann: Account, shop: CreatedProject
    ) -> None:
        await delete_project(database, shop.project_id)

        assert [p.name for p in await list_projects(database, ann.user_id)] == ["One"]
        assert await list_keys(database, vault, shop.project_id) == []
        with pytest.raises(Forbidden):
            await enter_project(database, ann.user_id, shop.project_id)
        with pytest.raises(NotFound):
            await delete_project(database, shop.project_id)
        with pytest.raises(NotFound):
            await create_key(database, vault, shop.project_id, KeyDraft("late"))
        assert await list_deleted_projects(database) == [shop.project_id]

        await forget_projects(database, [shop.project_id])
        assert await list_deleted_projects(database) == []
        assert await list_members(database, shop.project_id) == []


class TestKeys:
    @pytest.mark.parametrize("plain", ["", "two words", "line\nfeed", "schlüssel", "x" * 201])
    async def test_a_given_value_that_no_client_could_send_is_refused(
        self, database: Database, vault: Vault, shop: CreatedProject, plain: str
    ) -> None:
        with pytest.raises(BadRequest):
            await create_key(database, vault, shop.project_id, KeyDraft("CI", plain))

    async def test_a_given_value_belongs_to_one_project_only(
        self, database: Database, vault: Vault, shop: CreatedProject
    ) -> None:
        await create_key(database, vault, shop.project_id, KeyDraft("CI", "given"))

        with pytest.raises(Conflict):
            await create_key(database, vault, shop.project_id, KeyDraft("CI", "given"))

    async def test_keys_of_another_project_are_out_of_reach(
        self, database: Database, vault: Vault, bob: Account, shop: CreatedProject
    ) -> None:
        (other,) = await list_projects(database, bob.user_id)
        (key,) = await list_keys(database, vault, shop.project_id)

        with pytest.raises(NotFound, match="API key not found"):
            await rename_key(database, other.project_id, key.key_id, "mine")
        with pytest.raises(NotFound):
            await revoke_key(database, other.project_id, key.key_id)
        with pytest.raises(NotFound):
            await reveal_key(database, vault, other.project_id, key.key_id)

    async def test_a_key_sealed_under_another_secret_is_not_listed(
        self, database: Database, vault: Vault, shop: CreatedProject
    ) -> None:
        other = Vault("another secret that is longer than 32 characters")
        usable = await create_key(database, other, shop.project_id, KeyDraft("usable"))

        assert await list_keys(database, other, shop.project_id) == [usable]

    async def test_keys_are_listed_oldest_first_renamed_and_revoked(
        self, database: Database, vault: Vault, shop: CreatedProject
    ) -> None:
        made = await create_key(database, vault, shop.project_id, KeyDraft(" CI "))
        first, second = await list_keys(database, vault, shop.project_id)

        assert (first.plain, second) == (shop.plain_key, made)
        assert (second.name, second.project_name, second.last_used_at) == ("CI", "Shop", None)

        await rename_key(database, shop.project_id, made.key_id, "Deploy")
        revealed = await reveal_key(database, vault, shop.project_id, made.key_id)
        assert (revealed.name, revealed.plain) == ("Deploy", made.plain)

        key_hash = await revoke_key(database, shop.project_id, made.key_id)
        assert key_hash == hash_token(made.plain)
        assert await list_keys(database, vault, shop.project_id) == [first]


class TestMembers:
    @pytest.mark.parametrize(
        ("new", "message"),
        [
            (NewAccount("new@example.com", "user", " ", "correct horse"), "Name cannot be empty"),
            (NewAccount("new@example.com", "user", "New", "short"), "Password too short"),
            (NewAccount("ann@example.com", "user", "Ann", "correct horse"), "already exists"),
        ],
    )
    async def test_a_newcomer_needs_a_name_a_password_and_an_email_of_their_own(
        self, database: Database, shop: CreatedProject, new: NewAccount, message: str
    ) -> None:
        with pytest.raises(BadRequest, match=message):
            await add_newcomer(database, shop.project_id, new)

    async def test_nobody_joins_twice(self, database: Database, shop: CreatedProject) -> None:
        with pytest.raises(Conflict, match="User is already a member of this project"):
            await add_account(database, shop.project_id, "ann@example.com", "user")

    async def test_the_last_admin_stays(
        self, database: Database, ann: Account, bob: Account, shop: CreatedProject
    ) -> None:
        await add_account(database, shop.project_id, "bob@example.com", "user")

        with pytest.raises(Conflict):
            await remove_member(database, shop.project_id, ann.user_id)
        with pytest.raises(Conflict):
            await change_role(database, shop.project_id, ann.user_id, "user")
        await remove_member(database, shop.project_id, bob.user_id)
        with pytest.raises(NotFound):
            await remove_member(database, shop.project_id, bob.user_id)

    async def test_of_two_admins_who_leave_at_once_one_stays(
        self, url: str, database: Database, ann: Account, bob: Account, shop: CreatedProject
    ) -> None:
        await add_account(database, shop.project_id, "bob@example.com", "admin")
        other = Database(url)
        await other.ping()

        left = await asyncio.gather(
            remove_member(database, shop.project_id, ann.user_id),
            remove_member(other, shop.project_id, bob.user_id),
            return_exceptions=True,
        )
        await other.close()

        assert [type(one) for one in left if one is not None] == [Conflict]
        assert len(await list_members(database, shop.project_id)) == 1

    async def test_the_role_of_a_member_changes(
        self, database: Database, ann: Account, bob: Account, shop: CreatedProject
    ) -> None:
        await add_account(database, shop.project_id, "bob@example.com", "user")

        raised = await change_role(database, shop.project_id, bob.user_id, "admin")
        lowered = await change_role(database, shop.project_id, ann.user_id, "user")

        assert (raised.role, lowered.role) == ("admin", "user")
        assert (await enter_project(database, bob.user_id, shop.project_id)).role == "admin"
        with pytest.raises(NotFound):
            await change_role(database, shop.project_id, NOWHERE, "user")

    async def test_a_newcomer_gets_an_account_and_is_listed_last(
        self, database: Database, ann: Account, shop: CreatedProject
    ) -> None:
        new = NewAccount("New@Example.com", "admin", " New ", "correct horse")
        added = await add_newcomer(database, shop.project_id, new)

        assert (added.name, added.email, added.role) == ("New", "new@example.com", "admin")
        members = await list_members(database, shop.project_id)
        assert [m.user_id for m in members] == [ann.user_id, added.user_id]


class TestQuotas:
    async def test_a_project_has_no_more_keys_than_it_may(
        self, database: Database, vault: Vault, shop: CreatedProject
    ) -> None:
        await create_key(database, vault, shop.project_id, KeyDraft("second"), at_most=2)

        with pytest.raises(Conflict, match="2 is the most that SLUICE_MAX_KEYS_PER_PROJECT allows"):
            await create_key(database, vault, shop.project_id, KeyDraft("third"), at_most=2)

        assert len(await list_keys(database, vault, shop.project_id)) == 2

    async def test_a_person_administers_no_more_projects_than_they_may_the_deleted_counted(
        self, database: Database, vault: Vault, ann: Account, shop: CreatedProject
    ) -> None:
        await delete_project(database, shop.project_id)

        with pytest.raises(Conflict, match="SLUICE_MAX_PROJECTS_PER_USER"):
            await create_project(database, vault, ann.user_id, "Third", at_most=2)

        await forget_projects(database, [shop.project_id])
        await create_project(database, vault, ann.user_id, "Third", at_most=2)

    async def test_many_at_once_do_not_slip_through(
        self, url: str, database: Database, vault: Vault, ann: Account
    ) -> None:
        processes = [Database(url) for _ in range(4)]
        for process in processes:
            await process.ping()  # so that no connection is made before the others ask

        made = await asyncio.gather(
            *(
                create_project(process, vault, ann.user_id, f"More {number}", at_most=2)
                for number, process in enumerate(processes)
            ),
            return_exceptions=True,
        )
        for process in processes:
            await process.close()

        assert sum(isinstance(one, Conflict) for one in made) == 3
        assert len(await list_projects(database, ann.user_id)) == 2

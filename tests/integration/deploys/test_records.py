"""What is kept of apps beside their deployments, on both databases."""

import asyncio

import pytest
from sqlalchemy import select

from controlplane.accounts import register
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.apps import (
    Draft,
    add_app,
    ask_sync,
    change_app,
    get_app,
    list_apps,
    remove_app,
)
from controlplane.deploys.audit import Actor, Readers, list_lines
from controlplane.deploys.deployments import Asked, ask_deployment, get_deployment
from controlplane.deploys.domains import add_domain, list_domains, note_proof, remove_domain
from controlplane.deploys.env import list_variables, remove_variable, set_variable
from controlplane.deploys.git_webhooks import (
    add_git_webhook,
    find_receiving,
    list_git_webhooks,
    note_received,
    remove_git_webhook,
)
from controlplane.deploys.glances import list_serving, mark_of
from controlplane.deploys.instances import list_instances, note_restarts
from controlplane.deploys.notices import tell_of
from controlplane.deploys.rows import Reach
from controlplane.failures import Conflict, NotFound
from controlplane.logins import find_login, login_token
from controlplane.outbox_models import AlertOutbox
from controlplane.sessions import Visit, end_session, open_session
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.proofs import Proof
from schemas.projects import ProjectId
from tests.integration.deploys.apps import DEPLOYER, new_app, served

CONFIG = AppConfig(repo_url="https://example.com/shop", auto_sync_enabled=True)
SECRETS = AppSecrets(git_token="t", notifications=("https://example.com/hook",))


async def person(database: Database, name: str) -> Actor:
    account = await register(database, name.title(), f"{name}@example.com", "correct horse")
    return Actor(account.user_id, account.email, "127.0.0.1", "tests")


async def app_of(database: Database, vault: Vault, actor: Actor, name: str) -> ProjectId:
    made = await add_app(database, vault, actor, Draft(name, CONFIG, SECRETS), at_most=9)
    return made.project_id


async def test_a_login_is_a_session_and_ends_with_it(database: Database, vault: Vault) -> None:
    ann = await person(database, "ann")
    assert ann.user_id is not None
    opened = await open_session(database, ann.user_id, Visit(remembered=False))
    token = login_token(vault, opened)

    found = await find_login(database, vault, token)
    await end_session(database, ann.user_id, opened.session_id)

    assert found is not None
    assert found.account.email == "ann@example.com"
    assert await find_login(database, vault, token) is None


async def test_an_app_is_listed_with_how_it_goes(database: Database, vault: Vault) -> None:
    ann = await person(database, "ann")
    first = await app_of(database, vault, ann, "first")
    second = await app_of(database, vault, ann, "second")
    for sha in ("a" * 40, "b" * 40):
        asked = Asked(project_id=first, author="ann", origin="api", commit_sha=sha)
        newest = await ask_deployment(database, asked)

    views = await list_apps(database, vault, Reach(ann.user_id))

    assert [view.project_id for view in views] == [second, first]
    assert (views[1].newest_id, views[1].commit_sha) == (newest.id, "b" * 40)
    assert (views[0].newest_id, views[0].user_id) == ("", str(ann.user_id))
    assert views[0].has_git_token
    assert views[1].driver == ""


async def test_an_app_is_listed_with_what_it_runs_in(database: Database, vault: Vault) -> None:
    project_id = await new_app(database, vault)

    serving = await served(database, vault, project_id, 21000)

    (view,) = await list_apps(database, vault, Reach(project_id=project_id))
    assert (view.running_id, view.driver) == (serving.id, "process")


async def test_a_page_hears_that_an_app_was_started_again(database: Database, vault: Vault) -> None:
    project_id = await new_app(database, vault)
    await served(database, vault, project_id, 21000)
    (instance,) = await list_instances(database, DEPLOYER, ("serving",))
    before = await mark_of(database, project_id)

    await note_restarts(database, instance.id, "started again once")

    (after,) = await list_serving(database, project_id)
    assert after.reason == "started again once"
    shown = await get_deployment(database, Reach(project_id=project_id), after.deployment_id)
    assert shown.restarts == "started again once"
    assert await mark_of(database, project_id) != before


async def test_changes_at_once_are_all_there_and_a_sync_is_due_at_once(
    database: Database, vault: Vault
) -> None:
    ann = await person(database, "ann")
    project_id = await app_of(database, vault, ann, "shop")

    def setting(command: str, field: str):  # type: ignore[no-untyped-def]  # a closure
        from msgspec.structs import replace

        return lambda config, secrets: (replace(config, **{field: command}), secrets)

    fields = ("build_command", "start_command", "test_command")
    await asyncio.gather(
        *(change_app(database, vault, ann, project_id, setting("x", one)) for one in fields)
    )
    await ask_sync(database, ann, project_id)

    found = await get_app(database, vault, project_id)
    assert [getattr(found.config, one) for one in fields] == ["x"] * 3
    async with database.reading() as session:
        row = (await session.scalars(select(models.App))).one()
    assert row.next_sync_us is not None
    assert row.next_sync_us <= row.updated_us + 5_000_000


async def test_a_deleted_project_takes_what_waits_with_it(database: Database, vault: Vault) -> None:
    ann = await person(database, "ann")
    project_id = await app_of(database, vault, ann, "shop")
    await ask_deployment(database, Asked(project_id=project_id, author="ann", origin="api"))

    await remove_app(database, ann, project_id)

    assert await list_apps(database, vault, Reach(ann.user_id)) == []
    with pytest.raises(NotFound):
        await remove_app(database, ann, project_id)
    async with database.reading() as session:
        assert (await session.scalars(select(models.Deployment.status))).all() == ["cancelled"]


async def test_a_variable_is_one_row_however_often_it_is_set(
    database: Database, vault: Vault
) -> None:
    ann = await person(database, "ann")
    project_id = await app_of(database, vault, ann, "shop")
    of = (project_id, "KEY")

    await asyncio.gather(*(set_variable(database, vault, ann, of, f"v{n}") for n in range(4)))
    (found,) = await list_variables(database, project_id)
    await remove_variable(database, ann, project_id, "KEY")

    assert found.key == "KEY"
    assert await list_variables(database, project_id) == []


async def test_of_two_who_prove_a_name_one_has_it(database: Database, vault: Vault) -> None:
    people = [await person(database, name) for name in ("ann", "bob")]
    reaches = [Reach(one.user_id) for one in people]
    domains = [
        await add_domain(database, one, await app_of(database, vault, one, "shop"), "a.example")
        for one in people
    ]
    proof = Proof(is_theirs=True, found="it is there")

    proved = await asyncio.gather(
        *(
            note_proof(database, people[n], (reaches[n], domains[n].id), proof)
            for n in range(len(people))
        ),
        return_exceptions=True,
    )

    assert sorted(isinstance(one, Conflict) for one in proved) == [False, True]
    for n in range(len(people)):
        await remove_domain(database, people[n], (reaches[n], domains[n].id))
        assert await list_domains(database, reaches[n]) == []


async def test_a_webhook_is_found_until_it_is_removed(database: Database, vault: Vault) -> None:
    ann = await person(database, "ann")
    project_id = await app_of(database, vault, ann, "shop")
    made, secret = await add_git_webhook(database, vault, ann, project_id, ("gitea", "trunk"))

    found = await find_receiving(database, vault, made.id)
    await note_received(database, made.id)
    (listed,) = await list_git_webhooks(database, Reach(ann.user_id))
    await remove_git_webhook(database, ann, made.id)

    assert found is not None
    assert (found.secret, found.app_branch, found.owner_id) == (secret, "main", ann.user_id)
    assert listed.received_us is not None
    assert await find_receiving(database, vault, made.id) is None
    lines = await list_lines(database, Readers(ann.user_id), limit=2, offset=0)
    assert [(one.action, one.resource) for one in lines] == [
        ("delete", "webhook"),
        ("create", "webhook"),
    ]


async def test_who_is_told_is_told_once(database: Database, vault: Vault) -> None:
    ann = await person(database, "ann")
    project_id = await app_of(database, vault, ann, "shop")
    await ask_deployment(database, Asked(project_id=project_id, author="ann", origin="api"))

    for _ in range(2):
        async with database.session() as session:
            row = (await session.scalars(select(models.Deployment))).one()
            row.status = "failed"
            await tell_of(session, vault, row, 1)

    async with database.reading() as session:
        (message,) = (await session.scalars(select(AlertOutbox))).all()
    assert (message.source, message.target) == ("deploys", "https://example.com/…")

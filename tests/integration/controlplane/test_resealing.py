"""A change of the installation's secret: everything that is sealed opens with the new one alone."""

import time
import uuid
from typing import Any

import pytest
from sqlalchemy import LargeBinary, select

from controlplane.channels import add_channel, open_channel
from controlplane.crypto import UnsealError, Vault
from controlplane.database import Database
from controlplane.deploys import models as deploys
from controlplane.deploys.apps import Draft, add_app, open_app
from controlplane.deploys.audit import Actor
from controlplane.deploys.env import set_variable
from controlplane.deploys.git_webhooks import add_git_webhook, find_receiving
from controlplane.deploys.secrets import open_environment, open_value, seal_environment
from controlplane.initial import Seed, ensure_initial
from controlplane.keys import list_keys
from controlplane.models import User, metadata
from controlplane.resealing import reseal
from controlplane.sealing import confirm_secret
from schemas.channels import ChannelConfig, ChannelForm
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.projects import ProjectId, UserId
from sluice.resealing import COLUMNS

OLD, NEW = "the old secret, as long as it has to be", "the new secret, as long as it has to be"
before, between, after = Vault(OLD), Vault(NEW, [OLD]), Vault(NEW)
CANARY = "canary"


def test_every_sealed_column_is_known() -> None:
    """Whoever adds one says how its values are sealed anew."""
    sealed = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if column.name.startswith("sealed") and isinstance(column.type, LargeBinary)
    }

    assert {(one.model.__tablename__, one.name) for one in COLUMNS} == sealed


async def fill(database: Database) -> tuple[ProjectId, str, str]:
    """Has an installation hold one value of many sorts, sealed with the old secret."""
    await confirm_secret(database, before)
    seed = Seed(user_email="a@example.com", user_password="correct horse")
    initial = await ensure_initial(database, before, seed)
    assert initial is not None
    async with database.reading() as session:
        user = (await session.scalars(select(User))).one()
    actor = Actor(UserId(str(user.id)), "ann")
    secrets = AppSecrets(git_token=CANARY, notifications=("https://example.com/hook",))
    draft = Draft("shop", AppConfig(repo_url="https://example.com/shop"), secrets)
    app = await add_app(database, before, actor, draft, at_most=10)
    await set_variable(database, before, actor, (app.project_id, "KEY"), CANARY)
    hook, _ = await add_git_webhook(database, before, actor, app.project_id, ("github", ""))
    form = ChannelForm("on call", "webhook", ChannelConfig(url="https://example.com/canary"))
    channel = await add_channel(database, before, app.project_id, form)
    async with database.session() as session:
        session.add(release_of(app.project_id))
    return app.project_id, hook.id, channel.id


def release_of(project_id: ProjectId) -> deploys.AppRelease:
    own_id = uuid.uuid4()
    texts: dict[str, Any] = dict.fromkeys(
        ("environment", "deployer", "driver", "place", "start_command"), "x"
    )
    return deploys.AppRelease(
        id=own_id,
        project_id=uuid.UUID(project_id),
        deployment_id=own_id,
        commit_sha="",
        commit_msg="",
        branch="",
        sealed_environment=seal_environment(before, own_id, {"KEY": CANARY}),
        size_bytes=0,
        created_us=time.time_ns() // 1000,
        removed_us=None,
        **texts,
    )


async def opened(database: Database, vault: Vault, of: tuple[ProjectId, str, str]) -> list[str]:
    """Returns what the vault opens, as those do who need it."""
    project_id, hook_id, channel_id = of
    await confirm_secret(database, vault)
    _, secrets = await open_app(database, vault, project_id)
    receiving = await find_receiving(database, vault, hook_id)
    assert receiving is not None
    _, config = await open_channel(database, vault, project_id, channel_id)
    async with database.reading() as session:
        variable = (await session.scalars(select(deploys.EnvVar))).one()
        release = (await session.scalars(select(deploys.AppRelease))).one()
    value = open_value(vault, variable.project_id, "KEY", variable.sealed_value)
    environment = open_environment(vault, release.id, release.sealed_environment)
    (key,) = await list_keys(database, vault, project_id)
    return [secrets.git_token, receiving.secret, config.url, value, environment["KEY"], key.plain]


async def test_all_of_it_opens_before_between_and_after(database: Database) -> None:
    of = await fill(database)
    first = await opened(database, before, of)

    assert await opened(database, between, of) == first
    found = await reseal(database, between, COLUMNS)
    again = await reseal(database, between, COLUMNS)

    assert first.count(CANARY) == 3
    assert await opened(database, after, of) == first
    assert (found.unchanged, found.unreadable) == (0, 0)
    assert (again.changed, again.unchanged) == (0, found.changed)
    assert found.changed >= 8
    with pytest.raises(UnsealError):
        await opened(database, before, of)


async def test_what_no_secret_opens_is_counted_and_left_as_it_is(database: Database) -> None:
    of = await fill(database)
    first = await opened(database, before, of)

    found = await reseal(database, after, COLUMNS)

    assert (found.changed, found.unchanged) == (0, 0)
    assert found.unreadable >= 8
    assert await opened(database, before, of) == first

"""Projects with an app, and deployments of them."""

import time
import uuid

import msgspec

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.deployments import Asked, Who, ask_deployment
from controlplane.deploys.instances import Built, Started, note_release, note_start, switch
from controlplane.deploys.queue import claim
from controlplane.deploys.rows import Reach
from controlplane.deploys.secrets import seal_secrets, seal_value
from controlplane.projects import insert_project
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.deployments import Deployment, Held, Job
from schemas.projects import ProjectId

DEPLOYER = "here"


async def new_app(database: Database, vault: Vault, *, secret: str = "hidden") -> ProjectId:
    """Makes a project that has a repository and a variable."""
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
        now_us = time.time_ns() // 1000
        config = AppConfig(repo_url="https://git.example/shop.git")
        session.add(
            models.App(
                project_id=project.id,
                user_id=None,
                config=msgspec.json.encode(config).decode(),
                sealed_secrets=seal_secrets(vault, project.id, AppSecrets(git_token=secret)),
                next_sync_us=None,
                created_us=now_us,
                updated_us=now_us,
            )
        )
        session.add(
            models.EnvVar(
                project_id=project.id,
                key="PASSWORD",
                id=uuid.uuid4(),
                sealed_value=seal_value(vault, project.id, "PASSWORD", secret),
                created_us=now_us,
                updated_us=now_us,
            )
        )
        return ProjectId(str(project.id))


async def ask(database: Database, project_id: ProjectId, **more: object) -> Deployment:
    """Asks for a deployment."""
    fields = {"project_id": project_id, "author": "Ann", "origin": "api", **more}
    return await ask_deployment(database, msgspec.convert(fields, Asked))


def who(project_id: ProjectId) -> Who:
    return Who(Reach(project_id=project_id), "Ann", "api")


def held_of(job: Job) -> Held:
    return Held(job.deployment.id, job.deployment.attempt)


async def claimed(database: Database, vault: Vault, deployer: str = DEPLOYER) -> Job:
    """Takes the next deployment, of which there is one."""
    job = await claim(database, vault, deployer)
    assert job is not None
    return job


async def served(database: Database, vault: Vault, project_id: ProjectId, port: int) -> Deployment:
    """Has a new deployment serve, and returns it."""
    await ask(database, project_id, commit_sha="c" * 40)
    held = held_of(await claimed(database, vault))
    built = Built(
        driver="process",
        place=f"/releases/{port}",
        start_command="./run",
        variables={"PASSWORD": f"of {port}"},
        size_bytes=1,
    )
    release = await note_release(database, vault, held, built)
    instance_id = str(uuid.uuid4())
    started = Started(address="127.0.0.1", port=port, details="{}")
    await note_start(database, held, instance_id, release, started)
    return await switch(database, vault, held, instance_id)

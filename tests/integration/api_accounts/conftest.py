"""A small Litestar application around the account endpoints, over a SQLite file."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from litestar import Litestar, Router, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide

from api.accounts import accounts_router
from api.app import STATUS, exception_handlers, invite_router
from api.auth import project_from_key, project_from_session
from api.auth_errors import auth_exception_handlers
from api.llm import prices
from api.local_peers import Address, LocalPeers, is_loopback
from api.sessions import auth_router
from controlplane.api_tokens import ApiTokens
from controlplane.attempts import AttemptLimits, AttemptRates
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.dsn_keys import DsnKeys
from controlplane.handoffs import Handoffs
from controlplane.keyring import KeyRing
from controlplane.quotas import Quotas
from schemas.projects import ProjectContext

HOST = "http://localhost:3000"
LAN = "192.0.2.7"

NO_RATES = AttemptRates(
    per_address=1000, per_email_and_address=1000, per_email=1000, signups_per_address=1000
)

Client = Callable[..., httpx.AsyncClient]


class AnyLocalPeers(LocalPeers):
    """Looks at the address alone: these connections have no sockets. See test_local_peers."""

    def is_person(self, peer: Address, server: Address) -> bool:
        return is_loopback(peer[0])


@get("/whoami")
async def read_as(project: NamedDependency[ProjectContext]) -> ProjectContext:
    return project


@post("/whoami")
async def write_as(project: NamedDependency[ProjectContext]) -> ProjectContext:
    return project


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "control.db"


@pytest.fixture
async def database(migrated_file: Path, file: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{shutil.copy(migrated_file, file)}")
    yield database
    await database.close()


@pytest.fixture
def vault() -> Vault:
    return Vault("a secret of the tests, longer than 32 characters")


@pytest.fixture
def app(database: Database, vault: Vault) -> Litestar:
    state = State(
        {
            "database": database,
            "vault": vault,
            "keyring": KeyRing(database),
            "dsn_keys": DsnKeys(database),
            "api_tokens": ApiTokens(database),
            "attempts": AttemptLimits(NO_RATES),
            "handoffs": Handoffs(),
            "quotas": Quotas(
                max_projects_per_user=50, max_members_per_project=500, max_keys_per_project=100
            ),
            "local_peers": AnyLocalPeers("127.0.0.1"),
            "allowed_origins": frozenset({"https://ui.example.com"}),
            "signup_enabled": True,
            "check_target": lambda held, alias: (
                "Nobody prices it" if alias.to_model == "gpt-4oo" else None
            ),
        }
    )
    handlers = [read_as, write_as]
    by_key = Router(
        "/v1", route_handlers=handlers, dependencies={"project": Provide(project_from_key)}
    )
    by_session = Router(
        "/dashboard/api",
        route_handlers=[*handlers, *prices.HANDLERS],
        dependencies={"project": Provide(project_from_session)},
    )
    return Litestar(
        [
            auth_router(auth_exception_handlers(STATUS)),
            accounts_router(),
            invite_router(),
            by_key,
            by_session,
        ],
        state=state,
        exception_handlers=exception_handlers(),
    )


@pytest.fixture
async def connect(app: Litestar) -> AsyncIterator[Client]:
    """Return what opens a client with its own cookies, from an address of choice."""
    opened: list[httpx.AsyncClient] = []

    def open_client(address: str = "127.0.0.1", base_url: str = HOST) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, client=(address, 50_000))  # type: ignore[arg-type]
        opened.append(httpx.AsyncClient(transport=transport, base_url=base_url))
        return opened[-1]

    yield open_client
    for client in opened:
        await client.aclose()


@pytest.fixture
def client(connect: Client) -> httpx.AsyncClient:
    return connect()


@pytest.fixture
async def ann(connect: Client) -> httpx.AsyncClient:
    """Ann, signed in, speaking for her project `Shop`, whose admin she is."""
    return await signed_in(connect(), "ann", project="Shop")


@pytest.fixture
async def bob(connect: Client) -> httpx.AsyncClient:
    """Bob, signed in, speaking for a project of his own."""
    return await signed_in(connect(), "bob", project="Bakery")


@pytest.fixture
async def guest(connect: Client, ann: httpx.AsyncClient) -> httpx.AsyncClient:
    """Gus, a plain user of Ann's project."""
    gus = await signed_in(connect(), "gus", project="Garage")
    await join(gus, await link_of(ann, "gus@example.com"))
    gus.headers["X-Project-Id"] = ann.headers["X-Project-Id"]
    return gus


async def signed_in(client: httpx.AsyncClient, name: str, *, project: str) -> httpx.AsyncClient:
    """Sign a person up and in, and speak for their project from now on."""
    email, password = f"{name}@example.com", "correct horse"
    form = {"name": name.title(), "email": email, "password": password, "projectName": project}
    assert (await client.post("/dashboard/api/signup", json=form)).status_code == 201
    signed = await client.post(
        "/api/auth/sign-in/email", json={"email": email, "password": password}
    )
    assert signed.status_code == 200
    projects = (await client.get("/dashboard/api/projects")).json()["projects"]
    client.headers["X-Project-Id"] = projects[0]["id"]
    return client


async def link_of(admin: httpx.AsyncClient, email: str, role: str = "user") -> str:
    """Invite somebody to the admin's project and return the token of the link."""
    form = {"email": email, "role": role}
    invited = await admin.post("/dashboard/api/users", json=form)
    assert invited.status_code == 201, invited.text
    return str(httpx.URL(invited.json()["inviteUrl"]).params["token"])


async def join(client: httpx.AsyncClient, token: str) -> None:
    """Accept an invitation with the account that is signed in."""
    joined = await client.post("/dashboard/api/invitations/accept", json={"token": token})
    assert joined.status_code == 200, joined.text

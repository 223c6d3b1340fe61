"""The API of deployments around a SQLite file, and people who ask it."""

import shutil
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State

from api.accounts import accounts_router
from api.app import STATUS, exception_handlers
from api.auth_errors import auth_exception_handlers
from api.deploys.callers import DeployRules
from api.local_peers import LocalPeers
from api.rates import Rates
from api.sessions import auth_router
from controlplane.api_tokens import ApiTokens
from controlplane.attempts import AttemptLimits, AttemptRates
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.dsn_keys import DsnKeys
from controlplane.handoffs import Handoffs
from controlplane.initial import Seed, ensure_initial
from controlplane.keyring import KeyRing
from controlplane.quotas import Quotas
from schemas.deploys.domains import checked_domain
from sluice.deploys import own_routers

HOST = "http://localhost:3000"
ROOT = "/api/v1"
NO_RATES = AttemptRates(
    per_address=1000, per_email_and_address=1000, per_email=1000, signups_per_address=1000
)
PASSWORD = "correct horse battery"
REPOSITORY = "https://github.com/ann/shop"
Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def database(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    file = shutil.copy(migrated_file, tmp_path / "control.db")
    database = Database(f"sqlite:///{file}")
    yield database
    await database.close()


@pytest.fixture
def vault() -> Vault:
    return Vault("a secret of the tests, longer than 32 characters")


@pytest.fixture
async def app(database: Database, vault: Vault) -> Litestar:
    seed = Seed(user_email="operator@example.com", user_password=PASSWORD)
    await ensure_initial(database, vault, seed)
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
            "local_peers": LocalPeers("127.0.0.1"),
            "allowed_origins": frozenset(),
            "signup_enabled": True,
            "deploy_rules": DeployRules("anyone", is_default=True),
            "deploy_rates": Rates(0),
            "private_repositories": False,
            "check_domain": partial(
                checked_domain,
                own_hosts=frozenset({"sluice.example.com"}),
                apps_host="apps.example.net",
            ),
        }
    )
    return Litestar(
        [auth_router(auth_exception_handlers(STATUS)), accounts_router(), *own_routers()],
        state=state,
        exception_handlers=exception_handlers(),
    )


@pytest.fixture
async def connect(app: Litestar) -> AsyncIterator[Client]:
    """Return what opens a client from an address of choice."""
    opened: list[httpx.AsyncClient] = []

    def open_client(address: str = "127.0.0.1") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, client=(address, 50_000))  # type: ignore[arg-type]
        opened.append(httpx.AsyncClient(transport=transport, base_url=f"{HOST}{ROOT}"))
        return opened[-1]

    yield open_client
    for client in opened:
        await client.aclose()


@pytest.fixture
def nobody(connect: Client) -> httpx.AsyncClient:
    return connect()


class Owner(NamedTuple):
    """Somebody with a project."""

    http: httpx.AsyncClient
    user: dict[str, Any]
    project: dict[str, Any]

    @property
    def id(self) -> str:
        """Of the project."""
        return str(self.project["id"])


@pytest.fixture
async def ann(connect: Client) -> Owner:
    return await owner(connect(), "ann", "shop")


@pytest.fixture
async def bob(connect: Client) -> Owner:
    return await owner(connect(), "bob", "bakery")


@pytest.fixture
async def operator(connect: Client) -> httpx.AsyncClient:
    """The admin that the installation was seeded with."""
    client = connect()
    form = {"email": "operator@example.com", "password": PASSWORD}
    answer = await client.post("/auth/login", json=form)
    client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    return client


async def registered(client: httpx.AsyncClient, name: str) -> dict[str, Any]:
    """Register somebody, and have the client ask as them."""
    form = {"email": f"{name}@example.com", "name": name.title(), "password": PASSWORD}
    answer = await client.post("/auth/register", json=form)
    assert answer.status_code == 201, answer.text
    client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    user: dict[str, Any] = answer.json()["user"]
    return user


async def owner(client: httpx.AsyncClient, name: str, project: str) -> Owner:
    """Register somebody, and make a project of theirs."""
    user = await registered(client, name)
    made = await client.post("/projects", json={"name": project, "repo_url": REPOSITORY})
    assert made.status_code == 201, made.text
    return Owner(client, user, made.json())


async def token_of(app: Litestar, owner: Owner, *, whole_person: bool, scope: str = "admin") -> str:
    """Return a new API token of somebody, or of their project."""
    from controlplane.tokens import TokenDraft, TokenOwner, create_token

    of = TokenOwner(user_id=owner.user["id"]) if whole_person else TokenOwner(owner.id)  # type: ignore[arg-type]
    made = await create_token(app.state.database, of, TokenDraft("CI", scope))
    return made.plain


async def operator_token(app: Litestar, scope: str = "admin") -> str:
    """Return a new API token that reaches every project."""
    from controlplane.tokens import TokenDraft, TokenOwner, create_token

    made = await create_token(app.state.database, TokenOwner(), TokenDraft("ops", scope))
    return made.plain

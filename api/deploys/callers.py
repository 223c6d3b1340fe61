"""Who asks for deployments: who has signed in, or the holder of an API token; and what they may.

The API's own tokens are JWTs (`controlplane.logins`). They come in the header, or in `?token=`.
"""

from typing import Literal, cast

from msgspec import Struct

from api.auth import AnyRequest, client_address, services
from api.declared import reject_unknown
from api.local_peers import is_forwarded
from api.parameters import values_of
from api.rates import Rates
from controlplane.api_tokens import TokenHolder, check_scope, is_api_token, project_for
from controlplane.deploys.audit import Actor
from controlplane.deploys.rights import DeployBy, refuse_deploying
from controlplane.deploys.rows import Reach
from controlplane.failures import Forbidden, NotFound, Unauthorized
from controlplane.logins import find_login
from controlplane.projects import Access, enter_project
from controlplane.sessions import SignedIn
from schemas.connections import AUTHENTICATED
from schemas.projects import ProjectId, TokenScope, UserId

NOBODY = "authorization required"
BAD_HEADER = "invalid authorization format, expected: Bearer <token>"
BAD_TOKEN = "invalid or expired token"
NO_PROJECT = "project not found"
Needs = Literal["member", "admin"]
SCOPES: dict[Needs, TokenScope] = {"member": "write", "admin": "admin"}
"""What a token needs for what members, or admins, may change."""


class DeployRules(Struct, frozen=True):
    """Who may run code here: what the state has as `deploy_rules`."""

    by: DeployBy
    is_default: bool
    """Whether no setting says so: then requests that come through a proxy are strangers'."""


class Caller(Struct, frozen=True):
    """Who asks: a person who has signed in, or the holder of an API token."""

    session: SignedIn | None
    holder: TokenHolder | None

    @property
    def user_id(self) -> UserId | None:
        """The person; `None` for a project's token, and for the operator's."""
        if self.session is not None:
            return self.session.account.user_id
        return None if self.holder is None else self.holder.user_id

    @property
    def is_operator(self) -> bool:
        """Whether it is the operator's token, which reaches every project."""
        holder = self.holder
        return holder is not None and holder.user_id is None and holder.project_id is None

    @property
    def author(self) -> str:
        """Who it is, in words."""
        if self.session is not None:
            return self.session.account.email
        return "" if self.holder is None else f"token {self.holder.name}"

    @property
    def looks_in(self) -> Reach | None:
        """Where a thing is looked for whose id they know; `None`, for the operator: anywhere."""
        return None if self.is_operator else self.reach

    @property
    def reach(self) -> Reach:
        """Whose things they may ask for. The operator's token has to name a project."""
        project_id = None if self.holder is None else self.holder.project_id
        return Reach(self.user_id, project_id)


async def caller_in(request: AnyRequest, *, needs: TokenScope = "read") -> Caller:
    """Returns who asks, and counts the request. A token needs a scope.

    Raises `Unauthorized`, `Forbidden`, `TooManyRequests`, `InvalidParameters`.
    """
    header = request.headers.get("authorization")
    if header is None:
        plain, in_url = values_of(request).get("token", ""), True
        if not plain:
            raise Unauthorized(NOBODY)
    else:
        kind, _, plain = header.strip(" \t").partition(" ")
        plain, in_url = plain.strip(" \t"), False
        if kind.lower() != "bearer" or not plain or " " in plain:
            raise Unauthorized(BAD_HEADER)
    caller = await _known(request, plain, in_url=in_url)
    request.scope["state"][AUTHENTICATED] = True
    await _count(request, caller)
    if caller.holder is not None:
        check_scope(caller.holder, needs)
    reject_unknown(request)
    return caller


async def reached(
    request: AnyRequest, caller: Caller, project_id: str, *, needs: Needs | None = None
) -> ProjectId:
    """Returns the id of a project that somebody reaches; `None` needs no more than to see it.

    Raises `NotFound` for any other, `Forbidden` for who may not change it.
    """
    database = services(request).database
    if caller.holder is not None:
        scope = "read" if needs is None else SCOPES[needs]
        check_scope(caller.holder, scope)
        try:
            found = await project_for(database, caller.holder, project_id, needs="read")
        except Forbidden as error:  # a token of another project
            raise NotFound(NO_PROJECT) from error
        return _checked(found.access, needs)
    try:
        access = await enter_project(database, UserId(str(caller.user_id)), project_id)
    except Forbidden as error:
        raise NotFound(NO_PROJECT) from error
    return _checked(access, needs)


async def deploying(
    request: AnyRequest, caller: Caller, project_id: str, *, needs: Needs | None = None
) -> ProjectId:
    """As `reached`, for what runs code here, or changes what runs.

    Members may; admins alone where the setting says so. `needs` asks for more.
    """
    by = rule_for(request)
    found = await reached(
        request, caller, project_id, needs=needs or ("admin" if by == "admins" else "member")
    )
    await refuse_strangers(request, caller)
    return found


async def refuse_strangers(request: AnyRequest, caller: Caller) -> None:
    """Raises `Forbidden` for who may run nothing on this installation."""
    if not caller.is_operator:
        await refuse_deploying(services(request).database, rule_for(request), caller.user_id)


def rule_for(request: AnyRequest) -> DeployBy:
    """Returns who may run code here, as far as this request goes."""
    rules = cast("DeployRules", request.app.state.deploy_rules)
    if rules.is_default and is_forwarded(request.headers):
        return "admins"
    return rules.by


def actor_of(request: AnyRequest, caller: Caller) -> Actor:
    """Returns whom the audit log names."""
    agent = request.headers.get("user-agent", "")
    address, project_id = client_address(request), caller.reach.project_id
    return Actor(caller.user_id, caller.author, address, agent, project_id)


def _checked(access: Access, needs: Needs | None) -> ProjectId:
    if needs == "admin" and access.role != "admin":
        raise Forbidden("Forbidden: admin role required for this operation")
    return access.project.project_id


async def _known(request: AnyRequest, plain: str, *, in_url: bool) -> Caller:
    state = services(request)
    if is_api_token(plain) and not in_url:
        try:
            return Caller(None, await state.api_tokens.holder_of(f"Bearer {plain}"))
        except Unauthorized as error:
            raise Unauthorized(BAD_TOKEN) from error
    session = await find_login(state.database, state.vault, plain)
    if session is None:
        raise Unauthorized(BAD_TOKEN)
    return Caller(session, None)


async def _count(request: AnyRequest, caller: Caller) -> None:
    """Counts by person, whatever token they use: nobody has more by making more of them."""
    rates = cast("Rates", request.app.state.deploy_rates)
    holder = caller.holder
    await rates.take(caller.user_id or (holder.token_id if holder is not None else ""))

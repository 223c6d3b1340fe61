"""`/api/v1/domains`: names of hosts for apps. A name leads to an app once its owner has proved it.

How a name is checked and a proof is looked for is the state's: `check_domain`, `prove_domain`.
"""

from typing import cast

from litestar import delete, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from api.auth import AnyRequest, services
from api.deploys.bodies import body_of
from api.deploys.callers import Caller, actor_of, caller_in, deploying
from api.deploys.described import by_login
from controlplane.deploys.domains import (
    Domain,
    add_domain,
    get_domain,
    list_domains,
    note_proof,
    remove_domain,
)
from controlplane.deploys.reaching import project_of_domain
from controlplane.deploys.rows import Reach
from controlplane.failures import BadRequest
from schemas.deploys.answers import DnsRecord, DomainRow, DomainRows, Said
from schemas.deploys.domains import CHALLENGE_LABEL, CHALLENGE_PATH
from schemas.deploys.examples import DOMAIN
from schemas.deploys.forms import DomainForm
from schemas.deploys.proofs import CheckDomain, ProveDomain
from schemas.times import iso_ms

ONE = "/domains/{domain_id:str}"


@post(
    "/domains",
    status_code=HTTP_201_CREATED,
    summary="Add a domain to a project",
    opt=by_login(body=DomainForm, example=DOMAIN, errors=(404, 409)),
)
async def create_domain(request: AnyRequest) -> DomainRow:
    """Ask for a name, for admins. The answer says what proves whose it is."""
    caller = await caller_in(request, needs="admin")
    form = await body_of(request, DomainForm)
    check = cast("CheckDomain", request.app.state.check_domain)
    try:
        name = check(form.domain)
    except ValueError as error:
        raise BadRequest(f"domain: {error}") from error
    owner = await deploying(request, caller, form.project_id, needs="admin")
    database = services(request).database
    return _row(await add_domain(database, actor_of(request, caller), owner, name))


@get("/domains", summary="List your domains", opt=by_login())
async def list_all_domains(request: AnyRequest) -> DomainRows:
    """Return the domains of the projects of whoever asks, the newest first."""
    caller = await caller_in(request)
    found = await list_domains(services(request).database, caller.reach)
    return DomainRows([_row(one) for one in found])


@delete(ONE, status_code=HTTP_200_OK, summary="Remove a domain", opt=by_login())
async def delete_domain(request: AnyRequest, domain_id: FromPath[str]) -> Said:
    """Remove a domain, for admins: it leads nowhere from now on, and may be added again."""
    caller = await caller_in(request, needs="admin")
    reach = await _reach(request, caller, domain_id)
    await remove_domain(services(request).database, actor_of(request, caller), (reach, domain_id))
    return Said("domain removed")


@post(
    f"{ONE}/verify",
    status_code=HTTP_200_OK,
    summary="Verify who owns a domain",
    opt=by_login(errors=(409,)),
)
async def verify_domain(request: AnyRequest, domain_id: FromPath[str]) -> DomainRow:
    """Look for the token now, in DNS and on the site, for admins, and keep what is found."""
    caller = await caller_in(request, needs="admin")
    reach = await _reach(request, caller, domain_id)
    database = services(request).database
    domain = await get_domain(database, reach, domain_id)
    prove = cast("ProveDomain", request.app.state.prove_domain)
    proof = await prove(domain.domain, domain.token)
    of = (reach, domain_id)
    return _row(await note_proof(database, actor_of(request, caller), of, proof))


HANDLERS = (create_domain, list_all_domains, delete_domain, verify_domain)


async def _reach(request: AnyRequest, caller: Caller, domain_id: str) -> Reach:
    """Returns a reach that holds the domain, if whoever asks may change it."""
    owner = await project_of_domain(services(request).database, caller.looks_in, domain_id)
    return Reach(project_id=await deploying(request, caller, owner, needs="admin"))


def _row(one: Domain) -> DomainRow:
    return DomainRow(
        id=one.id,
        created_at=iso_ms(one.created_us),
        updated_at=iso_ms(one.updated_us),
        project_id=one.project_id,
        user_id=one.user_id,
        domain=one.domain,
        verified=one.is_verified,
        # Certificates are those of the proxy in front.
        ssl_enabled=False,
        verified_at=None if one.verified_us is None else iso_ms(one.verified_us),
        checked_at=None if one.checked_us is None else iso_ms(one.checked_us),
        found=one.found,
        dns_record=DnsRecord("TXT", f"{CHALLENGE_LABEL}.{one.domain}", one.token),
        file_path=f"{CHALLENGE_PATH}{one.token}",
        file_content=one.token,
    )

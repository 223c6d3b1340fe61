"""Names of hosts for an app: asked for, proved by DNS or by their site, and then led to it."""

from collections.abc import Mapping
from typing import Any, cast

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.deploys.allowed import actor_of, changers_only, reach_of, refusal_of
from api.pages.forms import Problem, fields_of
from api.pages.render import address_of, page
from api.pages.viewer import NoSuchPage, Viewed, Viewer
from controlplane.deploys.domains import (
    add_domain,
    get_domain,
    list_domains,
    note_proof,
    remove_domain,
)
from controlplane.failures import BadRequest, Conflict, NotFound
from schemas.deploys.domains import CHALLENGE_LABEL, CHALLENGE_PATH
from schemas.deploys.proofs import CheckDomain, ProveDomain

DOMAINS = "/deploys/domains"
ONE = f"{DOMAINS}/{{domain_id:str}}"


@get(DOMAINS, include_in_schema=False)
async def domains_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the names of an app, with what proves whose each is."""
    return await _shown(request, viewer)


@post(DOMAINS, include_in_schema=False, status_code=200)
async def ask_for_domain(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Ask for a name."""
    await changers_only(request, viewer)
    typed = await fields_of(request)
    check = cast("CheckDomain", request.app.state.check_domain)
    try:
        name = check(typed.get("domain", ""))
        actor, project_id = actor_of(request, viewer), viewer.project.project_id
        await add_domain(services(request).database, actor, project_id, name)
    except (ValueError, BadRequest, Conflict) as error:
        told = str(error)
        problem = Problem(f"{told[:1].upper()}{told[1:]}.", "domain")
        return await _shown(request, viewer, typed=typed, problem=problem)
    return to_domains(request)


@post(f"{ONE}/verify", include_in_schema=False, status_code=200)
async def verify_domain(
    request: AnyRequest, viewer: Viewed, domain_id: FromPath[str]
) -> Response[Any]:
    """Look now for what proves whose a name is, and keep what is found."""
    await changers_only(request, viewer)
    database, reach = services(request).database, reach_of(viewer)
    prove = cast("ProveDomain", request.app.state.prove_domain)
    try:
        one = await get_domain(database, reach, domain_id)
        proof = await prove(one.domain, one.token)
        await note_proof(database, actor_of(request, viewer), (reach, domain_id), proof)
    except NotFound as error:
        raise NoSuchPage from error
    except Conflict as error:
        return await _shown(request, viewer, problem=Problem(f"{error.message}."))
    return to_domains(request)


@post(f"{ONE}/remove", include_in_schema=False, status_code=200)
async def drop_domain(
    request: AnyRequest, viewer: Viewed, domain_id: FromPath[str]
) -> Response[Any]:
    """Remove a name: it leads to the app no more."""
    await changers_only(request, viewer)
    of = (reach_of(viewer), domain_id)
    try:
        await remove_domain(services(request).database, actor_of(request, viewer), of)
    except NotFound as error:
        raise NoSuchPage from error
    return to_domains(request)


def to_domains(request: AnyRequest) -> Redirect:
    """Sends the browser to the list."""
    return Redirect(address_of(request).page("deploys/domains"), status_code=303)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    typed: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    return await page(
        request,
        "deploys/domains.html",
        status_code=400 if problem else 200,
        domains=await list_domains(services(request).database, reach_of(viewer)),
        label=CHALLENGE_LABEL,
        path=CHALLENGE_PATH,
        is_pointed=_is_pointed(request),
        typed=typed or {},
        problem=problem,
        zone=viewer.project.time_zone,
        refusal=await refusal_of(request, viewer),
    )


def _is_pointed(request: AnyRequest) -> bool:
    """Tells whether it is enough that a domain leads here."""
    traffic = getattr(request.app.state, "traffic", None)
    return traffic is not None and traffic.is_claimed is not None


HANDLERS = (domains_page, ask_for_domain, verify_domain, drop_domain)

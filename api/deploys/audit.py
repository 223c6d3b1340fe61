"""`/api/v1/audit`: what whoever asks has changed, and tokens that are no person's."""

from typing import Annotated

from litestar import get
from msgspec import Meta, Struct

from api.auth import AnyRequest, services
from api.deploys.callers import caller_in
from api.deploys.described import by_login
from api.parameters import Offset, read, values_of
from controlplane.api_tokens import check_scope
from controlplane.deploys.audit import Line, Readers, list_lines
from schemas.deploys.answers import AuditRow, AuditRows
from schemas.times import iso_ms

MOST = 200


class AuditQuery(Struct, frozen=True, kw_only=True):
    """Which part of the list."""

    limit: Annotated[int, Meta(ge=0)] = 50
    """More than 200 is 200."""
    offset: Offset = 0


@get("/audit", summary="List what you have changed", opt=by_login(AuditQuery))
async def list_audit(request: AnyRequest) -> AuditRows:
    """Return what whoever asks has changed, the newest first; no line holds a value.

    With it what project tokens have changed: of the projects that they are an admin of.
    """
    caller = await caller_in(request)
    if caller.holder is not None and caller.user_id is None:
        check_scope(caller.holder, "admin")
    readers = Readers(caller.user_id, caller.reach.project_id)
    query = read(values_of(request), AuditQuery)
    limit, database = min(query.limit, MOST), services(request).database
    found = await list_lines(database, readers, limit=limit, offset=query.offset)
    return AuditRows([_row(one) for one in found])


HANDLERS = (list_audit,)


def _row(one: Line) -> AuditRow:
    return AuditRow(
        id=one.id,
        created_at=iso_ms(one.created_us),
        updated_at=iso_ms(one.created_us),
        user_id=one.user_id,
        author=one.author,
        action=one.action,
        resource=one.resource,
        resource_id=one.resource_id,
        metadata=one.details,
        ip_addr=one.ip_address,
        user_agent=one.user_agent,
    )

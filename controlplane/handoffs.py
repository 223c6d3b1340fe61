"""Sign-ins handed from a CLI to a browser on one machine: short, used once, in memory."""

import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import select

from controlplane.accounts import insert_user
from controlplane.crypto import hash_token
from controlplane.database import Database
from controlplane.lookups import find_user, live_project
from controlplane.models import Membership
from schemas.projects import ProjectId, UserId

HANDOFF_LIFETIME_S = 120.0
MAX_HANDOFFS = 1_000

# No email on purpose: nobody can sign up, be added or sign in under this name.
LOCAL_OPERATOR = "local-operator"


class Handoff(NamedTuple):
    """Who is to be signed in, and where the browser goes next."""

    user_id: UserId
    redirect_url: str


class Handoffs:
    """The hand-overs that wait for their browser; one per process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: dict[str, tuple[Handoff, float]] = {}  # in order of expiry

    def offer(self, handoff: Handoff) -> str:
        """Keep a hand-over and return its token of 32 hex digits."""
        self._drop_expired()
        while len(self._waiting) >= MAX_HANDOFFS:
            del self._waiting[next(iter(self._waiting))]
        token = secrets.token_hex(16)
        self._waiting[hash_token(token)] = (handoff, self._clock() + HANDOFF_LIFETIME_S)
        return token

    def redeem(self, token: str) -> Handoff | None:
        """Return the hand-over of a token, once; `None` when it is unknown, used or over."""
        self._drop_expired()
        entry = self._waiting.pop(hash_token(token), None)
        return None if entry is None else entry[0]

    def _drop_expired(self) -> None:
        now_s = self._clock()
        while self._waiting:
            oldest = next(iter(self._waiting))
            if self._waiting[oldest][1] > now_s:
                return
            del self._waiting[oldest]


async def local_admin(database: Database, project_id: ProjectId) -> UserId:
    """Return the longest-standing admin of a project, for a holder of its key on this machine.

    A project that was seeded without a user has none: the local operator becomes its admin.
    """
    query = (
        select(Membership.user_id)
        .where(Membership.role == "admin")
        .order_by(Membership.created_at, Membership.id)
        .limit(1)
    )
    async with database.session() as session:
        project = await live_project(session, project_id)
        admin_id = await session.scalar(query.where(Membership.project_id == project.id))
        if admin_id is None:
            operator = await find_user(session, LOCAL_OPERATOR)
            if operator is None:
                operator = await insert_user(
                    session, "Local operator", LOCAL_OPERATOR, password_hash=None
                )
            session.add(Membership(user_id=operator.id, project_id=project.id, role="admin"))
            admin_id = operator.id
    return UserId(str(admin_id))

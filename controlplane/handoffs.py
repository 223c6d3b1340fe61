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


async def local_operator(database: Database, project_id: ProjectId) -> UserId:
    """Return the user whom a project's key signs in on this machine: an admin of it alone.

    A key opens one project, so it must not sign in a person, who may have others. Made on first
    use, and again an admin after being taken out of the project. Raises `NotFound`.
    """
    async with database.session() as session:
        project = await live_project(session, project_id)
        # Two sign-ins at once would both find nobody; SQLite has let in one writer only.
        await session.refresh(project, with_for_update=True)
        email = operator_email(project_id)
        operator = await find_user(session, email)
        if operator is None:
            operator = await insert_user(session, "Local operator", email, password_hash=None)
        query = select(Membership.id).where(
            Membership.user_id == operator.id, Membership.project_id == project.id
        )
        if await session.scalar(query) is None:
            session.add(Membership(user_id=operator.id, project_id=project.id, role="admin"))
        return UserId(str(operator.id))


def operator_email(project_id: ProjectId) -> str:
    """Return what stands for the email of a project's local operator.

    It is none on purpose: nobody can sign up, be added to a project or sign in under it.
    """
    return f"{LOCAL_OPERATOR}:{project_id}"

"""Handles that outlive a request: what SET, USE and temporary tables of one client hold on to."""

import threading
import time
from collections.abc import Callable

from clickhouse.served.engine import Handle
from clickhouse.served.errors import refusal
from clickhouse.served.rights import Rights
from sluice.warehouse.users import User

SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
TOO_MANY = 202
DEFAULT_IDLE_S = 60
MAX_IDLE_S = 3600
Key = tuple[str, Rights, str]
"""A user has others for what may only read: those of a GET."""


class Session:
    """A handle with the time until which nobody need ask for it."""

    def __init__(self, key: Key, handle: Handle, idle_s: int) -> None:
        self.key = key
        self.handle = handle
        self.idle_s = idle_s
        self.expires_at = 0.0
        self.busy = True


class Sessions:
    """The sessions of all users, bounded in number and in idle time. Safe to call from threads."""

    def __init__(
        self, open_handle: Callable[[Rights], Handle], *, limit: int, now: Callable[[], float]
    ) -> None:
        self._open_handle = open_handle
        self._limit = limit
        self._now = now
        self._sessions: dict[Key, Session] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._sessions)

    def take(self, user: User, name: str, idle_s: int, *, must_exist: bool) -> Session:
        """Lends a session for one call. Raises `EngineError` where that cannot be."""
        self.sweep()
        key = (user.name, user.rights, name)
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                return self._begin(key, idle_s, must_exist)
            if session.busy:
                raise refusal(SESSION_IS_LOCKED, "SESSION_IS_LOCKED", f"Session {name} is in use.")
            session.busy, session.idle_s = True, idle_s
            return session

    def _begin(self, key: Key, idle_s: int, must_exist: bool) -> Session:
        _, rights, name = key
        if must_exist:
            raise refusal(SESSION_NOT_FOUND, "SESSION_NOT_FOUND", f"Session {name} not found.")
        if len(self._sessions) >= self._limit:
            raise refusal(
                TOO_MANY, "TOO_MANY_SIMULTANEOUS_QUERIES", f"Too many sessions: {self._limit}."
            )
        session = self._sessions[key] = Session(key, self._open_handle(rights), idle_s)
        return session

    def give_back(self, session: Session) -> None:
        """Takes a session back whose call has ended well."""
        with self._lock:
            session.busy, session.expires_at = False, self._now() + session.idle_s

    def end(self, session: Session) -> None:
        """Ends a session: its handle failed, and must not be asked again."""
        with self._lock:
            self._sessions.pop(session.key, None)
        session.handle.close()

    def sweep(self) -> None:
        """Ends the sessions that nobody asked for in time."""
        now = self._now()
        with self._lock:
            old = [s for s in self._sessions.values() if not s.busy and s.expires_at <= now]
            for session in old:
                del self._sessions[session.key]
        for session in old:
            session.handle.close()

    def close(self) -> None:
        """Ends every session. No call may be running."""
        with self._lock:
            sessions = list(self._sessions.values())
            self._sessions.clear()
        for session in sessions:
            session.handle.close()


def monotonic_sessions(open_handle: Callable[[Rights], Handle], limit: int) -> Sessions:
    """Returns sessions on the clock of this process."""
    return Sessions(open_handle, limit=limit, now=time.monotonic)

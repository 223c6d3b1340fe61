"""Sessions: from what the log holds to rows. Pure.

Sources: as `ingest/errors/sessions.py`. Rules:

1. The update of the greatest `seq` says what became of a session. The first one (`init`) has seq 0;
   where an SDK sends none, it is the milliseconds of the update's `timestamp`.
2. Who crashed had an error, and so had who ended in a way that we do not know.
3. Of whom a session was is kept as a hash of project and `did`. An id of zeros is nobody's.
4. A clock that is wrong is corrected as for events (`moments.py`). When a session started is never
   moved otherwise, for it is the same in all updates: what started over 30 days before it came, or
   over an hour after, is no row.
"""

from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from processors.columns import Unfit
from processors.errors.moments import MAX_AGE_US, drift_us, moment_us
from processors.errors.parts import scalar_text
from schemas.errors.sent import SentItem
from schemas.errors.session import COUNTED, MAX_RELEASE_CHARS, STATUSES, SessionRow, SessionStatus
from schemas.persons import session_person
from schemas.projects import ProjectId
from schemas.zones import HOUR_US

MAX_COUNT = 1_000_000_000
MAX_SEQ = (1 << 63) - 1
MAX_NAME_CHARS = 200
MAX_DURATION_S = 1e9
SAYS_MORE: dict[str, SessionStatus] = {status: status for status in STATUSES}


class _Attributes(Struct, gc=False):
    release: Any = None
    environment: Any = None


class _Session(Struct, gc=False):
    attrs: _Attributes
    started: Any = None
    sid: Any = None
    did: Any = None
    seq: Any = None
    init: Any = None
    timestamp: Any = None
    duration: Any = None
    status: Any = None
    errors: Any = None
    aggregates: list["_Group"] | None = None


class _Group(Struct, gc=False):
    started: Any = None
    did: Any = None
    exited: Any = 0
    errored: Any = 0
    unhandled: Any = 0
    abnormal: Any = 0
    crashed: Any = 0


_decode = msgspec.json.Decoder(_Session).decode


def session_row(
    sent: SentItem, item_id: str, *, project_id: ProjectId, received_at_us: int
) -> SessionRow:
    """Reads an update or a sum of one group. Raises `Unfit`."""
    try:
        read = _decode(sent.item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unfit(f"not a session: {error}") from error
    release = _name(read.attrs.release, MAX_RELEASE_CHARS)
    if not release:
        raise Unfit("not a session: attrs.release is no text")
    group = read.aggregates[0] if read.aggregates else None
    shift_us = drift_us(sent.head.sent_at, received_at_us)
    whose = read.did if group is None else group.did
    timestamp = moment_us(read.timestamp)
    status = _status(read.status)
    return SessionRow(
        update_id=item_id,
        session_id="" if group else session_id_of(read.sid) or item_id,
        seq=_seq(read, timestamp, received_at_us),
        started_us=_started(group.started if group else read.started, shift_us, received_at_us),
        timestamp_us=received_at_us if timestamp is None else timestamp + shift_us,
        status=status,
        has_errors=_count(read.errors) > 0 or status not in ("ok", "exited"),
        duration_s=_duration(read.duration),
        release=release,
        environment=_name(read.attrs.environment, MAX_NAME_CHARS) or sent.head.environment,
        sdk=sent.head.sdk[:MAX_NAME_CHARS],
        person=person_of(project_id, whose),
        **({name: _count(getattr(group, name)) for name in COUNTED} if group else {}),
    )


def session_id_of(sid: object) -> str:
    """Returns an id as 32 hex digits: a UUID as it is, of any other text a hash of it."""
    text = (scalar_text(sid) or "").replace("-", "").lower() if sid is not None else ""
    if not text.strip("0"):
        return ""
    if len(text) == 32 and not text.strip("0123456789abcdef"):
        return text
    return sha256(text.encode()).hexdigest()[:32]


def person_of(project_id: ProjectId, did: object) -> int:
    """Returns by what a person is counted; 0 for nobody."""
    text = "" if did is None else (scalar_text(did) or "").strip()
    if not text.replace("-", "").strip("0"):
        return 0
    return session_person(project_id, text)


def _seq(read: _Session, timestamp_us: int | None, received_at_us: int) -> int:
    if read.init is True:
        return 0
    if isinstance(read.seq, int) and not isinstance(read.seq, bool) and 0 <= read.seq <= MAX_SEQ:
        return read.seq
    return max((received_at_us if timestamp_us is None else timestamp_us) // 1000, 0)


def _started(value: object, shift_us: int, received_at_us: int) -> int:
    began = moment_us(value)
    if began is None:
        raise Unfit("not a session: started is no moment")
    began += shift_us
    if not received_at_us - MAX_AGE_US <= began <= received_at_us + HOUR_US:
        raise Unfit("session started over 30 days before it came, or over an hour after")
    return began


def _status(value: object) -> SessionStatus:
    return "ok" if value is None else SAYS_MORE.get(str(value), "errored")


def _count(value: object) -> int:
    return min(max(value, 0), MAX_COUNT) if type(value) is int else 0


def _duration(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= MAX_DURATION_S else None


def _name(value: object, most: int) -> str:
    return value.strip()[:most] if isinstance(value, str) else ""

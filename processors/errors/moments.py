"""When an event happened, by clocks that may be wrong.

The rules are those of Sentry Relay (relay-event-normalization, `clock_drift.rs` and
`normalize_timestamps`; the constants are those of relay-server and of Sentry):

1. The sender's clock is believed unless it differs from ours by 55 minutes or more when the event
   is sent. Then the difference is added to every moment of the event. So time zones that were
   forgotten are found, and a slow network changes nothing.
2. An event that still lies more than 60 seconds in the future, or more than 30 days back, is moved
   to the time of its arrival, and all its moments with it.
3. A moment that is missing or cannot be read is the time of arrival.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from processors.errors.parts import Problems, note
from schemas.times import EARLIEST, EPOCH, LATEST, MICROSECOND

MIN_DRIFT_US = 55 * 60 * 1_000_000
MAX_AHEAD_US = 60 * 1_000_000
MAX_AGE_US = 30 * 86_400 * 1_000_000
MILLISECONDS_FROM = 1e11
"""A number above this is no second within 3,000 years: it counts milliseconds."""
LARGEST = 1e15
FIRST_US, LAST_US = (EARLIEST - EPOCH) // MICROSECOND, (LATEST - EPOCH) // MICROSECOND


class Moment(NamedTuple):
    """When an event happened, and by how much all its moments are moved."""

    at_us: int
    shift_us: int


def moment_us(value: object) -> int | None:
    """Reads a moment: seconds since 1970, as a number or text, or ISO 8601, without a zone in UTC.

    `None` for what is none, and for what no store could hold.
    """
    if type(value) is float or type(value) is int:
        return _of_number(value)
    if isinstance(value, str):
        return _of_text(value)
    return of_datetime(value) if isinstance(value, datetime) else None


def of_datetime(moment: datetime) -> int | None:
    """Returns the microseconds since 1970 of a moment, without a zone in UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    at = (moment - EPOCH) // MICROSECOND
    return at if FIRST_US <= at <= LAST_US else None


def settle(value: object, sent_at: str, received_at_us: int, problems: Problems) -> Moment:
    """Works out when an event happened, by the rules above."""
    shift = drift_us(sent_at, received_at_us)
    if shift:
        note(problems, "timestamp: the sender's clock was wrong, corrected by when it sent")
    read = moment_us(value)
    if read is None:
        if value is not None:
            note(problems, "timestamp: cannot be read, the time of arrival is used")
        return Moment(received_at_us, shift)
    at = read + shift
    if at > received_at_us + MAX_AHEAD_US:
        note(problems, "timestamp: lay in the future, the time of arrival is used")
    elif at < received_at_us - MAX_AGE_US:
        note(problems, "timestamp: over 30 days old, the time of arrival is used")
    else:
        return Moment(at, shift)
    return Moment(received_at_us, received_at_us - read)


def drift_us(sent_at: str, received_at_us: int) -> int:
    """Returns what has to be added to the moments of a sender whose clock is wrong (rule 1)."""
    sent = moment_us(sent_at) if sent_at else None
    if sent is None or abs(received_at_us - sent) < MIN_DRIFT_US:
        return 0
    return received_at_us - sent


def _of_number(value: float) -> int | None:
    if not -LARGEST < value < LARGEST:  # NaN is not
        return None
    moment = round(value * (1_000_000 if -MILLISECONDS_FROM < value < MILLISECONDS_FROM else 1_000))
    return moment if FIRST_US <= moment <= LAST_US else None


def _of_text(text: str) -> int | None:
    try:
        return of_datetime(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        pass
    try:
        return _of_number(float(text))
    except ValueError:
        return None

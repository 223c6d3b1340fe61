"""When a monitor is under maintenance, as its configuration says."""

from msgspec import Struct


class MaintenanceWindow(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Once, from `starts_at` to `ends_at`; or again and again, by `rrule` or `cron`."""

    starts_at: str | None = None
    """ISO 8601. With `rrule`: its first day and time, by the clocks of `timezone`."""
    ends_at: str | None = None
    rrule: str | None = None
    """RFC 5545: FREQ of DAILY, WEEKLY, MONTHLY or YEARLY."""
    cron: str | None = None
    """Five fields, the first of them one number."""
    duration_seconds: int | None = None
    """Of each of those that come again."""
    timezone: str = "UTC"

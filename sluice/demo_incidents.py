"""What the people of the demo's shop have said of its incidents, whom they have called, and its
public status page."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import Conflict
from controlplane.uptime.backdating import PastLine, backdate_incidents, tell_past
from controlplane.uptime.policies import add_policy
from controlplane.uptime.status_pages import add_page, list_pages
from ingest.uptime.demo import (
    CHECKOUT,
    DAY_US,
    HOUR_US,
    MINUTE_US,
    PAYMENTS,
    POLICY,
    SHOP,
    Watched,
)
from schemas.projects import ProjectId
from schemas.uptime.escalation import PolicyForm, PolicyStep

SLUG, TITLE = "demo-shop", "Shop status"
# Channels that are not there: nobody is told of what a demo makes up.
ONCALL = PolicyForm(
    name=POLICY,
    steps=[
        PolicyStep(notifications=["channel:on-call"]),
        PolicyStep(after_seconds=900, notifications=["channel:on-call", "channel:team-leads"]),
    ],
    repeat_count=2,
)
NOTED_AFTER_US = 12_000_000
"""How long after its slot a second failure is known."""
MAYA, JO = "maya@shop.example", "jo@shop.example"


class Place(NamedTuple):
    """Where the demo's monitors are kept."""

    database: Database
    vault: Vault
    project_id: ProjectId


async def tell(place: Place, watched: Watched, monitor_id: str, end_us: int) -> None:
    """Tells of a monitor's incidents as those did who had them."""
    ids = await backdate_incidents(place.database, place.project_id, monitor_id, NOTED_AFTER_US)
    if watched.name == PAYMENTS:
        at_us = end_us - 2 * HOUR_US
        await tell_past(place.database, ids[0], JO, _payments(at_us))
    if watched.name == CHECKOUT:
        begin_us = end_us - int(12.2 * DAY_US)
        await tell_past(place.database, ids[1], MAYA, _checkout(begin_us))


def _payments(at_us: int) -> Sequence[PastLine]:
    public = "Payments by card do not work for now. We are in touch with our payment provider."
    return (
        PastLine("acknowledged", at_us, JO, "The provider has confirmed it", public),
        PastLine(
            "noted",
            at_us + 50 * MINUTE_US,
            JO,
            "Their ticket is PSP-4411",
            "Our provider has found the cause. You can pay by bank transfer meanwhile.",
        ),
    )


def _checkout(begin_us: int) -> Sequence[PastLine]:
    return (
        PastLine(
            "acknowledged",
            begin_us + 6 * MINUTE_US,
            MAYA,
            "The pool of connections is used up since the deployment",
            "We have found the cause, and go back to the version before.",
        ),
        PastLine(
            "noted",
            begin_us + 75 * MINUTE_US,
            MAYA,
            "Rolled back",
            "The checkout works again. Orders that were begun are kept.",
        ),
    )


async def escalate(place: Place) -> None:
    """Makes the policy that monitors name, unless there is one."""
    with contextlib.suppress(Conflict):
        await add_policy(*place, ONCALL)


async def publish(place: Place, monitor_ids: Mapping[str, str]) -> str:
    """Publishes a page of the monitors, by their names, unless there is one; returns its slug."""
    pages = await list_pages(place.database, place.project_id)
    if pages:
        return pages[0].config.slug
    groups: dict[str, list[dict[str, str]]] = {}
    for watched in SHOP:
        one = {"monitor_id": monitor_ids[watched.name], "name": watched.public_name}
        groups.setdefault(watched.group, []).append(one)
    page = {
        "title": TITLE,
        "slug": SLUG,
        "description": "How the shop of this demo is. None of it is real.",
        "home_url": "https://shop.example",
        "groups": [{"name": name, "monitors": some} for name, some in groups.items()],
        "published": True,
        "shows_response_times": True,
    }
    try:
        made = await add_page(place.database, place.project_id, page)
    except Conflict:  # somebody else has the address
        own = {**page, "slug": f"{SLUG}-{place.project_id[:8]}"}
        made = await add_page(place.database, place.project_id, own)
    return made.config.slug

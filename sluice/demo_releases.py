"""The releases of the demo as a build would tell of them: commits, and where they were deployed."""

import hashlib
from datetime import UTC, datetime, timedelta

from controlplane.database import Database
from controlplane.errors.release_changes import add_deployment, save_release
from controlplane.errors.release_details import list_deployments
from ingest.errors.demo import LONGEST_DAYS
from ingest.errors.demo_around import FIRST_PART, LAST_HOURS, Release
from schemas.errors.releases import Commit, NewDeployment, ReleaseChange
from schemas.projects import ProjectId
from schemas.times import EPOCH, MICROSECOND

COMMITS = {
    Release.FIRST: ("Show parcels in the list of orders", "Renew the certificate of the bank"),
    Release.SECOND: ("Ask for a page of orders at a time", "Round prices as the bank does"),
    Release.LAST: (
        "Search the catalogue by category",
        "Take gift cards at the checkout",
        "Remember the basket of a guest",
    ),
}
AUTHORS = (("Ann Lee", "ann@shop.example"), ("Ben Ode", "ben@shop.example"))
URL = "https://git.shop.example/shop/releases/"
TOOK = timedelta(minutes=4)


async def set_releases(
    database: Database, project_id: ProjectId, until: datetime, days: int
) -> None:
    """Tells of the demo's releases. May be called again: deployments are noted once."""
    length = timedelta(days=min(days, LONGEST_DAYS))
    begins = {
        Release.FIRST: until - length,
        Release.SECOND: until - length * (1 - FIRST_PART),
        Release.LAST: until - timedelta(hours=LAST_HOURS),
    }
    for release, at in begins.items():
        at_us = (at.astimezone(UTC) - EPOCH) // MICROSECOND
        change = ReleaseChange(
            url=f"{URL}{release.value}",
            started_us=at_us,
            released_us=at_us,
            commits=_commits(release, at_us),
        )
        await save_release(database, project_id, release.named, change, by=None)
        if not await list_deployments(database, project_id, [release.named], limit=1):
            for environment, before in (("staging", timedelta(hours=2)), ("production", TOOK)):
                finished_us = at_us - before // MICROSECOND
                deployed = NewDeployment(
                    environment=environment,
                    name=f"build {release.value}",
                    started_us=finished_us - TOOK // MICROSECOND,
                    finished_us=finished_us,
                )
                await add_deployment(database, project_id, release.named, deployed)


def _commits(release: Release, at_us: int) -> tuple[Commit, ...]:
    found = []
    for number, message in enumerate(COMMITS[release]):
        name, email = AUTHORS[number % len(AUTHORS)]
        found.append(
            Commit(
                sha=hashlib.sha1(message.encode(), usedforsecurity=False).hexdigest(),
                repository="shop/web",
                message=message,
                author_name=name,
                author_email=email,
                at_us=at_us - (number + 1) * (timedelta(hours=3) // MICROSECOND),
            )
        )
    return tuple(found)

"""From what is known of releases and sessions to the answers of the API."""

from collections.abc import Mapping, Sequence

from api.errors.issue_answers import moment
from clickhouse.errors.session_health import Health, share
from schemas.errors.issues import ReleaseRow
from schemas.errors.release_answers import (
    CommitAnswer,
    DeploymentAnswer,
    HealthAnswer,
    HealthMoment,
    ReleaseDetails,
    ReleaseHealth,
)
from schemas.errors.releases import Commit, Deployment
from schemas.times import iso_ms

DIGITS = 4


def health_answer(health: Health) -> HealthAnswer:
    """Returns how sessions fared."""
    return HealthAnswer(
        health.sessions,
        health.healthy,
        health.errored,
        health.unhandled,
        health.abnormal,
        health.crashed,
        health.people,
        health.crashed_people,
        _rounded(health.crash_free_sessions),
        _rounded(health.crash_free_users),
    )


def release_healths(found: Mapping[str, Health], sessions: int) -> list[ReleaseHealth]:
    """Returns how the sessions of each release fared."""
    return [
        ReleaseHealth(version, _rounded(share(one.sessions, sessions)), health_answer(one))
        for version, one in found.items()
    ]


def health_moments(course: Mapping[int, Health]) -> list[HealthMoment]:
    """Returns how sessions fared over time."""
    return [HealthMoment(iso_ms(at), health_answer(one)) for at, one in course.items()]


def commit_answers(commits: Sequence[Commit]) -> list[CommitAnswer]:
    """Returns commits as they are answered."""
    return [
        CommitAnswer(
            one.sha, one.repository, one.message, one.author_name, one.author_email,
            moment(one.at_us),
        )
        for one in commits
    ]  # fmt: skip


def deployment_answer(one: Deployment) -> DeploymentAnswer:
    """Returns a deployment as it is answered."""
    return DeploymentAnswer(
        one.id,
        one.version,
        one.environment,
        one.name,
        one.url,
        moment(one.started_us),
        iso_ms(one.finished_us),
    )


def release_details(
    row: ReleaseRow,
    commits: Sequence[Commit],
    deployments: Sequence[Deployment],
    counted: tuple[int, Health, int],
) -> ReleaseDetails:
    """Returns one release; `counted` are its new issues, its sessions and its events."""
    new_issues, health, events = counted
    return ReleaseDetails(
        version=row.version,
        status=row.status,
        first_seen=iso_ms(row.first_seen_us),
        last_seen=moment(row.last_seen_us),
        date_released=moment(row.released_us),
        ref=row.ref,
        url=row.url,
        environment=row.environment,
        new_issues=new_issues,
        commits=commit_answers(commits),
        deployments=[deployment_answer(one) for one in deployments],
        health=health_answer(health),
        events=events,
    )


def _rounded(percent: float | None) -> float | None:
    return None if percent is None else round(percent, DIGITS)

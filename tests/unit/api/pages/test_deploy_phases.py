"""How a deployment went, from its changes: phases, attempts, what it failed in."""

from typing import Any

import msgspec

from api.pages.deploys.phases import WHOLE, course_of
from schemas.deploys.deployments import Deployment, DeploymentEvent
from schemas.deploys.states import Phase, Status

SECOND_US = 1_000_000
BUILT: list[tuple[Status, Phase]] = [
    *(("queued", ""), ("building", ""), ("building", "fetch"), ("building", "build")),
    ("building", "switch"),
]


def deployment(status: Status, **more: Any) -> Deployment:
    fields = {
        **dict.fromkeys(Deployment.__struct_fields__, ""),
        **{"user_id": None, "source_id": None, "release_id": None, "superseded_by": None},
        **{"cancel_us": None, "origin": "api", "kind": "deploy", "attempt": 1, "port": 0},
        **{"build_only": False, "is_default": False, "created_us": 0, "updated_us": 0},
        **{"started_us": SECOND_US, "finished_us": None, "status": status, **more},
    }
    return msgspec.convert(fields, Deployment)


def events(*changes: tuple[Status, Phase]) -> list[DeploymentEvent]:
    """Returns changes, one a second."""
    return [
        DeploymentEvent(number, number * SECOND_US, status, phase, "", "")
        for number, (status, phase) in enumerate(changes)
    ]


def outcomes(one: Deployment, *changes: tuple[Status, Phase], now_s: int = 9) -> list[Any]:
    course = course_of(one, events(*changes), now_s * SECOND_US)
    return [(step.phase, step.word, step.took_ms) for step in course.steps]


def test_each_phase_lasts_until_the_next_change() -> None:
    one = deployment("running", finished_us=5 * SECOND_US)
    changes = (*BUILT, ("running", ""), ("stopped", ""))

    course = course_of(one, events(*changes), 60 * SECOND_US)

    assert [(step.phase, step.word, step.took_ms) for step in course.steps] == [
        ("fetch", "done", 1000),
        ("build", "done", 1000),
        ("switch", "done", 1000),
    ]
    assert (course.waited_ms, course.took_ms) == (1000, 4000)
    assert abs(sum(step.width for step in course.steps) - WHOLE) < 1e-6


def test_the_phase_that_a_deployment_is_in_goes_on_until_now() -> None:
    one = deployment("building")

    assert outcomes(one, *BUILT[:4])[-1] == ("build", "runs", 6000)
    # That it is to be cancelled is a change, and no end of its phase.
    assert outcomes(one, *BUILT[:4], ("building", "build"))[-1] == ("build", "runs", 6000)


def test_what_it_failed_or_was_cancelled_in_says_so() -> None:
    assert outcomes(deployment("failed"), *BUILT[:4], ("failed", "build"))[-1] == (
        *("build", "failed"),
        1000,
    )
    assert outcomes(deployment("cancelled"), *BUILT[:4], ("cancelled", "build"))[-1] == (
        *("build", "cancelled"),
        1000,
    )


def test_only_the_last_attempt_is_shown() -> None:
    again: list[tuple[Status, Phase]] = [("queued", ""), ("building", ""), ("building", "fetch")]

    assert outcomes(deployment("building", attempt=2), *BUILT, *again) == [("fetch", "runs", 2000)]


def test_one_that_waits_has_no_phases() -> None:
    course = course_of(deployment("queued", started_us=None), events(("queued", "")), SECOND_US)

    assert (course.waited_ms, course.took_ms, course.steps) == (None, None, [])

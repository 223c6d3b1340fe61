"""Previews by webhooks: of branches and of requests, and when they end."""

from typing import Any

import httpx
import pytest

from tests.integration.api_deploys.conftest import Owner
from tests.integration.api_deploys.hooks import (
    GONE,
    OTHER,
    SHA,
    deployments,
    hook_of,
    merge,
    pull,
    push,
    tell,
)


class TestPreviews:
    @pytest.fixture(autouse=True)
    async def previews(self, ann: Owner) -> None:
        await ann.http.put(f"/projects/{ann.id}", json={"previews": True})

    @pytest.mark.parametrize(
        ("branch", "environment"),
        [
            ("feature/x", "feature/x"),
            ("production", "branch-production"),
            ("pr-12", "branch-pr-12"),
        ],
    )
    async def test_another_branch_has_its_own_and_ends_with_it(
        self, ann: Owner, nobody: httpx.AsyncClient, branch: str, environment: str
    ) -> None:
        made = await hook_of(ann)

        opened = await tell(nobody, made, "push", push(branch))
        (found,) = await deployments(ann)
        ended = await tell(nobody, made, "push", push(branch, GONE, deleted=True))

        assert (opened.json()["action"], found["environment"]) == ("preview", environment)
        assert ended.json()["action"] == "ended"
        (found,) = await deployments(ann)
        assert found["status"] == "cancelled"

    @pytest.mark.parametrize(
        ("provider", "event", "opens", "closes"),
        [
            ("github", "pull_request", pull("opened"), pull("closed")),
            ("gitea", "pull_request", pull("synchronized"), pull("closed")),
            ("gitlab", "Merge Request Hook", merge("open"), merge("merge")),
        ],
    )
    async def test_a_request_has_the_one_of_its_branch_and_ends_it(
        self,
        ann: Owner,
        nobody: httpx.AsyncClient,
        provider: str,
        event: str,
        opens: Any,
        closes: Any,
    ) -> None:
        made = await hook_of(ann, provider)

        await tell(nobody, made, event, opens)
        (found,) = await deployments(ann)
        await tell(nobody, made, event, closes)

        assert (found["environment"], found["branch"]) == ("feature/x", "feature/x")
        assert (found["commit_sha"], found["commit_msg"]) == (OTHER, "Feature")
        (found,) = await deployments(ann)
        assert found["status"] == "cancelled"

    async def test_a_push_and_its_request_are_one_preview_and_the_newest_commit_wins(
        self, ann: Owner, nobody: httpx.AsyncClient
    ) -> None:
        made = await hook_of(ann)

        first = await tell(nobody, made, "push", push("feature/x", SHA), "1")
        pushed = await tell(nobody, made, "push", push("feature/x", OTHER), "2")
        asked = await tell(nobody, made, "pull_request", pull("synchronize"), "3")

        assert asked.json() == pushed.json()
        found = {one["id"]: one for one in await deployments(ann)}
        assert {one["environment"] for one in found.values()} == {"feature/x"}
        assert found[first.json()["deployment_id"]]["status"] == "cancelled"
        assert found[pushed.json()["deployment_id"]]["commit_sha"] == OTHER

        await ann.http.post(f"/deployments/{pushed.json()['deployment_id']}/cancel")
        again = await tell(nobody, made, "pull_request", pull("reopened"), "4")

        assert again.json()["deployment_id"] not in found

    async def test_a_request_of_production_s_branch_has_no_preview(
        self, ann: Owner, nobody: httpx.AsyncClient
    ) -> None:
        await ann.http.put(f"/projects/{ann.id}", json={"branch": "feature/x"})
        made = await hook_of(ann)
        await tell(nobody, made, "push", push("feature/x"))

        opened = await tell(nobody, made, "pull_request", pull("opened"))
        await tell(nobody, made, "pull_request", pull("closed"))

        assert opened.json()["action"] == "ignored"
        (found,) = await deployments(ann)
        assert (found["environment"], found["status"]) == ("production", "queued")

    @pytest.mark.parametrize(
        ("provider", "event", "told"),
        [
            ("github", "pull_request", pull("opened", head_repo=2)),
            ("gitea", "pull_request", pull("opened", head_repo=2)),
            ("gitlab", "Merge Request Hook", merge("open", source=2)),
        ],
    )
    async def test_the_code_of_strangers_is_never_deployed(
        self, ann: Owner, nobody: httpx.AsyncClient, provider: str, event: str, told: Any
    ) -> None:
        made = await hook_of(ann, provider)

        answer = await tell(nobody, made, event, told)

        assert answer.json()["action"] == "ignored"
        assert await deployments(ann) == []

    async def test_a_deleted_branch_ends_no_production(
        self, ann: Owner, nobody: httpx.AsyncClient
    ) -> None:
        made = await hook_of(ann)
        await tell(nobody, made, "push", push())

        await tell(nobody, made, "push", push("production", GONE, deleted=True))
        await tell(nobody, made, "push", push("main", GONE, deleted=True))

        (found,) = await deployments(ann)
        assert found["status"] == "queued"

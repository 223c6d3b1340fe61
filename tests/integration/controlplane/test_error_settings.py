"""How projects mask and group their errors, on both databases."""

import pytest

from controlplane.accounts import SignUp, sign_up
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.errors.settings import read_settings, write_settings
from controlplane.failures import NotFound
from controlplane.projects import create_project, delete_project
from processors.errors.settings import ErrorsSettings
from schemas.errors.grouping import FingerprintRule, GroupingConfig
from schemas.errors.masking import MaskRules, OwnPattern
from schemas.errors.settings import DEFAULT_SETTINGS, ProjectErrorsSettings
from schemas.projects import ProjectId

RULE = FingerprintRule((("type", "Timeout*"), ("tag.region", "eu")), ("timeouts",), "Slow")
SETTINGS = ProjectErrorsSettings(
    MaskRules(
        cards=False, ips=True, own_fields=("customer",), own_patterns=(OwnPattern("e", "E"),)
    ),
    GroupingConfig("open-sentry/v1", (RULE,)),
)


@pytest.fixture
async def project(database: Database, vault: Vault) -> ProjectId:
    person = await sign_up(database, vault, SignUp("Ann", "ann@example.com", "long enough pw", "A"))
    made = await create_project(database, vault, person.user_id, "Two")
    return made.project_id


class TestSettings:
    async def test_a_project_that_set_nothing_has_the_usual_ones(
        self, database: Database, project: ProjectId
    ) -> None:
        assert await read_settings(database, project) == DEFAULT_SETTINGS

    async def test_they_are_read_as_they_were_set(
        self, database: Database, project: ProjectId
    ) -> None:
        await write_settings(database, project, DEFAULT_SETTINGS)
        await write_settings(database, project, SETTINGS)

        assert await read_settings(database, project) == SETTINGS

    async def test_blanks_and_repetitions_are_taken_away(
        self, database: Database, project: ProjectId
    ) -> None:
        rules = MaskRules(own_fields=(" a ", "", "a", "b"))

        found = await write_settings(database, project, ProjectErrorsSettings(rules))

        assert found.masking.own_fields == ("a", "b")

    async def test_a_project_that_is_deleted_has_none(
        self, database: Database, project: ProjectId
    ) -> None:
        await delete_project(database, project)

        with pytest.raises(NotFound):
            await write_settings(database, project, SETTINGS)


class TestWhatTheStreamKnows:
    async def test_a_change_is_known_after_the_next_look_and_not_within_a_block(
        self, database: Database, project: ProjectId
    ) -> None:
        settings = ErrorsSettings(database)
        await settings.refresh()
        before = settings.current()

        await write_settings(database, project, SETTINGS)
        await settings.refresh()

        assert before.of(project) == DEFAULT_SETTINGS
        assert settings.of(project) == SETTINGS
        assert settings.of(ProjectId("00000000-0000-4000-8000-000000000000")) == DEFAULT_SETTINGS

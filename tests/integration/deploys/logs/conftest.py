"""A deployment of a project, and a host that lets it be read."""

import uuid

import pytest

from schemas.projects import ProjectContext, ProjectId
from tests.integration.deploys.logs.hosts import Host


@pytest.fixture
def deployment_id() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def host(deployment_id: str) -> Host:
    return Host(ProjectContext(ProjectId(str(uuid.uuid4()))), {deployment_id})

"""The project's own image, built once for a run, and what tests of containers share.

These tests run with `-m containers` alone: they build an image and start whole installations.
Where no registry of images can be reached, `make-images.sh` makes the images that they ask for.
"""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker import DockerClient

from tests.components.fixtures import require

ROOT = Path(__file__).resolve().parents[2]
TAG = "sluice:0.1.0"


@pytest.fixture(scope="session")
def docker_client(request: pytest.FixtureRequest) -> Iterator[DockerClient]:
    if request.config.option.markexpr != "containers":
        pytest.skip("builds images: only with -m containers")
    require("containers")
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(docker_client: DockerClient) -> str:
    """The tag of the image that the Dockerfile makes of this tree."""
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    command = ("docker", "build", "--quiet", "--tag", TAG, str(ROOT))
    built = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return TAG


@pytest.fixture
def volume(docker_client: DockerClient) -> Iterator[str]:
    """A volume of the test's own."""
    made = docker_client.volumes.create(f"sluice-tests-{uuid.uuid4().hex}")
    yield str(made.name)
    made.remove(force=True)

"""What a deployer is set up with."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

DriverName = Literal["process", "bubblewrap", "docker"]
MIB = 1 << 20
GIB = 1 << 30


class DeployerSettings(Struct, frozen=True, kw_only=True):
    """Each field has a default that works on a laptop, but for the folder."""

    folder: Path
    """Where copies of repositories, releases, caches and what runs are kept."""
    driver: DriverName = "process"
    """What isolates builds and apps from the rest of the machine."""
    private_allowed: bool = False
    """Whether repositories may be on private addresses, or folders of this machine."""
    hidden: tuple[Path, ...] = ()
    """Folders that no command in bubblewrap finds, beside `folder`: Sluice's own data."""
    cgroup_folder: Path | None = None
    """A cgroup that was delegated to Sluice. `None`: the one it runs in, if that is permitted."""
    docker_host: str = "unix:///var/run/docker.sock"
    """Where the engine of the driver docker answers."""
    docker_image: str = ""
    """Image in which the driver docker runs what has no Dockerfile. Empty: one of its language."""
    ssh_key_file: Path | None = None
    """A private key for repositories over SSH. `None`: those cannot be read."""

    ca_file: Path | None = None
    """Certificates, as PEM, that git believes in place of the system's."""

    fetch_seconds: Annotated[float, Meta(gt=0)] = 120
    """How long a fetch may take."""
    fetch_bytes: Annotated[int, Meta(ge=MIB)] = 1 * GIB
    """Of one fetch, and of the copy of a repository that is kept between builds."""
    fetch_memory_bytes: Annotated[int, Meta(ge=MIB)] = 1 * GIB
    """Of git and its helpers together, whatever the repository's server sends."""
    checkout_files: Annotated[int, Meta(ge=1)] = 200_000
    """Files of one commit."""

    build_seconds: Annotated[float, Meta(gt=0)] = 900
    """How long installing and building may take, each."""
    build_output_bytes: Annotated[int, Meta(ge=MIB)] = 64 * MIB
    """What one step of a build may print."""
    build_memory_bytes: Annotated[int, Meta(ge=0)] = 0
    """Of all processes of a build together. 0: no limit."""
    build_processes: Annotated[int, Meta(ge=1)] = 512
    """Processes of a build at a time."""
    build_network: bool = True
    """Whether a build in bubblewrap or Docker may use the network: most fetch packages."""
    release_bytes: Annotated[int, Meta(ge=MIB)] = 4 * GIB
    """What the folder of a release may take, while it is built and while it runs."""
    cache_bytes: Annotated[int, Meta(ge=MIB)] = 4 * GIB
    """What an app's caches of packages may take; they are emptied when it is more."""

    app_memory_bytes: Annotated[int, Meta(ge=0)] = 0
    """Of all processes of an app together. 0: no limit but its project's own."""
    app_processes: Annotated[int, Meta(ge=1)] = 512
    """Processes of an app at a time."""
    first_port: Annotated[int, Meta(ge=1024, le=65535)] = 21000
    """Apps listen on ports of the loopback interface, from here on."""
    last_port: Annotated[int, Meta(ge=1024, le=65535)] = 29999
    """The last of those ports; below those that Linux gives to outgoing connections."""
    health_seconds: Annotated[float, Meta(gt=0)] = 60
    """How long an app may take until it answers."""
    stop_seconds: Annotated[float, Meta(ge=0)] = 10
    """How long an app may take to end after SIGTERM; then it gets SIGKILL."""
    backoff_first_s: Annotated[float, Meta(gt=0)] = 1
    """How long an app that ended waits for its next start; each time twice as long."""
    backoff_max_s: Annotated[float, Meta(gt=0)] = 60
    """The longest such wait."""
    stable_after_s: Annotated[float, Meta(gt=0)] = 60
    """An app that has run this long begins anew with the shortest wait."""
    max_restarts: Annotated[int, Meta(ge=0)] = 10
    """Restarts in a row before an app is given up as `crash_loop`."""
    spool_file_bytes: Annotated[int, Meta(ge=1024)] = 4 * MIB
    """Size of a file of an app's output that waits to be read."""
    spool_files: Annotated[int, Meta(ge=2)] = 8
    """Files of it; beyond them the oldest output is lost."""
    keep_releases: Annotated[int, Meta(ge=1)] = 5
    """Releases of an app that are kept to go back to."""

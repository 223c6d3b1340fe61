"""Fetches one commit of a repository, with nothing of its history, and writes its files.

A bare copy per app stays, so that the next fetch brings only what is new. The folder that is
written has no `.git`, so a build has no way back to the repository. Submodules are not fetched, and
no filter runs: files of Git LFS stay the pointers that they are in the repository.
"""

import asyncio
import re
import secrets
import shutil
from pathlib import Path

from msgspec import Struct, structs

from deploys.failures import Cancelled, CheckoutFailed, NoSuchBranch
from deploys.git import MAX_OUTPUT_BYTES, Git, Said, remote_url, run_git
from deploys.places import Places
from deploys.remotes import Remote, Resolve, find_remote, resolve_host
from deploys.settings import DeployerSettings
from deploys.supervision.watching import folder_bytes

FETCHED = "refs/sluice/fetched"
FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SHORT_SHA = re.compile(r"[0-9a-f]{4,63}")
BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/$|\.lock(/|$)|(^|/)\.|\.$|^-|^@$|^$")
"""What git-check-ref-format(1) forbids, and a dash in front."""
HEAD_SECONDS = 20
MAX_MESSAGE_CHARS = 10_000
MIB = 1 << 20
COMPLAINTS = (
    (
        r"error: 30[1278]",
        "The repository's server redirects to another address: give the URL that it leads to",
    ),
    (
        r"Authentication failed|could not read (Username|Password)|error: 40[13]|Permission denied"
        r"|terminal prompts disabled|Host key verification failed",
        "The repository is not open to all, or is not there: set its token, or check it",
    ),
    (
        r"[Rr]epository .{0,2048}?not found|error: 404|does not appear to be a git repository"
        r"|no such repository|access denied or repository not exported",
        "No repository was found at this URL, or its token may not see it",
    ),
)
"""What git says, and what it means to people."""
NO_REF = re.compile(r"couldn't find remote ref|not our ref|unadvertised object|[Nn]o such ref")
NO_MEMORY = re.compile(r"^(?!remote: ).*(Out of memory|Cannot allocate memory)", re.MULTILINE)
REDIRECTED = re.compile(COMPLAINTS[0][0])


class Source(Struct, frozen=True, kw_only=True):
    """What is to be fetched."""

    app: str
    """Whose it is: the name of the copy that stays."""
    url: str
    token: str = ""
    branch: str = ""
    """A branch, a tag, or a whole name as `refs/pull/12/head`. Empty: what the repository has as
    its own."""
    commit: str = ""
    """Its hash, or at least the first four digits of it. Empty: the newest of the branch."""


class Commit(Struct, frozen=True, kw_only=True):
    """What was fetched."""

    sha: str
    message: str
    author: str
    at_us: int
    has_submodules: bool
    """Whether it names submodules, which are not there."""


async def check_out(
    settings: DeployerSettings,
    source: Source,
    folder: Path,
    *,
    cancel: asyncio.Event,
    resolve: Resolve = resolve_host,
) -> Commit:
    """Writes a commit's files into a folder, which must be empty.

    One of them at a time for an app. Raises `CheckoutFailed` and `Cancelled`.
    """
    _check_names(source)
    remote = await find_remote(
        source.url,
        token=source.token,
        private_allowed=settings.private_allowed,
        resolve=resolve,
    )
    fetch = _Fetch(settings, source, remote, cancel)
    await fetch.prepare()
    sha = await fetch.find()
    await fetch.write(sha, folder)
    return await fetch.describe(sha, folder)


async def remote_head(
    settings: DeployerSettings,
    source: Source,
    *,
    resolve: Resolve = resolve_host,
    seconds: float = HEAD_SECONDS,
) -> str:
    """Returns the hash of the newest commit of a branch, without fetching it.

    Raises `CheckoutFailed`, also where there is no such branch.
    """
    _check_names(source)
    remote = await find_remote(
        source.url, token=source.token, private_allowed=settings.private_allowed, resolve=resolve
    )
    git = structs.replace(_git(settings, remote), seconds=seconds)
    git.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    said = await run_git(
        git, ["ls-remote", "--quiet", remote_url(remote), *_names(source.branch)], folder=git.home
    )
    _check(said, settings, source.url)
    for line in said.output.decode(errors="replace").splitlines():
        sha, _, name = line.partition("\t")
        if FULL_SHA.fullmatch(sha) and name in _names(source.branch):
            return sha
    raise NoSuchBranch(_no_branch(source.branch))


class _Fetch:
    """One fetch, and the copy of the repository that it adds to."""

    def __init__(
        self, settings: DeployerSettings, source: Source, remote: Remote, cancel: asyncio.Event
    ) -> None:
        self._settings = settings
        self._source = source
        self._remote = remote
        self._cancel = cancel
        places = Places(settings.folder)
        self._mirror = places.mirror(source.app)
        self._index = places.temporary / f"index-{secrets.token_hex(8)}"
        self._git = _git(settings, remote)

    async def prepare(self) -> None:
        """Makes the copy, and makes it anew when it has grown too large."""
        limit = self._settings.fetch_bytes
        if await asyncio.to_thread(folder_bytes, str(self._mirror), limit) > limit // 2:
            await asyncio.to_thread(shutil.rmtree, self._mirror)
        if not (self._mirror / "HEAD").exists():
            shutil.rmtree(self._mirror, ignore_errors=True)
            self._mirror.mkdir(parents=True, mode=0o700)
            self._check(await self._run("init", "--bare", "--quiet", "--template="))
        await asyncio.to_thread(_clear, self._mirror)

    async def find(self) -> str:
        """Fetches what is wanted and returns its hash."""
        commit = self._source.commit
        if not commit:
            await self._fetch_branch("--depth=1")
            return await self._resolved(FETCHED) or ""
        if found := await self._resolved(commit):
            return found  # An earlier fetch has brought it.
        if FULL_SHA.fullmatch(commit):
            said = await self._fetch(commit, "--depth=1")
            if not said.ended.code:
                return commit
            if not NO_REF.search(said.complaint):
                self._check(said)
        # The server gives branches alone, or the hash is short: only their history knows it.
        is_shallow = (self._mirror / "shallow").exists()
        await self._fetch_branch(*(["--unshallow"] if is_shallow else []))
        if found := await self._resolved(commit):
            return found
        raise CheckoutFailed(
            f"The repository has no commit {commit} on {self._source.branch or 'its branch'}"
        )

    async def write(self, sha: str, folder: Path) -> None:
        """Writes the files of a commit."""
        await self._check_size(sha)
        # As one that has no copy to look at: what is written is what the commit says.
        self._index.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            git = structs.replace(self._git, remote=None, disk_bytes=self._settings.release_bytes)
            inside = [f"--git-dir={self._mirror}", f"--work-tree={folder}"]
            for command in (["read-tree", sha], ["checkout-index", "--all", "--force", "--quiet"]):
                self._check(
                    await run_git(
                        git,
                        [*inside, *command],
                        folder=folder,
                        cancel=self._cancel,
                        index=self._index,
                    )
                )
        finally:
            self._index.unlink(missing_ok=True)

    async def describe(self, sha: str, folder: Path) -> Commit:
        """Returns what people know a commit by."""
        said = await self._run("log", "-1", "--no-show-signature", "--format=%an%x00%ct%x00%B", sha)
        self._check(said)
        author, seconds, message = said.output.decode(errors="replace").split("\0", 2)
        return Commit(
            sha=sha,
            message=message.strip()[:MAX_MESSAGE_CHARS],
            author=author[:200],
            at_us=int(seconds) * 1_000_000,
            has_submodules=(folder / ".gitmodules").is_file(),
        )

    async def _check_size(self, sha: str) -> None:
        said = await self._run("ls-tree", "-r", "-l", "-z", sha)
        self._check(said)
        count = said.output.count(b"\0")
        if count > self._settings.checkout_files:
            raise CheckoutFailed(
                f"The commit has {count:,} files; {self._settings.checkout_files:,} are allowed"
            )
        sizes = [entry.split(None, 4)[3] for entry in said.output.split(b"\0") if entry]
        total = sum(int(size) for size in sizes if size.isdigit())
        if total > self._settings.release_bytes:
            raise CheckoutFailed(
                f"The commit's files take {total // MIB:,} MiB; "
                f"{self._settings.release_bytes // MIB:,} MiB are allowed"
            )

    async def _fetch_branch(self, *options: str) -> None:
        said: Said | None = None
        for name in _names(self._source.branch):
            said = await self._fetch(name, *options)
            if not said.ended.code:
                return
            if not NO_REF.search(said.complaint):
                break
        assert said is not None
        if NO_REF.search(said.complaint):
            raise NoSuchBranch(_no_branch(self._source.branch))
        self._check(said)

    async def _fetch(self, name: str, *options: str) -> Said:
        said = await self._fetch_from(remote_url(self._remote), name, *options)
        url = self._remote.url
        if not REDIRECTED.search(said.complaint) or url.endswith(".git"):
            return said
        # GitLab and others lead from the address of the page to this one.
        self._remote = structs.replace(self._remote, url=f"{url.rstrip('/')}.git")
        self._git = structs.replace(self._git, remote=self._remote)
        return await self._fetch_from(self._remote.url, name, *options)

    async def _fetch_from(self, url: str, name: str, *options: str) -> Said:
        fixed = ("--quiet", "--force", "--no-tags", "--no-recurse-submodules", "--no-auto-gc")
        return await self._run("fetch", *fixed, *options, url, f"+{name}:{FETCHED}")

    async def _resolved(self, name: str) -> str | None:
        said = await self._run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        return None if said.ended.code else said.output.decode().strip()

    async def _run(self, *arguments: str) -> Said:
        said = await run_git(self._git, arguments, folder=self._mirror, cancel=self._cancel)
        if self._cancel.is_set():
            raise Cancelled
        return said

    def _check(self, said: Said) -> None:
        if self._cancel.is_set():
            raise Cancelled
        _check(said, self._settings, self._remote.url)


def _clear(mirror: Path) -> None:
    """Removes what a git that was killed has left: locks, on which the next one would fail."""
    for left in (*mirror.rglob("*.lock"), *mirror.glob("objects/**/tmp_*")):
        left.unlink(missing_ok=True)


def _git(settings: DeployerSettings, remote: Remote) -> Git:
    return Git(
        home=settings.folder / "git-home",
        remote=remote,
        ssh_key_file=settings.ssh_key_file,
        ca_file=settings.ca_file,
        seconds=settings.fetch_seconds,
        disk_bytes=settings.fetch_bytes,
        memory_bytes=settings.fetch_memory_bytes,
    )


def _check(said: Said, settings: DeployerSettings, url: str) -> None:
    if said.ended.reason == "time":
        raise CheckoutFailed(f"The repository took longer than {settings.fetch_seconds:g} s")
    if said.ended.reason == "disk":
        raise CheckoutFailed(
            f"The repository takes more than {settings.fetch_bytes // MIB:,} MiB, "
            "or the disk is full"
        )
    if said.ended.reason == "memory" or (said.ended.code and NO_MEMORY.search(said.complaint)):
        raise CheckoutFailed(
            "git needs more memory for the repository than a fetch may use: "
            f"{settings.fetch_memory_bytes // MIB:,} MiB"
        )
    if said.ended.reason == "output":
        raise CheckoutFailed(
            f"git says more than {MAX_OUTPUT_BYTES // MIB} MiB of the repository: "
            "it has too many files or branches"
        )
    if not said.ended.code and not said.ended.reason:
        return
    for pattern, meaning in COMPLAINTS:
        if re.search(pattern, said.complaint):
            raise CheckoutFailed(meaning)
    lines = [line.strip() for line in said.complaint.splitlines() if line.strip()]
    last = next((line for line in lines if line.startswith("fatal:")), (lines or ["no reason"])[-1])
    raise CheckoutFailed(f"git could not read the repository: {last.removeprefix('fatal: ')[:500]}")


def _check_names(source: Source) -> None:
    if source.branch and BAD_REF.search(source.branch):
        raise NoSuchBranch(f"{source.branch[:100]!r} cannot be the name of a branch")
    commit = source.commit
    if commit and not FULL_SHA.fullmatch(commit) and not SHORT_SHA.fullmatch(commit):
        raise CheckoutFailed(f"{commit[:100]!r} cannot be the hash of a commit")


def _names(branch: str) -> list[str]:
    if not branch:
        return ["HEAD"]
    if branch.startswith("refs/"):
        return [branch]
    return [f"refs/heads/{branch}", f"refs/tags/{branch}"]


def _no_branch(branch: str) -> str:
    return (
        f"The repository has no branch or tag {branch!r}" if branch else "The repository is empty"
    )

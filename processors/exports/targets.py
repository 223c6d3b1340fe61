"""Where files of an export go: a folder, or a bucket of a store that speaks S3.

A file is there whole or not at all. `obstore`, which is an extra, speaks S3; it is asked for here
alone.

TargetFailed    the folder or the bucket did not take it
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

PIECE_BYTES = 8 << 20
"""Of an upload in pieces. S3 takes 10,000 of them, which is 80 GB."""
NO_OBSTORE = "to write to S3 install the extra: pip install 'sluice[s3]'"


class TargetFailed(Exception):
    """Raised when a folder or a bucket does not take, or give, a file. It may do so later."""


class Written(NamedTuple):
    """A file that is there."""

    size: int
    sha256: str


class S3Access(NamedTuple):
    """How a store is reached; what is empty is looked for in the environment, as AWS names it."""

    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: str = ""


class Target(Protocol):
    """Where files go; names have `/` between their parts."""

    async def read(self, name: str) -> bytes | None:
        """Returns a file, `None` where there is none. Raises `TargetFailed`."""
        ...

    async def write(self, name: str, pieces: AsyncIterator[bytes]) -> Written:
        """Writes a file in place of one of that name. Raises `TargetFailed`, and what they do."""
        ...

    async def remove(self, name: str) -> None:
        """Removes a file that may be there. Raises `TargetFailed`."""
        ...


class Folder:
    """A folder of this machine, made where it is missing."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def read(self, name: str) -> bytes | None:
        """Returns a file, `None` where there is none."""
        try:
            return await asyncio.to_thread((self._root / name).read_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _refused(error) from error

    async def write(self, name: str, pieces: AsyncIterator[bytes]) -> Written:
        """Writes a file beside its place, and moves it there when it is on the disk."""
        path = self._root / name
        beside = path.with_name(f".{path.name}.part")
        try:
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True, mode=0o700)
            file = await asyncio.to_thread(_open_private, beside)
            counted = Counted(pieces)
            try:
                async for piece in counted:
                    await asyncio.to_thread(file.write, piece)
                await asyncio.to_thread(_settle, file)
            finally:
                await asyncio.to_thread(file.close)
            await asyncio.to_thread(_move, beside, path)
        except OSError as error:
            raise _refused(error) from error
        return counted.written

    async def remove(self, name: str) -> None:
        """Removes a file that may be there."""
        try:
            await asyncio.to_thread((self._root / name).unlink, missing_ok=True)
        except OSError as error:
            raise _refused(error) from error


class Bucket:
    """A prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str, access: S3Access) -> None:
        try:
            import obstore
            from obstore.store import S3Store
        except ImportError as error:
            raise TargetFailed(NO_OBSTORE) from error

        self._obstore = obstore
        given = {
            "endpoint": access.endpoint,
            "region": access.region,
            "access_key_id": access.access_key,
            "secret_access_key": access.secret_key,
        }
        try:
            self._store: Any = S3Store(
                bucket,
                prefix=prefix or None,
                config={name: value for name, value in given.items() if value},
                client_options={"allow_http": access.endpoint.startswith("http://")},
            )
        except Exception as error:
            # The library's own errors and those of what it was given.
            raise _failed(error) from error
        self._failures: tuple[type[Exception], ...] = (obstore.exceptions.BaseError, OSError)

    async def read(self, name: str) -> bytes | None:
        """Returns a file, `None` where there is none."""
        try:
            found = await self._obstore.get_async(self._store, name)
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        except self._failures as error:
            raise _failed(error) from error

    async def write(self, name: str, pieces: AsyncIterator[bytes]) -> Written:
        """Uploads a file in pieces; nobody sees it before it is whole."""
        counted = Counted(pieces)
        try:
            # One at a time: memory is some pieces, however slow the store is.
            await self._obstore.put_async(
                self._store, name, counted, chunk_size=PIECE_BYTES, max_concurrency=2
            )
        except self._failures as error:
            raise counted.failure or _failed(error) from error
        return counted.written

    async def remove(self, name: str) -> None:
        """Removes a file that may be there."""
        try:
            await self._obstore.delete_async(self._store, name)
        except FileNotFoundError:
            return
        except self._failures as error:
            raise _failed(error) from error


class Counted:
    """Pieces of a file, counted as they go by; keeps what they raise, which S3's client rewords."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._size = 0
        self._digest = hashlib.sha256()
        self.failure: BaseException | None = None

    def __aiter__(self) -> "Counted":
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await anext(self._pieces)
        except StopAsyncIteration:
            raise
        except BaseException as error:
            self.failure = error
            raise
        self._size += len(piece)
        self._digest.update(piece)
        return piece

    @property
    def written(self) -> Written:
        """What has gone by."""
        return Written(self._size, self._digest.hexdigest())


def target_of(address: str, access: S3Access) -> Target:
    """Returns the target of a path, or of `s3://bucket/prefix`. Raises `TargetFailed`."""
    parts = urlsplit(address)
    if parts.scheme == "s3":
        return Bucket(parts.netloc, parts.path.strip("/"), access)
    return Folder(Path(address).expanduser())


def _failed(error: BaseException) -> TargetFailed:
    # The library tells of requests too, in many lines; none of them has a key in it.
    return TargetFailed(str(error).splitlines()[0][:500] if str(error) else type(error).__name__)


def _refused(error: OSError) -> TargetFailed:
    # Without the path: members of a project read it, who need not know the machine's folders.
    return TargetFailed(f"the folder refused it: {error.strerror or type(error).__name__}")


def _open_private(path: Path) -> Any:
    # Bodies of a project: for nobody else on this machine.
    return os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb"
    )


def _settle(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _move(source: Path, place: Path) -> None:
    os.replace(source, place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

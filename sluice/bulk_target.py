"""Where commands append what they bring: the embedded log beside a server or without, or Kafka."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from eventlog.bulk import BulkLog, FileBulk, KafkaBulk
from eventlog.group_commit import Limits
from eventlog.kafka_topics import check_topics
from eventlog.log import LogError
from eventlog.sqlite_log import SqliteLog
from schemas.settings import Settings
from sluice.cluster import kafka_of, topic_settings_of
from sluice.commands.control import Control
from sluice.commands.errors import CommandError
from sluice.lock import hold, holder_of


class Target(NamedTuple):
    """Where rows go."""

    log: BulkLog
    lock: Path | None = None
    """Of a server that an import should not outrun."""
    stored_by: str = ""
    """Who stores them, where a person should know."""


def target_of(control: Control) -> AbstractContextManager[Target]:
    """Opens the log that the settings name. Raises `CommandError`."""
    if control.settings.kafka_url:
        return nullcontext(_kafka(control.settings))
    return _file(control)


def _kafka(settings: Settings) -> Target:
    address = kafka_of(settings)
    try:
        topics = check_topics(address, topic_settings_of(settings))
    except LogError as error:
        raise CommandError(str(error)) from error
    return Target(KafkaBulk(address, topics), stored_by="sluice worker")


@contextmanager
def _file(control: Control) -> Iterator[Target]:
    """Opens the embedded log, beside a server that runs over it or without one.

    Where none does, the log is made if need be, and no server may start before the end.
    """
    settings, paths = control.settings, control.paths
    with ExitStack() as stack:
        # A second import beside this one would go on from the same position.
        stack.callback(hold(paths.data_dir / "import.lock").close)
        is_ours = holder_of(paths.lock) is None
        if is_ours:
            stack.callback(hold(paths.lock).close)
            limits = Limits(max_bytes=settings.log_max_bytes)
            SqliteLog(paths.log, partitions=settings.log_partitions, limits=limits).close()
        log = FileBulk(paths.log, max_bytes=settings.log_max_bytes)
        stack.callback(log.close)
        yield Target(log, stored_by="the next sluice up") if is_ours else Target(log, paths.lock)

"""An edge to be killed: appends numbered items to two partitions and prints what was answered.

Arguments: the broker, the topics' prefix, the spool's file, the first number to use, how many.
"""

import asyncio
import itertools
import sys
from pathlib import Path

from eventlog.kafka_address import KafkaSecurity, address_of
from eventlog.kafka_log import KafkaLog
from eventlog.kafka_writer import KafkaLimits
from eventlog.log import LogError
from schemas.kinds import TRACES
from tests.integration.eventlog.logs import append

TOGETHER = 5


def tell(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def work(log: KafkaLog, partition: int, first: int, count: int) -> None:
    for number in itertools.islice(itertools.count(first, TOGETHER), count):
        numbers = range(number, number + TOGETHER)
        await asyncio.gather(*(one(log, partition, each) for each in numbers))


async def one(log: KafkaLog, partition: int, number: int) -> None:
    try:
        await append(log, b"%d" % number, partition=partition)
    except LogError as error:
        tell("refused", partition, number, error)
    else:
        tell("ack", partition, number)


async def main(bootstrap: str, prefix: str, path: str, first: int, count: int) -> None:
    address = address_of(f"kafka://{bootstrap}", prefix, KafkaSecurity())
    limits = KafkaLimits(produce_timeout_ms=300, settle_ms=1_000)
    log = KafkaLog(address, {TRACES.name: 2}, Path(path), limits)
    tell("open")
    await asyncio.gather(*(work(log, partition, first, count) for partition in range(2)))
    tell("done")
    # Goes on draining until whoever started it has seen enough.
    await asyncio.to_thread(sys.stdin.readline)
    log.close()


asyncio.run(main(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])))

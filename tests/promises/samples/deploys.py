"""Samples of lines that deployments print."""

import time
import uuid

import msgspec

from schemas.deploys.lines import Line, line_id
from tests.promises.sample import Sample


def lines(count: int) -> list[bytes]:
    deployment_id = str(uuid.uuid4())
    return [
        msgspec.json.encode(
            Line(
                deployment_id=deployment_id,
                seq=number + 1,
                at_us=time.time_ns() // 1000,
                level="info",
                stream="stdout",
                message=f"step {number} of {count}",
            )
        )
        for number in range(count)
    ]


def id_of(body: bytes) -> str:
    line = msgspec.json.decode(body, type=Line)
    return line_id(line.deployment_id, line.seq)


SAMPLES = {"deploy_line": Sample("", lines, b"\n".join, id_of=id_of)}

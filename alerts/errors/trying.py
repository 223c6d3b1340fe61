"""A test of a channel, sent at once."""

import time

from alerts.deliver import Deliverer
from alerts.errors.wording import message_of, trial_alert
from schemas.channels import Channel, ChannelConfig
from schemas.messages import Sent
from schemas.projects import ProjectId


async def try_channel(
    deliverer: Deliverer, project_id: ProjectId, channel: Channel, config: ChannelConfig
) -> Sent:
    """Sends a test through a channel, and returns what it came to."""
    now_us = time.time_ns() // 1000
    message = message_of(trial_alert(project_id, channel.name, now_us))
    return await deliverer.send_now(channel.kind, config, message, f"test/{channel.id}/{now_us}")

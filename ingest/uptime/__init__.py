"""The system `uptime` on its way in: checks of probers that are elsewhere."""

"""The pages of the system `uptime`."""

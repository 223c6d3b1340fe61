"""The HTTP API of deployments, below `/api/v1`."""

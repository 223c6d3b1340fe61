"""The step of the system `deploys`."""

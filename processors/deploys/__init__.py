"""The steps of the system `deploys`."""

"""The pages of the system `deploys`."""

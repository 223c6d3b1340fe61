"""What runs deployments."""

"""The system `deploys`: apps, their deployments, and what these print."""

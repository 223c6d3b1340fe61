"""Logs of deployments over a real store and a real log."""

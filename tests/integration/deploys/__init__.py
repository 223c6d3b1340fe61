"""Deployments on both databases."""

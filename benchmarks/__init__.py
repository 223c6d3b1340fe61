"""Seeded, repeatable measurements; `make bench` runs them."""

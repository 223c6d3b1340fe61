"""Source maps of projects: uploaded in pieces, kept in bundles, found by frames."""

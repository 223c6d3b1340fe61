"""The pages of releases: how they fare, and what is in each."""

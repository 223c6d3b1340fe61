"""The dashboard: pages for people. `frame` and `parts` are shared; each system has a package."""

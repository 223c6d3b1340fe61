"""The table and the queries of the system `deploys`."""

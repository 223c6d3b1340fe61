"""ClickHouse's HTTP interface over the embedded store: the door of `sluice warehouse`."""

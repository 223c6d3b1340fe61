"""The embedded store as `sluice warehouse` serves it to strangers: ClickHouse's HTTP interface."""

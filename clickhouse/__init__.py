"""Everything that speaks ClickHouse: client, migrations, inserts, queries."""

#!/bin/sh
set -eu
SLUICE_WAREHOUSE_USERS="${CLICKHOUSE_USER:-sluice}:${CLICKHOUSE_PASSWORD:?is missing}:write"
export SLUICE_WAREHOUSE_USERS
exec sluice warehouse "$@"

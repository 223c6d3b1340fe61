#!/bin/sh
# Makes the cluster, its user and its database at the first start, and runs the server.
set -eu
data=/var/lib/postgresql/data
if [ "$(id -u)" = 0 ]; then
	install -d -m 0700 -o postgres -g postgres "$data" /run/postgresql
	exec gosu postgres "$0" "$@"
fi
user=${POSTGRES_USER:-postgres}
if [ ! -e "$data/PG_VERSION" ]; then
	if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
		cp "$POSTGRES_PASSWORD_FILE" /tmp/password
	else
		printf %s "$POSTGRES_PASSWORD" >/tmp/password
	fi
	initdb --username="$user" --pwfile=/tmp/password -D "$data" ${POSTGRES_INITDB_ARGS:-}
	rm /tmp/password
	echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
	pg_ctl -D "$data" -o '-c listen_addresses=' -w start
	[ "${POSTGRES_DB:-$user}" = postgres ] || createdb -U "$user" "${POSTGRES_DB:-$user}"
	pg_ctl -D "$data" -w stop
	echo 'PostgreSQL init process complete; ready for start up.'
fi
exec "$@" -D "$data" -c 'listen_addresses=*'

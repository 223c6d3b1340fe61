#!/bin/bash
# Makes the images that the tests of containers ask for, where no registry of images can be reached.
#
# A base of Debian by debootstrap; over it Python, PostgreSQL, Caddy, and Kafka from the archive that the other
# tests fetch. Each gets the tag under which the Dockerfile, docker-compose.yml and the tests ask for it. What is
# there already is kept. ClickHouse's server is in no package of Debian: `sluice warehouse` takes its place.
#
# Needs root, a running Docker, debootstrap, and Java and Maven for Kafka. CADDY names another program than the
# one on the PATH: the Caddy of Debian bookworm is too old for deploy/proxy/Caddyfile.
set -euo pipefail
cd "$(dirname "$0")/../.."
export DOCKER_BUILDKIT=1

here=tests/containers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

image_of() { # service of docker-compose.yml
	sed -n "/^  $1:/,/image:/s/^ *image: //p" docker-compose.yml
}

has() {
	docker image inspect "$1" >/dev/null 2>&1
}

# As this machine asks it, so that a proxy or a snapshot holds for the images too.
mirror() {
	grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null |
		head -1 | tr -d ' '
}

debian() { # tag packages
	has "$1" && return
	debootstrap --variant=minbase --include="ca-certificates,$2" bookworm "$work/root" "$(mirror)" >"$work/log" || {
		tail -20 "$work/log" >&2
		return 1
	}
	rm -rf "$work/root"/var/cache/apt/archives/*.deb "$work/root"/var/lib/apt/lists/*
	# What this machine trusts: its way out may have an authority of its own.
	cp /etc/ssl/certs/ca-certificates.crt "$work/root/etc/ssl/certs/ca-certificates.crt"
	tar -C "$work/root" -c . | docker import \
		--change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
		--change 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt' - "$1" >/dev/null
	rm -rf "$work/root"
}

built() { # tag kind, with what that kind needs beside its Dockerfile in $work/KIND
	has "$1" && return
	mkdir -p "$work/$2"
	cp "$here/$2"/* "$work/$2"
	docker build --quiet --tag "$1" "$work/$2" >/dev/null
}

debian "$(sed -n 's/^ARG PYTHON_IMAGE=//p' Dockerfile)" python3,python3-venv,python-is-python3
debian sluice-tests/python:1 python3
debian sluice-tests/servers:1 postgresql,default-jre-headless,gosu,procps,wget

mkdir -p "$work/kafka" "$work/caddy"
cp -r "$(.venv/bin/python -c 'from tests.components import kafka; print(kafka.artifacts())')" "$work/kafka/libs"
cp "${CADDY:-$(command -v caddy)}" "$work/caddy/caddy"

built "$(image_of kafka)" kafka
built "$(image_of postgres)" postgres
built "$(image_of proxy)" caddy
# The tests of containers name versions of their own.
docker tag "$(image_of postgres)" postgres:17

docker build --quiet --tag sluice:0.1.0 . >/dev/null
# Over that one, so made anew with it: a store of an older version would be served else.
docker image rm --force clickhouse/clickhouse-server:26.9 >/dev/null
built clickhouse/clickhouse-server:26.9 warehouse
docker image ls

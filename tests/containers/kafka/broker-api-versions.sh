#!/bin/bash
# Kafka's own tools are not in the archive: says whether the broker takes connections.
# Called as kafka-broker-api-versions.sh --bootstrap-server HOST:PORT
exec 3<>"/dev/tcp/${2%:*}/${2#*:}"

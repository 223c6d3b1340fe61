#!/bin/sh
# Writes server.properties from the environment, formats the folder once, and starts the broker.
set -eu
settings=/tmp/server.properties
env | sed -n 's/^KAFKA_//p' | grep -v '^HEAP_OPTS=' | while IFS='=' read -r name value; do
	printf '%s=%s\n' "$(printf %s "$name" | tr 'A-Z_' 'a-z.')" "$value"
done >"$settings"
data=$(sed -n 's/^log.dirs\{0,1\}=//p' "$settings" | tail -1)
if [ -z "$data" ]; then
	data=/var/lib/kafka/data
	echo "log.dirs=$data" >>"$settings"
fi
# Quoted: the star is Java's, not the shell's.
export CLASSPATH='/opt/kafka/libs/*'
if [ ! -e "$data/meta.properties" ]; then
	java kafka.tools.StorageTool format -t c2x1aWNlLXRlc3RzLTAwMQ -c "$settings"
fi
exec java ${KAFKA_HEAP_OPTS:-} kafka.Kafka "$settings"

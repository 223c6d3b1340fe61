#!/bin/sh
# Starts an edge in the first place of a shared volume that no other edge holds.
#
# What an edge took while Kafka was away is in its spool and nowhere else. A volume for each replica
# would leave that behind whenever a container is removed; here the next edge finds it and sends it.
set -eu
umask 077

root=${SLUICE_DATA_DIR:?is the folder that the edges share}
number=0
while [ "$number" -lt 256 ]; do
	place=$root/edge-$number
	mkdir -p -m 0700 "$place"
	exec 9>"$place/place.lock"
	# Held for as long as the edge lives, by the descriptor that it inherits.
	if flock -n 9; then
		SLUICE_DATA_DIR=$place
		export SLUICE_DATA_DIR
		exec sluice edge "$@"
	fi
	number=$((number + 1))
done
echo "sluice-edge: all $number places of $root are taken" >&2
exit 1

#!/bin/sh
# Writes docker-compose.pins.yml: every image of docker-compose.yml, and the one that ours is built on,
# by the digest that its tag has today. docs/operations.md, 'Images by digest'.
set -eu
cd "$(dirname "$0")/.."

pinned() {
	digest=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$1")
	case $digest in
	sha256:*) echo "$1@$digest" ;;
	*) echo "no digest of $1: $digest" >&2 && return 1 ;;
	esac
}

# Lines of SERVICE: IMAGE, of those that are not ours.
images() {
	awk '/^[a-z]/ { inside = /^services:/ } inside && /^  [a-z]+:/ { name = $1 }
		inside && /^    image:/ { print name, $2 }' docker-compose.yml
}

base=$(pinned "$(sed -n 's/^ARG PYTHON_IMAGE=//p' Dockerfile)")
images >docker-compose.pins.new
{
	echo "# Made by deploy/pin-images.sh."
	echo "services:"
	while read -r name image; do
		image=$(pinned "$image") || exit 1
		echo "  $name {image: \"$image\"}"
	done <docker-compose.pins.new
	for name in migrate edge worker prober api; do
		echo "  $name: {build: {args: {PYTHON_IMAGE: \"$base\"}}}"
	done
} >docker-compose.pins.whole
rm docker-compose.pins.new
mv docker-compose.pins.whole docker-compose.pins.yml
echo "made docker-compose.pins.yml"

#!/bin/sh
# Writes the lock files beside it from pyproject.toml: `make lock`. What they hold already keeps its version,
# unless the options say otherwise (--upgrade, --upgrade-package NAME).
set -eu
cd "$(dirname "$0")/.."

compile() {
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--override requirements/left-out.txt \
		--custom-compile-command 'make lock' "$@"
}

# There is a wheel of everything for each system and Python that we name, but for what is left out here:
# pyproject.toml says what that is built with.
check() {
	for system in x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin x86_64-apple-darwin; do
		built=none
		[ $system != aarch64-manylinux_2_28 ] || built=faust-streaming
		sed -n 's/ *\\$//; /^[a-z]/p' requirements/build.txt requirements/dev.txt |
			grep -v "^$built==" | sort -u >"$scratch/wanted.in"
		for python in 3.11 3.12 3.13; do
			uv pip compile -q --no-deps --only-binary :all: --python-platform $system \
				--python-version $python --output-file "$scratch/found.txt" "$scratch/wanted.in"
		done
	done
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
compile --group lock --output-file requirements/lock.txt "$@"
compile pyproject.toml --extra postgres --extra grpc --extra s3 --output-file requirements/run.txt "$@"
compile --group build --constraints requirements/run.txt --output-file requirements/build.txt "$@"
compile pyproject.toml --extra postgres --extra grpc --extra s3 --group dev --constraints requirements/run.txt \
	--constraints requirements/build.txt --output-file requirements/dev.txt "$@"
check

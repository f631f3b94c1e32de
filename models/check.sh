#!/usr/bin/env bash
# Checks the models exhaustively with spin, and that spin finds their seeded bugs.
# Where spin or a C compiler is absent it says so; the explorer in Go, which runs
# with the tests, checks the same protocols.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v spin >/dev/null || ! command -v cc >/dev/null; then
	echo "spin or cc is not here: only the explorer in Go checks the models (go test ./models/...)"
	exit 0
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# verify MODEL [-D…]: builds the verifier of a model and runs it.
verify() {
	(cd "$dir" && spin ${2:-} -a "$OLDPWD/$1.pml" && cc -O2 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -o pan pan.c && ./pan -m1000000)
}

# holds MODEL [-D…]: fails if there is an error in a model.
holds() {
	verify "$@" >"$dir/out" || true
	if ! grep -q 'errors: 0' "$dir/out"; then
		cat "$dir/out"
		echo "$*: an error was found"
		exit 1
	fi
	echo "$*: $(awk '/states, stored/ {print $1}' "$dir/out") states, no errors"
}

for model in leaf log snapshot merge; do
	holds $model
	verify $model -DBUG >"$dir/out" || true
	if ! grep -q 'assertion violated' "$dir/out"; then
		echo "$model: the seeded bug was not found"
		exit 1
	fi
	echo "$model: the seeded bug is found"
done
holds merge -DGET

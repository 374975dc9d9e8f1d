#!/bin/sh
# Puts the Temporal CLI that was provisioned on the PATH: its folder in the cache carries version and architecture.
set -eu
found=$(find "$ANNEAL_CACHE/temporal" -type f -name temporal -perm -u+x)
[ "$(printf '%s\n' "$found" | wc -l)" -eq 1 ] || { echo "expected one Temporal CLI, found: $found" >&2; exit 1; }
ln -s "$found" /usr/local/bin/temporal

#!/bin/sh
# Creates the namespace and registers the search attributes of runs. May run any number of times.
set -eu

# retry COMMAND...: until it succeeds, for a minute at most. The server's parts come up, and learn of a new namespace,
# one after another.
retry() {
  attempts=0
  until "$@"; do
    attempts=$((attempts + 1))
    [ "$attempts" -lt 30 ] || return 1
    sleep 2
  done
}

ensure_namespace() {
  temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 720h
}

# ensure_attribute NAME TYPE
ensure_attribute() {
  known=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE") || return 1
  printf '%s\n' "$known" | grep -qw "$1" ||
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$1" --type "$2"
}

retry temporal operator cluster health
retry ensure_namespace
retry ensure_attribute AnnealRecipe Keyword
retry ensure_attribute AnnealStatus Keyword
retry ensure_attribute AnnealStep Int
retry ensure_attribute AnnealBestMetric Double

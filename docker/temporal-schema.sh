#!/bin/sh
# Creates Temporal's two databases and brings their schema up to date. May run any number of times.
set -eu

sql() {
  temporal-sql-tool --plugin "$DB" --ep "$POSTGRES_SEEDS" -p "$DB_PORT" -u "$POSTGRES_USER" "$@"
}

for name in temporal visibility; do
  database=temporal
  [ "$name" = temporal ] || database=temporal_visibility
  sql --db "$database" create
  # Version tables only; the tool leaves a schema that is newer than 0.0 alone.
  sql --db "$database" setup-schema -v 0.0
  sql --db "$database" update-schema -d "${SCHEMA_DIR:-/etc/temporal/schema/postgresql/v12}/$name/versioned"
done

#!/bin/sh
# notes.sh add TEXT | list | sql STATEMENT
set -eu
pg_isready -q || echo "waiting for the database" >&2
for _ in $(seq 100); do pg_isready -q && break || sleep 0.2; done
case "${1:-list}" in
  add) psql -qv ON_ERROR_STOP=1 -v text="$2" <<'SQL'
INSERT INTO notes (text) VALUES (:'text');
SQL
    ;;
  list) psql -qAt -c "SELECT id || '. ' || text FROM notes ORDER BY id" ;;
  sql) psql -qAt -v ON_ERROR_STOP=1 -c "$2" ;;
  *) echo "notes add TEXT | list | sql STATEMENT" >&2; exit 2 ;;
esac

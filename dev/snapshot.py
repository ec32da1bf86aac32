"""What a database holds: every row of every table, and its schema."""
import json
from typing import NamedTuple

# the tables whose rows change with every update, whatever the addon does, are left out: the daily clean-up is
# called, other processes are told
TABLES = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
   AND relname !~ '^(bus_bus|ir_cron_trigger|orm_signaling_.*)$' ORDER BY relname
"""
# when a row was written says nothing; the content of an attachment is told by its checksum
NOT_COMPARED = "{write_date,write_uid,db_datas}"
SCHEMA = """
SELECT 'relation', jsonb_build_object(
       'name', relname, 'kind', relkind, 'comment', obj_description(oid, 'pg_class'))
  FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind != 'i'
UNION ALL
SELECT 'column', jsonb_build_object(
       'name', relname || '.' || attname, 'type', format_type(atttypid, atttypmod), 'required', attnotnull,
       'default', pg_get_expr(adbin, adrelid), 'comment', col_description(c.oid, attnum))
  FROM pg_class c JOIN pg_attribute ON attrelid = c.oid
       LEFT JOIN pg_attrdef ON adrelid = c.oid AND adnum = attnum
 WHERE relnamespace = 'public'::regnamespace AND relkind != 'i' AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'constraint', jsonb_build_object(
       'name', conrelid::regclass || '.' || conname, 'definition', pg_get_constraintdef(oid),
       'comment', obj_description(oid, 'pg_constraint'))
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', jsonb_build_object('name', indexname, 'definition', indexdef)
  FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'function', jsonb_build_object('name', proname, 'definition', prosrc)
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger', jsonb_build_object('name', tgrelid::regclass || '.' || tgname)
  FROM pg_trigger WHERE NOT tgisinternal
"""


class Change(NamedTuple):
    """A row that two snapshots do not share: added, removed, or (told by its id) changed."""

    table: str
    kind: str
    columns: frozenset  # the ones that changed
    row: dict

    def __str__(self):
        shown = {name: value for name, value in self.row.items() if not self.columns or name in self.columns}
        which = f" {self.row.get('id') or self.row.get('name')}" if self.columns else ""
        return f"{self.kind} in {self.table}{which}: {json.dumps(shown, ensure_ascii=False)[:500]}"


def snapshot(pg, database):
    """Return every row of the database: table -> set of rows as JSON; ``schema.*`` are tables too."""
    tables = [row[0] for row in pg.query(TABLES, database)]
    rows = " UNION ALL ".join(
        f"SELECT '{table}', to_jsonb(t) - '{NOT_COMPARED}'::text[] FROM \"{table}\" t" for table in tables)
    found = {}
    for query, prefix in ((SCHEMA, "schema."), (rows, "")):
        for table, row in pg.query(query, database):
            found.setdefault(prefix + table, set()).add(row)
    return found


def changes(before, after):
    """Return the list of `Change` that makes of one snapshot the other."""
    found = []
    for table in sorted(before.keys() | after.keys()):
        old, new = before.get(table, set()), after.get(table, set())
        removed, added = _by_key(old - new), _by_key(new - old)
        for key, row in removed.items():
            if key in added:
                other = added.pop(key)
                columns = {name for name in row.keys() | other.keys() if row.get(name) != other.get(name)}
                found.append(Change(table, "changed", frozenset(columns), other))
            else:
                found.append(Change(table, "removed", frozenset(), row))
        found += [Change(table, "added", frozenset(), row) for row in added.values()]
    return found


def _by_key(rows):
    rows = {text: json.loads(text) for text in sorted(rows)}
    return {row.get("id") or row.get("name") or text: row for text, row in rows.items()}

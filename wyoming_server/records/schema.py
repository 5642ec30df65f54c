"""The tables, as the steps that made them. A step that was released is never edited: what changes is a further step."""

type Migration = tuple[str, ...]
"""Statements that take the file from one version to the next; they take effect together or not at all."""

_LEDGER: Migration = (
    # AUTOINCREMENT: a number that was once given names one upload for ever, also after a purge.
    """
    CREATE TABLE upload (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at_utc TEXT NOT NULL,
        day TEXT NOT NULL,
        lane TEXT NOT NULL,
        turn_id TEXT NOT NULL,
        reason TEXT NOT NULL,
        consent TEXT NOT NULL,
        seconds REAL NOT NULL,
        bytes INTEGER NOT NULL,
        cost REAL NOT NULL,
        currency TEXT NOT NULL,
        ending TEXT NOT NULL DEFAULT '',
        took_seconds REAL,
        has_left INTEGER NOT NULL DEFAULT 1
    ) STRICT
    """,
    # Covers what the caps are computed from, which is on the way of every upload.
    "CREATE INDEX upload_by_day ON upload (day, has_left, currency, reason, seconds, cost)",
    "CREATE INDEX upload_under_way ON upload (number) WHERE ending = ''",
    """
    CREATE TABLE home_use (
        day TEXT NOT NULL,
        lane TEXT NOT NULL,
        trust TEXT NOT NULL,
        uploads INTEGER NOT NULL,
        seconds REAL NOT NULL,
        bytes INTEGER NOT NULL,
        PRIMARY KEY (day, lane, trust)
    ) STRICT
    """,
)
_SNAPSHOTS: Migration = (
    """
    CREATE TABLE snapshot (
        name TEXT PRIMARY KEY,
        saved_utc TEXT NOT NULL,
        digest TEXT NOT NULL,
        state TEXT NOT NULL
    ) STRICT
    """,
)
_CHOICES: Migration = (
    """
    CREATE TABLE choice (
        name TEXT PRIMARY KEY,
        saved_utc TEXT NOT NULL,
        digest TEXT NOT NULL,
        value TEXT NOT NULL
    ) STRICT
    """,
)

MIGRATIONS: tuple[Migration, ...] = (_LEDGER, _SNAPSHOTS, _CHOICES)
"""The n-th takes the file to version n, which `PRAGMA user_version` holds."""

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
_TURNS: Migration = (
    # `turn`, `satellite` and `session` are keyed hashes (`pseudonyms`); day is the home's.
    """
    CREATE TABLE turn (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        turn TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        day TEXT NOT NULL,
        satellite TEXT NOT NULL,
        session TEXT NOT NULL,
        trusted INTEGER NOT NULL,
        microphone_class TEXT NOT NULL,
        language TEXT NOT NULL,
        model TEXT NOT NULL,
        action TEXT NOT NULL,
        route TEXT NOT NULL,
        lane TEXT NOT NULL,
        error TEXT NOT NULL,
        workload TEXT NOT NULL,
        critical INTEGER NOT NULL,
        intent TEXT NOT NULL,
        ended_by TEXT NOT NULL,
        spoke INTEGER NOT NULL,
        rules TEXT NOT NULL,
        risk REAL,
        logit REAL,
        threshold REAL,
        points TEXT NOT NULL,
        log_probability REAL,
        entropy REAL,
        snr_db REAL,
        clipping REAL,
        level_dbfs REAL,
        noise_dbfs REAL,
        speech_ratio REAL,
        speech_seconds REAL NOT NULL,
        retries INTEGER NOT NULL,
        capture_ms REAL,
        inference_ms REAL,
        hold_ms REAL,
        post_ms REAL,
        cloud_ms REAL,
        transport_ms REAL,
        last_word_to_text_ms REAL,
        end_to_text_ms REAL,
        uploads INTEGER NOT NULL,
        cloud_seconds REAL NOT NULL,
        cloud_cost REAL NOT NULL,
        is_baseline INTEGER NOT NULL,
        would_escalate INTEGER,
        wrong INTEGER,
        retried INTEGER,
        corrected INTEGER,
        abandoned INTEGER,
        no_intent INTEGER,
        result TEXT,
        disagreed INTEGER,
        token_error_rate REAL,
        audited INTEGER,
        chance REAL,
        summed INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    # Covers what figures over time are made of: a month's are 6000 turns, half a page each.
    """
    CREATE INDEX turn_by_time ON turn (
        at_ms, spoke, is_baseline, action, error, retried, cloud_seconds, last_word_to_text_ms, end_to_text_ms
    )
    """,
    "CREATE INDEX turn_by_day ON turn (day)",
    # Those that no day's sums have in them yet.
    "CREATE INDEX turn_to_sum ON turn (day) WHERE NOT summed",
    "CREATE INDEX turn_by_hash ON turn (turn)",
    "CREATE INDEX turn_by_satellite ON turn (satellite)",
    # Sums of a day, for each language and kind of microphone; both empty for all together. `figures` is JSON, `times`
    # what turns took: eight spans, each sorted by itself, so that no turn can be told from another (`day_sums`).
    """
    CREATE TABLE day_sum (
        day TEXT NOT NULL,
        language TEXT NOT NULL,
        microphone_class TEXT NOT NULL,
        figures TEXT NOT NULL,
        times BLOB NOT NULL,
        PRIMARY KEY (day, language, microphone_class)
    ) STRICT
    """,
    """
    CREATE TABLE load_sample (
        at_ms INTEGER PRIMARY KEY,
        cpu_percent REAL NOT NULL,
        memory_percent REAL NOT NULL,
        memory_mb REAL NOT NULL,
        decode_busy REAL NOT NULL,
        waiting INTEGER NOT NULL,
        throttled INTEGER
    ) STRICT
    """,
    # What its owner should know happened: a mode, a drift, a bundle that had to go. `message` is a sentence of ours.
    """
    CREATE TABLE incident (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms INTEGER NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        message TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX incident_by_time ON incident (at_ms)",
    # The scorecard of a month that is over, as JSON.
    """
    CREATE TABLE month (
        month TEXT PRIMARY KEY,
        made_utc TEXT NOT NULL,
        scorecard TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE baseline (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        began_utc TEXT NOT NULL,
        ends_utc TEXT NOT NULL,
        ended_utc TEXT NOT NULL DEFAULT '',
        consent TEXT NOT NULL,
        seconds_cap REAL NOT NULL,
        money_cap REAL NOT NULL,
        figures TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
)
_SEALED: Migration = (
    # A key for each class and day, wrapped by the hub's key: erasing it erases what was sealed with it. A day has a
    # second one where the hub's key was lost on it: then nothing opens the first.
    """
    CREATE TABLE data_key (
        number INTEGER PRIMARY KEY,
        class TEXT NOT NULL,
        day TEXT NOT NULL,
        wrapped BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX data_key_by_day ON data_key (class, day)",
    """
    CREATE TABLE sealed (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        class TEXT NOT NULL,
        day TEXT NOT NULL,
        turn TEXT NOT NULL,
        satellite TEXT NOT NULL,
        content BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX sealed_by_turn ON sealed (turn, class)",
    "CREATE INDEX sealed_by_day ON sealed (class, day)",
    "CREATE INDEX sealed_by_satellite ON sealed (satellite)",
)
_QUEUED: Migration = (
    # Requests that wait for a speech service. `content` and `sound` are sealed, `satellite` is a keyed hash; the times
    # are milliseconds by the clock that the queue believes. Of one that is over, the id is left.
    """
    CREATE TABLE queued (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        day TEXT NOT NULL,
        satellite TEXT NOT NULL,
        state TEXT NOT NULL,
        kind TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        until_ms INTEGER NOT NULL,
        tries INTEGER NOT NULL,
        why TEXT NOT NULL,
        started_by TEXT NOT NULL,
        repeats TEXT NOT NULL,
        content BLOB NOT NULL,
        sound BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX queued_by_satellite ON queued (satellite)",
)

MIGRATIONS: tuple[Migration, ...] = (_LEDGER, _SNAPSHOTS, _CHOICES, _TURNS, _SEALED, _QUEUED)
"""The n-th takes the file to version n, which `PRAGMA user_version` holds."""

"""What the data folder holds: every column of the store, and every file."""

from .lineage_shape import Fields, Flow, Form, Kind, flows_of


def table(name: str, fields: Fields) -> tuple[Flow, ...]:
    """Return the columns of a table."""
    return flows_of(Kind.COLUMN, name, fields)


def files(fields: Fields) -> tuple[Flow, ...]:
    """Return files of the data folder, as patterns for `fnmatch`; `*` stands for folders, too."""
    return flows_of(Kind.FILE, "data folder", fields)


FLOWS: tuple[Flow, ...] = (
    *table(
        "upload",
        {
            "ledger": {
                Form.NUMBER: "number seconds bytes cost took_seconds",
                Form.TIME: "at_utc day consent",
                Form.OWNER_WORD: "lane",
                Form.ID: "turn_id",
                Form.CODE: "reason currency ending",
                Form.TRUTH: "has_left",
            }
        },
    ),
    *table(
        "home_use",
        {
            "ledger": {
                Form.TIME: "day",
                Form.OWNER_WORD: "lane",
                Form.CODE: "trust",
                Form.NUMBER: "uploads seconds bytes",
            }
        },
    ),
    *table(
        "snapshot",
        {"learned": {Form.OWNER_WORD: "name", Form.TIME: "saved_utc", Form.NUMBER: "digest", Form.FIGURES: "state"}},
    ),
    *table(
        "choice",
        {
            "choices": {Form.CODE: "name", Form.TIME: "saved_utc", Form.NUMBER: "digest"},
            # Of lanes with their keys sealed; of satellites under a hash of their names.
            "lanes": {Form.SETTINGS: "value"},
        },
    ),
    *table(
        "turn",
        {
            "turns": {
                Form.NUMBER: "number risk logit threshold log_probability entropy snr_db clipping level_dbfs"
                " noise_dbfs speech_ratio speech_seconds retries capture_ms inference_ms hold_ms post_ms cloud_ms"
                " transport_ms last_word_to_text_ms end_to_text_ms uploads cloud_seconds cloud_cost",
                Form.TIME: "at_ms day",
                Form.HASH: "turn satellite session",
                Form.TRUTH: "summed trusted critical spoke is_baseline would_escalate wrong retried corrected abandoned"
                " no_intent",
                Form.CODE: "microphone_class language action route error workload intent ended_by rules result",
                Form.OWNER_WORD: "model lane",
                Form.FIGURES: "points",
            },
            "pairs": {Form.TRUTH: "disagreed audited", Form.NUMBER: "token_error_rate chance"},
        },
    ),
    *table(
        "day_sum",
        {"day-sums": {Form.TIME: "day", Form.CODE: "language microphone_class", Form.FIGURES: "figures times"}},
    ),
    *table(
        "load_sample",
        {
            "load": {
                Form.TIME: "at_ms",
                Form.NUMBER: "cpu_percent memory_percent memory_mb decode_busy waiting",
                Form.TRUTH: "throttled",
            }
        },
    ),
    *table(
        "incident",
        {
            "incidents": {
                Form.NUMBER: "number",
                Form.TIME: "at_ms",
                Form.CODE: "kind",
                Form.OWNER_WORD: "subject",
                Form.SENTENCE: "message",
            }
        },
    ),
    *table("month", {"scorecards": {Form.TIME: "month made_utc", Form.FIGURES: "scorecard"}}),
    *table(
        "baseline",
        {
            "baselines": {
                Form.NUMBER: "number seconds_cap money_cap",
                Form.TIME: "began_utc ends_utc ended_utc consent",
                Form.FIGURES: "figures",
            }
        },
    ),
    *table(
        "data_key",
        {
            "data-keys": {Form.NUMBER: "number", Form.CODE: "class", Form.TIME: "day"},
            # Of both: `class` says what for.
            "identifier-keys": {Form.SEALED: "wrapped"},
        },
    ),
    *table(
        "sealed",
        {
            # Transcripts and corrections likewise: `class` says which.
            "recordings": {
                Form.NUMBER: "number",
                Form.CODE: "class",
                Form.TIME: "day",
                Form.HASH: "turn satellite",
                Form.SEALED: "content",
            }
        },
    ),
    *files(
        {
            "turns": {
                Form.MIXED: "edge-voice.sqlite edge-voice.sqlite-wal edge-voice.sqlite-shm edge-voice.sqlite-journal"
                " edge-voice.damaged-[1-9].sqlite edge-voice.damaged-[1-9].sqlite-wal"
                " edge-voice.damaged-[1-9].sqlite-shm"
            },
            "master-key": {Form.KEY: "master-key"},
            "hub-key": {Form.KEY: "records-key"},
            "control-token": {Form.KEY: "control-token"},
            "tls-key": {Form.KEY: "control-key.pem", Form.VERSION: "control-certificate.pem"},
            "server-id": {Form.ID: "identity"},
            "models": {
                Form.MODEL: "models/* bundles/installed/* bundles/staged/* bundles/parts/* bundles/.leaving-*",
                Form.CODE: "choice.json crashes/at_work crashes/crashed.json",
            },
            "bundle-state": {
                Form.CODE: "bundles/state.json bundles/state.damaged.json bundles/running.json bundles/looked.json",
                Form.ADDRESS: "bundles/trust.json bundles/lock bundles/.trying/*",
                Form.KEY: "bundles/updating",
                Form.VERSION: "bundles/root.json bundles/metadata/*",
            },
            "canary-counts": {Form.NUMBER: "bundles/canary.json"},
            "cohort-reports": {Form.NUMBER: "bundles/reports.json"},
        }
    ),
    # What is opened to be written outside of it: nowhere, and how readily a trial's process is ended.
    *flows_of(Kind.FILE, "system", {"status": {Form.NUMBER: "/dev/null /proc/*/oom_score_adj"}}),
)

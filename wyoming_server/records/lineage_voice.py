"""What the server hears and says by Wyoming, announces by zeroconf, and tells the Supervisor."""

from .lineage_shape import Fields, Flow, Form, Kind, flows_of


def heard(event: str, fields: Fields) -> tuple[Flow, ...]:
    """Return the fields of a peer's event that are read; `edge_voice.…` are those of its context."""
    return flows_of(Kind.WYOMING_IN, event, fields)


def said(event: str, fields: Fields) -> tuple[Flow, ...]:
    """Return the fields of an event of ours."""
    return flows_of(Kind.WYOMING_OUT, event, fields)


_CALLER: Fields = {
    "satellites": {
        Form.NAME: "edge_voice.satellite_id edge_voice.session_id",
        Form.CODE: "edge_voice.microphone_class",
    },
    "choices": {
        Form.CODE: "edge_voice.lane edge_voice.expect edge_voice.mode vad_sensitivity",
        Form.TRUTH: "edge_voice.can_confirm edge_voice.client_lane edge_voice.answer_early",
    },
}

FLOWS: tuple[Flow, ...] = (
    *heard(
        "transcribe",
        {
            "live-audio": {Form.CODE: "language", Form.OWNER_WORD: "name"},
            "vocabulary": {Form.NAME: "transcript_names transcript_terms"},
            **_CALLER,
        },
    ),
    *heard("detect", {"wake-audio": {Form.OWNER_WORD: "names"}}),
    *heard("audio", {"live-audio": {Form.NUMBER: "rate width channels", Form.SOUND: "payload"}}),
    *heard("ping", {"status": {Form.SENTENCE: "text"}}),
    *said("info", {"status": {Form.MIXED: "asr wake handle intent mic snd tts"}}),
    *said("pong", {"status": {Form.SENTENCE: "text"}}),
    *said(
        "detection",
        {
            "wake-audio": {
                Form.OWNER_WORD: "name",
                Form.CODE: "speaker",  # always empty: nobody is recognised by voice
                Form.TIME: "timestamp",
                Form.NUMBER: "edge_voice.score edge_voice.timestamp_ms",
                Form.VERSION: "edge_voice.schema",
            }
        },
    ),
    *said("voice-started", {"live-audio": {Form.TIME: "timestamp"}}),
    *said("voice-stopped", {"live-audio": {Form.TIME: "timestamp"}}),
    *said("transcript-chunk", {"transcripts": {Form.TEXT: "text"}}),
    *said(
        "transcript",
        {
            "transcripts": {Form.TEXT: "text"},
            "turns": {
                Form.CODE: "language edge_voice.action edge_voice.class edge_voice.ended_by edge_voice.intent"
                " edge_voice.route edge_voice.rules",
                Form.VERSION: "edge_voice.schema",
                Form.ID: "edge_voice.turn_id",
                Form.SENTENCE: "edge_voice.reason edge_voice.why",
                Form.OWNER_WORD: "edge_voice.lane edge_voice.model",
                Form.NUMBER: "edge_voice.risk edge_voice.threshold",
                Form.TRUTH: "edge_voice.critical",
                Form.FIGURES: "edge_voice.lanes edge_voice.latency_ms edge_voice.points edge_voice.quality",
            },
        },
    ),
    *said("transcript-stop", {"turns": {Form.FIGURES: "edge_voice.latency_ms"}}),
    *said("error", {"status": {Form.CODE: "code", Form.SENTENCE: "text"}}),
    *flows_of(
        Kind.ANNOUNCEMENT,
        "_edge-voice._tcp.local.",
        {
            "server-id": {Form.ID: "id name"},
            "status": {
                Form.VERSION: "version api",
                Form.CODE: "languages control",
                Form.NUMBER: "control_port wyoming_port port",
                Form.TRUTH: "tls",
                Form.ADDRESS: "hosts",
            },
        },
    ),
    *flows_of(
        Kind.SUPERVISOR,
        "discovery",
        {
            "status": {Form.ADDRESS: "host", Form.NUMBER: "port wyoming_port"},
            "control-token": {Form.KEY: "token"},
            "tls-key": {Form.VERSION: "fingerprint"},
            "server-id": {Form.ID: "id"},
        },
    ),
)

"""What is kept, and for how long: one window for each class of data. `edge-voice privacy lineage` lists the classes."""

from dataclasses import dataclass

from ..pipeline.checked import Checked, ranged

LONGEST_DAYS = 3650


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSettings(Checked):
    """What is written down of turns, and for how many days. Texts and sound only where the owner turned that on."""

    keep_recordings: bool = False
    """Whether the sound of turns is kept, encrypted, for `recording_days`. Texts: `control.keep_transcripts`."""
    turn_days: int = ranged(30, at_least=1, at_most=LONGEST_DAYS)
    """Records of single turns: features, decision, times; no text, satellites and sessions as keyed hashes."""
    pair_days: int = ranged(30, at_least=1, at_most=LONGEST_DAYS)
    """Of these: whether a service heard something else."""
    aggregate_days: int = ranged(400, at_least=32, at_most=LONGEST_DAYS)
    """Sums per day, monthly scorecards, baselines, incidents, and samples of the hub's load."""
    ledger_days: int = ranged(400, at_least=32, at_most=LONGEST_DAYS)
    """Rows of uploads."""
    transcript_days: int = ranged(7, at_least=1, at_most=LONGEST_DAYS)
    """Texts, where they are kept. No text, correction or sound outlives its turn's record."""
    correction_days: int = ranged(30, at_least=1, at_most=LONGEST_DAYS)
    """What was really said, where texts are kept."""
    recording_days: int = ranged(7, at_least=1, at_most=LONGEST_DAYS)
    """Sound, where it is kept."""
    learned_days: int = ranged(400, at_least=1, at_most=LONGEST_DAYS)
    """What was learned and is not in use any more, such as the threshold of a model that has gone."""
    most_recording_mb: int = ranged(200, at_least=1, at_most=100_000)
    """Recordings beyond that are let go, the oldest first."""

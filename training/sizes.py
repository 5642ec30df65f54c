"""How much of everything: one run that makes the model, one that only proves the pipeline."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The amounts of one run."""

    natural: int
    """Sentences drawn as often as a home would say them."""
    even: int
    """Sentences drawn so that no family is rare."""
    garbled: int
    """Word strings without sense."""
    fixed_phrases: int
    """The most common whole phrases, each said in `voices_per_phrase` voices."""
    voices_per_phrase: int
    evaluated: int
    """Held-out sentences for each voice of the evaluation."""
    shard: int
    """Utterances spoken, and stored, at a time."""
    bpe_tokens: int
    """Text tokens: every byte and the merges."""
    round_examples: int
    """Examples made, sorted by length and cut into batches at a time."""
    gentle_rounds: int
    """Rounds at the start with little noise."""
    batch_frames: int
    """Mel frames in a batch, padding included."""
    steps: int
    warmup_steps: int
    checkpoint_steps: int
    """Steps between two checkpoints."""
    noise_seconds: int
    """Length of each noise that clips are cut from."""


FULL = Sizes(
    natural=12_900,
    even=5_160,
    garbled=2_940,
    fixed_phrases=250,
    voices_per_phrase=8,
    evaluated=60,
    shard=400,
    bpe_tokens=1000,
    round_examples=400,
    gentle_rounds=150,
    batch_frames=7200,
    steps=12_200,
    warmup_steps=400,
    checkpoint_steps=400,
    noise_seconds=32,
)

SMALL = Sizes(
    natural=160,
    even=60,
    garbled=40,
    fixed_phrases=20,
    voices_per_phrase=2,
    evaluated=4,
    shard=60,
    bpe_tokens=1000,
    round_examples=120,
    gentle_rounds=2,
    batch_frames=3600,
    steps=48,
    warmup_steps=10,
    checkpoint_steps=16,
    noise_seconds=12,
)

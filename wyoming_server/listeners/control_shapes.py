"""Words that the shapes of the control API's answers share."""

from .control_values import Choice, Number, Several, Text, Whole, record

PROSE = Text(most=20_000)
"""A sentence for people, or a text that was said."""
NAME = Text(most=500)
COUNT = Whole(0)
AMOUNT = Number(0)
RATE = Number(0, 1)
HEX_ID = Text(most=32, pattern="[0-9a-f]{32}", form="32 hex digits")
FINGERPRINT = Text(most=64, pattern="[0-9a-f]{64}", form="64 hex digits")
MICROPHONES = ("far_field", "near_field", "phone", "headset")
ROUTING_MODES = ("auto", "edge", "cloud")
TRUST = Choice("hub", "home", "cloud")
STAGES = ("capture", "inference", "hold", "post", "cloud", "transport")
WHAT = ("turns", "transcripts", "recordings", "corrections", "queue", "aggregates", "learned", "satellites",
        "vocabulary", "ledger", "choices", "lanes")  # fmt: skip
"""What can be erased."""
NAMES = ("names", "areas", "floors", "terms", "critical")
"""What a home tells of itself."""
SUMS = Several(record({"lane": NAME, "trust": TRUST, "uploads": COUNT, "seconds": AMOUNT, "cost": AMOUNT}))

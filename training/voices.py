"""The voices: which there are, how they may be varied, which are never trained on."""

import random
from dataclasses import dataclass
from enum import StrEnum


class Program(StrEnum):
    """A speech synthesiser of the distribution."""

    ESPEAK = "espeak-ng"
    FLITE = "flite"
    FESTIVAL = "festival"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """One voice of one program."""

    program: Program
    name: str
    scales: tuple[float, float] = (1.0, 1.0)
    """The range that pitch and formants are scaled by together: other speakers out of one voice."""


ACCENTS = {
    "en-us": 6,
    "en-gb": 3,
    "en-gb-x-rp": 1,
    "en-gb-scotland": 1,
    "en-gb-x-gbclan": 1,
    "en-gb-x-gbcwmd": 1,
    "en-029": 1,
    "en-us-nyc": 1,
}
VARIANTS = (  # noqa: SIM905  # names without seventy pairs of quotes
    "m1 m2 m3 m4 m5 m6 m7 m8 f1 f1 f2 f2 f4 f4 f5 f5 klatt klatt2 klatt3 klatt4 Alicia Andrea Andy Annie Denis Diogo "
    "Gene Gene2 Hugo Jacky Lee Marco Mario Mike Tweaky adam anika antonio aunty belinda benjamin boris caleb david ed "
    "edward grandma grandpa iven john linda marcelo max miguel norbert pablo paul quincy rob robert sandro shelby "
    "steph steph2 steph3 travis victor zac whisper croak"
).split()
ESPEAK_SCALES = (0.94, 1.06)
RECORDED = {  # voice: its share of all utterances; the rest is espeak-ng's
    Voice(program=Program.FLITE, name="slt", scales=(0.78, 1.08)): 0.14,
    Voice(program=Program.FLITE, name="awb", scales=(0.88, 1.25)): 0.14,
    Voice(program=Program.FLITE, name="kal16", scales=(0.88, 1.3)): 0.07,
    Voice(program=Program.FESTIVAL, name="voice_kal_diphone", scales=(0.88, 1.28)): 0.04,
    Voice(program=Program.FESTIVAL, name="voice_cmu_us_slt_arctic_hts", scales=(0.82, 1.12)): 0.09,
}
HELD_OUT = ("flite:rms", "espeak-ng:en-us+f3", "espeak-ng:en-us+Michael")
"""Never trained on, in any accent, and spoken as they are."""


def name_of(voice: Voice) -> str:
    """Return the name that `by_name` understands."""
    return f"{voice.program}:{voice.name}"


def by_name(name: str) -> Voice:
    """Return the voice of a name like "flite:slt"; held-out voices come without scaling."""
    program, _, voice = name.partition(":")
    if program == Program.ESPEAK:
        return Voice(program=Program.ESPEAK, name=voice, scales=(1.0, 1.0) if name in HELD_OUT else ESPEAK_SCALES)
    recorded = {name_of(voice): voice for voice in RECORDED}
    return recorded.get(name) or Voice(program=Program(program), name=voice)


def draw_training_voice(rng: random.Random) -> str:
    """Return the name of a voice that may be trained on."""
    chosen = rng.choices([*RECORDED, None], [*RECORDED.values(), 1 - sum(RECORDED.values())])[0]
    if chosen:
        return name_of(chosen)
    accent = rng.choices(list(ACCENTS), list(ACCENTS.values()))[0]
    variant = rng.choice(["", *VARIANTS])
    return f"{Program.ESPEAK}:{accent}" + (f"+{variant}" if variant else "")

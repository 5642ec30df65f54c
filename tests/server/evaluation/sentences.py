"""What is said in the synthesised recordings: home commands as people say them, and questions that no home answers.

The starter model writes numbers as digits, "%" and a final stop or question mark; so does the truth here. Its recipe
kept one sentence in ten out of training, told by a checksum; commands here are drawn from that tenth only, so none of
them was ever heard in training. The same checksum deals sentences out to the two splits, so no sentence is in both.
"""

import itertools
import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import yaml

SPLITS = ("fit", "held")
UNTRAINED_SHARE = 10
"""The recipe trained on no sentence whose CRC-32 this divides."""

_WORDS: Mapping[str, Sequence[str]] = {
    slot: [str(word) for word in words]
    for slot, words in yaml.safe_load(Path(__file__).with_name("words.yaml").read_text("utf-8")).items()
}


def _either(*slots: str) -> str:
    """Return a pattern for any word of some slots, the longest first."""
    return "|".join(sorted((word for slot in slots for word in _WORDS[slot]), key=len, reverse=True))


COMMANDS = (  # the commonest first and more than once: homes mostly switch lights
    *["Turn {switch} the {area} {light}.", "Turn {switch} the {area} {device}."] * 3,
    "Turn the {area} {light} {switch}.",
    "Turn {switch} the {light} in the {area}.",
    "Turn {switch} {name}'s {light}.",
    "Switch {switch} the {device}.",
    "Switch the {area} {device} {switch}.",
    "Turn {switch} all the lights in the {area}.",
    "Please turn {switch} the {area} {device}.",
    "Set the {area} {light} to {percent}.",
    "Set the brightness of the {area} {light} to {percent}.",
    "Dim the {area} {light} to {percent}.",
    "Make the {area} {light} {color}.",
    "Set the {light} in the {area} to {color}.",
    "{open} the {area} {cover}.",
    "{open} the {cover} in the {area}.",
    "Set the {area} {cover} to {percent}.",
    "Lock the {lock}.",
    "Unlock the {lock}.",
    "Is the {lock} locked?",
    "Set the {area} thermostat to {degrees} degrees.",
    "Set the heating in the {area} to {degrees} degrees.",
    "What's the temperature in the {area}?",
    "How warm is it in the {area}?",
    "Will it rain {day}?",
    "Play {music} in the {area}.",
    "Play {music} on the {area} {player}.",
    "Set the {area} {player} volume to {percent}.",
    "Stop the music in the {area}.",
    "Set a timer for {minutes} minutes.",
    "Set a {meal} timer for {minutes} minutes.",
    "Add {minutes} minutes to the timer.",
    "Add {item} to my shopping list.",
    "Add {item} and {item} to the shopping list.",
    "Remove {item} from the shopping list.",
    "Remind me to {task} {day}.",
    "Add {task} to my to do list.",
    "Activate {scene} mode.",
    "Turn on the {scene} scene.",
    "Is the {area} {light} {switch}?",
    "Is {name} in the {area}?",
    "Where is {name}?",
    "Tell {name} dinner is ready.",
    "Vacuum the {area}.",
    "Wake me up {day} at {hour} AM.",
    "Set an alarm for {hour} PM.",
    "Turn {switch} the {area} {device} and the {area} {light}.",
    "Turn {switch} the {area} {light} in {minutes} minutes.",
    "Is there motion in the {area}?",
)
QUESTIONS = {
    "fit": (
        "Who was {person} married to?",
        "How far is {planet} from the sun?",
        "What is the population of {country}?",
        "How do you spell {animal}?",
        "Translate butterfly into {language}.",
        "When was the {thing} invented?",
        "Explain {subject} to a child.",
        "How long should I boil {food}?",
        "Which team won the {sport} championship?",
        "Do {animal} babies sleep underground?",
        "What currency do they use in {country}?",
        "Read me a poem about a {thing}.",
        "Why did {person} become so famous?",
        "Could a {animal} swim across the river?",
        "Did {person} ever visit {country}?",
        "Do people in {country} enjoy {food}?",
        "Should I learn {language} before travelling?",
        "Compare {sport} with {sport}.",
    ),
    "held": (
        "What is the capital of {country}?",
        "Who taught {person} mathematics?",
        "How many moons does {planet} have?",
        "How fast can an {animal} run?",
        "Give me a recipe for {food}.",
        "How do I say good luck in {language}?",
        "What are the rules of {sport}?",
        "Write a short summary about {subject}.",
        "How much does a {thing} usually cost?",
        "In which century was {person} born?",
        "Tell me an interesting fact about {country}.",
        "What do {animal} families eat during winter?",
        "Recommend a book about {subject}.",
        "Can you describe how a {thing} works?",
        "Is {food} healthy for elderly people?",
        "Would {person} have liked {food}?",
        "What does {thing} mean in {language}?",
        "How many hours is a flight from {country} to {country}?",
    ),
}
MOST_DRAWS = 5000
EACH_OTHER = 10
"""What is not drawn counts as often as a command of one pattern about does."""
_SLOT = re.compile(r"{(\w+)}")
_THING = re.compile(
    r"\b(?:({area}) |({name})'s )?({thing})\b".format(
        area=_either("area"), name=_either("name"), thing=_either("light", "device", "cover", "lock")
    )
)


def commands(split: str, count: int, *, seed: int) -> list[str]:
    """Return so many different home commands of a split, none of which the starter model was trained on."""
    return _different(_drawn(COMMANDS, random.Random(f"{split}:{seed}"), _untrained_of(split)), count)


def usual(split: str, count: int, *, seed: int) -> list[str]:
    """Return how people word home commands, as often as they are drawn, and what else they say; none of the other's."""

    def fits(text: str) -> bool:
        return SPLITS[zlib.crc32(text.encode()) // UNTRAINED_SHARE % 2] == split

    drawn = itertools.islice(_drawn(COMMANDS, random.Random(f"{split}:{seed}"), fits), count)
    return [*drawn, *_WORDS["others"] * EACH_OTHER]


def questions(split: str, count: int, *, seed: int) -> list[str]:
    """Return so many different questions outside a home's grammar; the splits share no question and no pattern."""
    return _different(_drawn(QUESTIONS[split], random.Random(f"{split}:{seed}"), lambda _text: True), count)


def names_in(text: str) -> set[str]:
    """Return the names of things that a command speaks of, as their home would list them: "kitchen lamp", "gate"."""
    return {match[0].lower() for match in _THING.finditer(text)}


def areas_in(text: str) -> set[str]:
    """Return the areas that a command speaks of."""
    return {area for area in _WORDS["area"] if re.search(rf"\b{area}\b", text)}


def aloud(text: str) -> str:
    """Return a text as a synthesiser must be given it."""
    return re.sub(r"\b(TV|AM|PM)\b", lambda match: " ".join(match[0]), text.replace("%", " percent"))


def _untrained_of(split: str) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        number, rest = divmod(zlib.crc32(text.encode()), UNTRAINED_SHARE)
        return rest == 0 and SPLITS[number % 2] == split

    return fits


def _drawn(templates: Sequence[str], chance: random.Random, fits: Callable[[str], bool]) -> Iterator[str]:
    while True:
        text = _SLOT.sub(lambda slot: chance.choice(_WORDS[slot[1]]), chance.choice(templates))
        text = re.sub(r"\b([Aa]) ([aeiou])", r"\1n \2", re.sub(r"\b([Aa])n ([^aeiou])", r"\1 \2", text))
        if fits(text):
            yield text


def _different(texts: Iterator[str], count: int) -> list[str]:
    found = dict.fromkeys(itertools.islice(texts, MOST_DRAWS))
    if len(found) < count:
        raise ValueError(f"there are only {len(found)} different sentences, not {count}")
    return list(found)[:count]

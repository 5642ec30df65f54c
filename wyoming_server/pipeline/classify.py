"""Match + text + length → what kind of thing is asked for, and whether an error would cost.

Criticality follows what voice platforms ask a PIN for: what opens, unlocks or disarms matters, and so does what
switches a whole home or floor. What locks, closes or arms does not: heard wrongly, it leaves the home safer and is
undone by a word. A text that the grammar does not know is judged by its words, and careful: a question back is cheap.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from .answers import NO_ANSWERS, Answers
from .critical import NOTHING_CRITICAL, Critical
from .policy import WaitKind, Workload, WorkloadClass
from .types import Continuation, GrammarMatch
from .wording import bare, is_one_edit

DICTATION_WORDS = 20
"""No command or question of a home is as long; Home Assistant's own longest sentences have 15 words."""
DICTATION_SECONDS = 8.0
"""Speech as long is free text: a command takes one to four seconds."""
GLIMPSE_WORDS = 8
"""In a text no longer than this, a door that is named is what it is about."""
SHORTEST_NEARLY = 4
"""Shorter words are one letter away from too many others."""
MOST_CHARACTERS = 2000
"""Read for words that matter: 15 s of speech, the longest that a satellite sends, are 300."""
SPACELESS = frozenset({"ja", "km", "lo", "my", "th", "yue", "zh"})
"""Languages written without spaces, where a word has two characters or so."""

_GAP = r" (?:\S+ ){0,5}"
"""Between the words of a phrase: "turn the alarm in the hall off" says "turn off"."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases that may be said: their words in order, at most five others between; `*` is any part of a word."""

    said: tuple[str, ...] = ()
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile them, once."""
        one_of = "|".join(_GAP.join(map(_word, phrase.split())) for phrase in self.said) or "(?!)"
        object.__setattr__(self, "_pattern", re.compile(rf"(?<!\S)(?:{one_of})(?!\S)"))

    def within(self, words: str) -> bool:
        """Tell whether bare text says one of them."""
        return self._pattern.search(words) is not None

    def begin(self, words: str) -> bool:
        """Tell whether bare text begins with one of them."""
        return self._pattern.match(words) is not None

    def taken_off(self, words: str) -> str:
        """Return bare text without those that it begins with."""
        while found := self._pattern.match(words):
            words = words[found.end() :].lstrip()
        return words

    def nearly(self, words: str) -> bool:
        """Tell whether bare text has a word one edit away from one of them: "dor" for "door"."""
        singles = [phrase.replace("*", "") for phrase in self.said if " " not in phrase]
        long = [one for one in singles if len(one) >= SHORTEST_NEARLY]
        return any(is_one_edit(word, one) for word in words.split() for one in long)


def _word(word: str) -> str:
    return r"\S*".join(re.escape(bare(part)) for part in word.split("*"))


NO_PHRASES = Phrases()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """Things that keep a home safe, and the words that open and close them."""

    what: str
    """What opening them means, for people: "it may open a door or a lock"."""
    things: Phrases = NO_PHRASES
    rooms: Phrases = NO_PHRASES
    """Things that are rooms as well (a garage): they count with an opening word, or as a device's whole name."""
    opening: Phrases = NO_PHRASES
    closing: Phrases = NO_PHRASES

    def opened_by(self, words: str) -> bool:
        """Tell whether bare text says that one is to be opened."""
        return self.opening.within(words) and (self.things.within(words) or self.rooms.within(words))

    def may_open(self, words: str) -> bool:
        """Tell whether short bare text is about one and does not say that it is to be closed, perhaps misspelt."""
        if self.opening.within(words):
            return self.things.nearly(words) or self.rooms.nearly(words)
        return self.things.within(words) and not self.closing.within(words)

    def closed_by(self, words: str) -> bool:
        """Tell whether bare text says that one is to be closed, and nothing else."""
        return self.closing.within(words) and not self.opening.within(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassWords:
    """What one language's people say; all empty for a language without data, where intents and slots decide alone."""

    requests: Phrases = NO_PHRASES
    """Openers that say nothing about what follows: "could you"."""
    questions: Phrases = NO_PHRASES
    """Words that a question begins with."""
    lists: Phrases = NO_PHRASES
    """Beginnings of what is written down."""
    notes: Phrases = NO_PHRASES
    """Those of it that are for a note."""
    reminders: Phrases = NO_PHRASES
    """Those of it that remind somebody."""
    timers: Phrases = NO_PHRASES
    dictation: Phrases = NO_PHRASES
    alone: Phrases = NO_PHRASES
    """Words that matter whatever they are said of: "unlock"."""
    everything: Phrases = NO_PHRASES
    """Switching all there is."""
    guarded: tuple[Guarded, ...] = ()
    harmless: Phrases = NO_PHRASES
    """Device nouns that take the danger out of a name: "garage light"."""
    answers: Answers = NO_ANSWERS
    """What is said to a yes-or-no question."""


NO_WORDS = ClassWords()


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentGroup:
    """Intents of one class, by the pattern of their names."""

    pattern: str
    kind: WorkloadClass
    reason: str
    asks: bool = False
    """It changes nothing."""
    waits: WaitKind | None = None


_WRITTEN_DOWN = "it is written down"
INTENT_GROUPS = (
    IntentGroup(pattern="HassTimerStatus", kind=WorkloadClass.LIST, reason="it asks about a timer", asks=True),
    IntentGroup(pattern="Hass*Timer*", kind=WorkloadClass.LIST, reason="it is about a timer"),
    IntentGroup(pattern="HassShoppingList*", kind=WorkloadClass.LIST, reason=_WRITTEN_DOWN, waits=WaitKind.LIST),
    IntentGroup(pattern="HassList*", kind=WorkloadClass.LIST, reason=_WRITTEN_DOWN, waits=WaitKind.LIST),
    IntentGroup(pattern="*Todo*", kind=WorkloadClass.LIST, reason=_WRITTEN_DOWN, waits=WaitKind.LIST),
    IntentGroup(pattern="*Note*", kind=WorkloadClass.LIST, reason=_WRITTEN_DOWN, waits=WaitKind.NOTE),
    IntentGroup(pattern="*Remind*", kind=WorkloadClass.LIST, reason=_WRITTEN_DOWN, waits=WaitKind.REMINDER),
    IntentGroup(pattern="Hass*Get*", kind=WorkloadClass.COMMAND, reason="the hub can answer it itself", asks=True),
    IntentGroup(pattern="HassRespond", kind=WorkloadClass.COMMAND, reason="it is small talk", asks=True),
    IntentGroup(pattern="HassNevermind", kind=WorkloadClass.COMMAND, reason="it takes something back", asks=True),
    # A broadcast is people's own words, but it is of use now or not at all: it never waits.
    IntentGroup(pattern="HassBroadcast", kind=WorkloadClass.COMMAND, reason="it is passed on to people", asks=True),
    IntentGroup(pattern="*", kind=WorkloadClass.COMMAND, reason="it is a command that the home knows"),
)
"""The first that fits an intent's name says what it is; the last takes in the owner's own intents."""

INNER_COMMAND = "conversation_command"
"""The slot of a command that a timer delays."""
ENTRY_CLASSES = frozenset({"door", "garage", "gate", "window"})
"""Covers that people get in by; blinds, curtains, shades, shutters and awnings are none."""
ENTRY = "it may open a door, gate, window or lock"
ALARM = "it may switch the alarm off"
EVERYTHING = "it may switch a whole home or floor"
NAMED = "it may open, unlock or disarm something of this home"


def expected_kind(speech_seconds: float) -> WorkloadClass:
    """Return the class that speech of a length has most often, before there is any text."""
    return WorkloadClass.DICTATION if speech_seconds >= DICTATION_SECONDS else WorkloadClass.COMMAND


def classify(
    text: str,
    match: GrammarMatch,
    *,
    language: str,
    speech_seconds: float,
    words: ClassWords = NO_WORDS,
    critical: Critical = NOTHING_CRITICAL,
) -> Workload:
    """Return what a recognised text asks for; `words` are those of its `language`. Takes any text.

    `critical` is what the home says of itself: what a command for one of its names may do, no word of it tells.
    """
    whole = bare(text[:MOST_CHARACTERS])
    said = words.requests.taken_off(whole)
    is_known = match.intent is not None or match.continuation is not Continuation.EXPECTED
    if match.intent is not None:
        found = _by_intent(match.intent, match.slots, said, words)
    else:
        is_long = speech_seconds >= DICTATION_SECONDS or _count_words(text, language) >= DICTATION_WORDS
        found = _by_words(said, words, is_long=is_long and not is_known, is_known=is_known)
    if not found.critical and (
        critical.is_sentence(whole)
        or critical.is_sentence(said)
        or critical.is_sentence(words.answers.taken_off(whole))  # "no, good night": the integration does the rest alone
        or _is_for_a_critical_name(found, match, said, words, critical, spaceless=_is_spaceless(language))
    ):
        found = _workload(found.kind, found.reason, NAMED)
    return replace(found, is_known=is_known, is_answer=not found.critical and words.answers.are_all_of(whole))


def _is_for_a_critical_name(
    found: Workload, match: GrammarMatch, said: str, words: ClassWords, critical: Critical, *, spaceless: bool
) -> bool:
    """Tell whether a command names something that matters, and does not say that it is to be closed."""
    if found.kind is not WorkloadClass.COMMAND or words.questions.begin(said) or said.count(" ") >= GLIMPSE_WORDS:
        return False
    intent, slots = match.intent, match.slots
    if intent is not None and (_group_of(intent).asks or (intent == "HassTurnOn" and slots.get("domain") == "lock")):
        return False
    if intent is not None and slots.get("domain") == "cover" and not _opens(intent, slots):
        return False
    name = critical.named_in(said, spaceless=spaceless)
    rest = said.replace(name, " ")
    if not name or words.harmless.within(" ".join(rest.split())):
        return False
    kinds = [one for one in words.guarded if one.what == ENTRY or one.things.within(name)]
    return not any(one.closed_by(said) and not one.closing.within(name) for one in kinds)


def _is_spaceless(language: str) -> bool:
    return language.partition("-")[0] in SPACELESS


def _count_words(text: str, language: str) -> int:
    return len(text) // 2 if _is_spaceless(language) else text.count(" ") + 1


def _group_of(intent: str) -> IntentGroup:
    return next(one for one in INTENT_GROUPS if fnmatchcase(intent, one.pattern))


def _by_intent(intent: str, slots: Mapping[str, str | float], said: str, words: ClassWords) -> Workload:
    group = _group_of(intent)
    inner = slots.get(INNER_COMMAND)
    if group.asks:
        danger = ""
    elif inner is not None:
        danger = _danger_in_words(bare(str(inner)), words)
    elif group.kind is WorkloadClass.COMMAND:
        danger = _danger_in_slots(intent, slots, said, words)
    else:
        return _kept_for_later(group.reason, group.waits, said, words, is_sure=True)
    return _workload(group.kind, group.reason, danger, waits=group.waits)


def _by_words(said: str, words: ClassWords, *, is_long: bool, is_known: bool) -> Workload:
    if (waits := _written_down(said, words)) is not None:
        return _kept_for_later(_WRITTEN_DOWN, waits, said, words, is_sure=waits is WaitKind.REMINDER)
    if words.timers.begin(said):
        return _workload(WorkloadClass.LIST, "it is about a timer", _delayed_danger(said, words))
    danger = _danger_in_words(said, words)
    if is_long or words.dictation.begin(said):
        return _workload(WorkloadClass.DICTATION, "it is long or free text", danger)
    if words.questions.begin(said):
        kind = WorkloadClass.COMMAND if is_known else WorkloadClass.QUESTION
        return _workload(kind, "it begins like a question", danger)
    reason = "it is a command that the home knows" if is_known else "it is short, and the home's grammar lacks it"
    return _workload(WorkloadClass.COMMAND, reason, danger)


def _kept_for_later(reason: str, waits: WaitKind | None, said: str, words: ClassWords, *, is_sure: bool) -> Workload:
    """Return what is written down; an agent may well do both of "add milk and unlock the door", so that never waits.

    `is_sure` for what is no command in there: all of it is an item, or people are reminded to open a door.
    """
    danger = _delayed_danger(said, words) if waits is not None else ""
    if danger and is_sure:
        return _workload(WorkloadClass.LIST, f"{reason}; it does not wait: {danger}")
    return _workload(WorkloadClass.LIST, reason, danger, waits=waits)


def _written_down(said: str, words: ClassWords) -> WaitKind | None:
    """Return what kind of writing down a text begins like; None for none."""
    if words.reminders.begin(said):
        return WaitKind.REMINDER
    if words.notes.begin(said):
        return WaitKind.NOTE
    return WaitKind.LIST if words.lists.begin(said) else None


def _workload(kind: WorkloadClass, reason: str, danger: str = "", *, waits: WaitKind | None = None) -> Workload:
    return Workload(
        kind=kind,
        critical=bool(danger),
        waits=None if danger else waits,
        reason=f"{reason}; {danger}" if danger else reason,
    )


def _delayed_danger(said: str, words: ClassWords) -> str:
    """Return what an action that a timer delays might do; a timer that is merely named after a door does nothing."""
    is_said = words.alone.within(said) or any(one.opened_by(said) for one in words.guarded)
    return _danger_in_words(said, words) if is_said else ""


def _danger_in_slots(intent: str, slots: Mapping[str, str | float], said: str, words: ClassWords) -> str:
    """Return what a command of the grammar might do that matters, for people; empty when nothing."""
    domain, name = slots.get("domain"), bare(str(slots.get("name", "")))
    kind_of_cover = slots.get("device_class")
    if domain == "lock":
        return "" if intent == "HassTurnOn" else ENTRY
    if domain == "alarm_control_panel":
        return "" if any(one.closed_by(said) for one in words.guarded) else ALARM
    if domain == "cover" and kind_of_cover is not None:
        return ENTRY if kind_of_cover in ENTRY_CLASSES and _opens(intent, slots) else ""
    if name:
        return _danger_in_name(name, said, words) if domain != "cover" or _opens(intent, slots) else ""
    # The grammar takes "ouvre le garage" for the lights of a room; a home with such a door opens it.
    if intent == "HassTurnOn" and not words.harmless.within(said) and _opens_in_words(said, words):
        return ENTRY
    is_switched_off = intent == "HassTurnOff" and domain != "cover" and "area" not in slots
    return EVERYTHING if is_switched_off and ("floor" in slots or words.everything.within(said)) else ""


def _opens_in_words(said: str, words: ClassWords) -> bool:
    return any(one.what == ENTRY and one.opened_by(said) for one in words.guarded)


def _opens(intent: str, slots: Mapping[str, str | float]) -> bool:
    """Tell whether a command for a cover may open it."""
    return intent != "HassTurnOff" and slots.get("position") != 0


def _danger_in_name(name: str, said: str, words: ClassWords) -> str:
    """Return what a command for a device of that name might do: "front door" is a door, "garage light" is none."""
    if words.harmless.within(name):
        return ""
    for one in words.guarded:
        if one.things.within(name) or one.rooms.within(name):
            return "" if one.closed_by(said) else one.what
    return ""


def _danger_in_words(said: str, words: ClassWords) -> str:
    """Return what a text that the grammar does not know might do that matters; which way is open unless it says."""
    if words.questions.begin(said):
        # "can unlock the door" had a "you" in it: no question needs "unlock" as "is the door open" needs "open".
        return next((one.what for one in words.guarded if words.alone.within(said) and one.opened_by(said)), "")
    for one in words.guarded:
        if one.opened_by(said):
            return one.what
    if words.alone.within(said):
        return ENTRY
    if words.everything.within(said):
        return EVERYTHING
    if said.count(" ") >= GLIMPSE_WORDS or words.harmless.within(said):
        return ""
    return next((one.what for one in words.guarded if one.may_open(said)), "")

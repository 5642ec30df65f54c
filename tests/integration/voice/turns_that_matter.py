"""Turns about doors, simulated: real pipelines and agents of Home Assistant, real decisions, and every deed watched.

Each dialogue is one utterance, heard rightly or wrongly and at some risk, and often an answer: a clear yes, an unclear
one, a no, one from another satellite, one that is late, a correction, another command, or nothing. A deed that
matters must rest on a text within the threshold, on a lane's text, or on a clear yes from where the question was, in
time; every other one is a breach.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.components import conversation
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.core import Context, Event, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component

from custom_components.edge_voice.exchanges import ANSWER_SECONDS
from tests.integration.voice.conftest import speak_to
from tests.integration.voice.deciding import DecidingEar, Utterance
from tests.integration.voice.ear import said
from tests.integration.voice.house import House, Satellite
from wyoming_server.pipeline.policy import LaneState, Policy

MATTER: Final = frozenset(
    {("lock", "unlock"), ("lock", "open"), ("cover", "open_cover"), ("alarm_control_panel", "alarm_disarm")}
)
ALIASES: Final = {
    "de": "Haustür",
    "es": "puerta principal",
    "fr": "porte d'entrée",
    "it": "porta d'ingresso",
    "nl": "voordeur",
    "pl": "drzwi wejściowe",
    "pt": "porta da frente",
    "sv": "ytterdörren",
    "zh": "前门",
}
SPOKEN: Final = {
    "en": (
        *("Unlock the front door.", "Open the garage.", "open sesame", "Turn on movie night", "Run movie night."),
        *("please unlock the front door", "Open the big gate", "unlock front door", "activate movie night"),
    ),
    "de": ("Schließ die Haustür auf.", "Entsperre die Haustür", "Haustür aufschließen"),
    "es": ("Desbloquea la puerta principal.", "Abre la puerta principal"),
    "fr": ("Déverrouille la porte d'entrée.", "Ouvre la porte d'entrée"),
    "it": ("Sblocca la porta d'ingresso.", "Apri la porta d'ingresso"),
    "nl": ("Ontgrendel de voordeur.", "Doe de voordeur van het slot"),
    "pl": ("Odblokuj drzwi wejściowe.", "Otwórz drzwi wejściowe"),
    "pt": ("Destranque a porta da frente.", "Abra a porta da frente"),
    "sv": ("Lås upp ytterdörren.", "Öppna ytterdörren"),
    "zh": ("解锁前门", "打开前门"),
}
HARMLESS: Final = ("Turn on the kitchen light.", "Lock the front door.", "Close the garage.", "what time is it")
YES: Final = dict(zip(SPOKEN, ("Yes.", "Ja.", "Sí.", "Oui.", "Sì.", "Ja.", "Tak.", "Sim.", "Ja.", "是的"), strict=True))
NO: Final = dict(zip(SPOKEN, ("No.", "Nein.", "No.", "Non.", "No.", "Nee.", "Nie.", "Não.", "Nej.", "不"), strict=True))
OURS, THEIRS = "conversation.edge_voice", "conversation.home_assistant"
PATHS: Final = {"our entity": (OURS, False), "prefer-local": (OURS, True), "another agent": (THEIRS, False)}
ANSWERS: Final = (
    *("yes", "yes", "unclear yes", "no", "late yes", "yes elsewhere", "typed yes", "correction", "whole correction"),
    *("another command", "repeat", "nothing"),
)


class SteppingClock:
    """Seconds that go on by themselves a little, and by leaps when a test wants."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        self.now_s += 0.01
        return self.now_s


@dataclass(slots=True)
class Counts:
    """What was seen."""

    utterances: int = 0
    questions: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    """Deeds that matter, by what they rest on."""
    breaches: list[str] = field(default_factory=list)

    def told(self) -> dict[str, object]:
        """Return the figures."""
        return {
            "utterances": self.utterances,
            "questions asked": self.questions,
            "answers": dict(sorted(self.answers.items())),
            "deeds that matter, by what they rest on": dict(sorted(self.done.items())),
            "deeds from risky text without a yes or a lane": len(self.breaches),
        }


async def home_of_doors(core: HomeAssistant) -> None:
    """Set up what can be opened, in every way that the sentences name."""
    unlock = {"action": "lock.unlock", "target": {"entity_id": "lock.front_door"}}
    switches = {name: {} for name in ("locked", "garage_open", "gate_open")}

    def turn(name: str, to: str) -> dict[str, Any]:
        return {"action": f"input_boolean.turn_{to}", "target": {"entity_id": f"input_boolean.{name}"}}

    def cover(name: str, kind: str) -> dict[str, Any]:
        switch = f"{name.rsplit(maxsplit=1)[-1].lower()}_open"
        return {
            "name": name,
            "device_class": kind,
            "state": f"{{{{ is_state('input_boolean.{switch}', 'on') }}}}",
            "open_cover": turn(switch, "on"),
            "close_cover": turn(switch, "off"),
        }

    config: dict[str, Any] = {
        "input_boolean": {**switches, "kitchen_light": {"name": "Kitchen light"}},
        "template": [
            {
                "lock": [
                    {
                        "name": "Front door",
                        "state": "{{ is_state('input_boolean.locked', 'on') }}",
                        "lock": turn("locked", "on"),
                        "unlock": turn("locked", "off"),
                    },
                    {
                        "name": "Back door",
                        "state": "{{ true }}",
                        "lock": turn("locked", "on"),
                        "unlock": turn("locked", "off"),
                    },
                ]
            },
            {"cover": [cover("Garage", "garage"), cover("Big gate", "gate")]},
        ],
        "script": {"movie_night": {"alias": "Movie night", "sequence": [unlock]}},
        "automation": [
            {
                "alias": "Sesame",
                "triggers": [{"trigger": "conversation", "command": ["open sesame"]}],
                "actions": [unlock],
            }
        ],
    }
    for component in ("assist_pipeline", "assist_satellite", "conversation", *config):
        assert await async_setup_component(core, component, {component: config.get(component, {})})
    await core.async_block_till_done()
    for one in ("lock.front_door", "lock.back_door", "cover.garage", "cover.big_gate", "script.movie_night"):
        async_expose_entity(core, "conversation", one, should_expose=True)
    registry = er.async_get(core)
    if registry.async_get("lock.front_door") is not None:
        registry.async_update_entity("lock.front_door", aliases=[er.COMPUTED_NAME, *ALIASES.values()])


class Simulation:
    """Dialogues with a home, one after another, and what came of them."""

    def __init__(self, hass: HomeAssistant, house: House, ear: DecidingEar, clock: SteppingClock, seed: int) -> None:
        self._hass, self._house, self._ear, self._clock = hass, house, ear, clock
        self._dice = random.Random(seed)
        self._language, self._path = "en", "our entity"
        self._deeds: list[tuple[str, str]] = []
        self.counts = Counts()
        hass.bus.async_listen("call_service", self._note)

    def _note(self, event: Event[Any]) -> None:
        deed = (event.data["domain"], event.data["service"])
        if deed in MATTER:
            self._deeds.append(deed)

    async def run(self, utterances: int) -> Counts:
        """Go on until so much was said."""
        while self.counts.utterances < utterances:
            if self.counts.utterances % 40 < 2:
                await self._change_pipeline()
            await self._dialogue()
        return self.counts

    async def _change_pipeline(self) -> None:
        self._language = self._dice.choice([*SPOKEN, "en", "en", "en", "en"])
        self._path = self._dice.choice([*PATHS, "our entity", "our entity"])
        agent, prefers_local = PATHS[self._path]
        await speak_to(self._hass, agent=agent, prefer_local=prefers_local, language=self._language)

    async def _dialogue(self) -> None:
        first = self._utterance(self._sentence())
        await self._say(first, self._house.kitchen, allowed=not first.is_risky)
        if self._house.kitchen.goes_on:
            self.counts.questions += 1
            await self._answer(first.text)
        await self._hass.services.async_call("input_boolean", "turn_on", {"entity_id": "input_boolean.locked"})

    async def _answer(self, asked: str) -> None:
        kind = self._dice.choice(ANSWERS)
        self.counts.answers[kind] += 1
        if "yes" in kind or kind == "no":
            await self._answer_plainly(kind, YES[self._language])
        else:
            await self._answer_otherwise(kind, asked)
        self._clock.now_s += 1000.0

    async def _answer_plainly(self, kind: str, yes: str) -> None:
        kitchen, clear = self._house.kitchen, Utterance(text=yes)
        match kind:
            case "yes":
                await self._say(clear, kitchen, allowed=True, why="a yes")
            case "unclear yes":
                await self._say(Utterance(text=yes, logit=1.0), kitchen, allowed=False)
                if kitchen.goes_on:
                    await self._say(clear, kitchen, allowed=True, why="a second, clear yes")
            case "no":
                await self._say(Utterance(text=NO[self._language]), kitchen, allowed=False)
                await self._say(clear, kitchen, allowed=False)
            case "late yes":
                self._clock.now_s += ANSWER_SECONDS + self._dice.choice([0.5, 10.0, 86_400.0])
                await self._say(clear, kitchen, allowed=False)
                await self._say(clear, kitchen, allowed=False)
            case "yes elsewhere":
                await self._say(clear, self._house.bedroom, allowed=False)
            case "typed yes":
                await self._type(yes, kitchen)

    async def _answer_otherwise(self, kind: str, asked: str) -> None:
        kitchen = self._house.kitchen
        match kind:
            case "correction":
                rest = Utterance(text="No, the back door.", logit=self._dice.uniform(-6.0, 2.0))
                await self._say(rest, kitchen, allowed=False)
                if kitchen.goes_on and kitchen.spoken.startswith("Unlock the back door"):
                    await self._say(Utterance(text="Yes."), kitchen, allowed=True, why="a corrected yes")
            case "whole correction":
                whole = self._utterance("No, unlock the back door.")
                await self._say(whole, kitchen, allowed=not whole.is_risky)
            case "another command":
                other = self._utterance(self._sentence())
                await self._say(other, kitchen, allowed=not other.is_risky)
            case "repeat":
                await self._say(Utterance(text=asked, logit=1.0), kitchen, allowed=False)

    async def _say(self, one: Utterance, at: Satellite, *, allowed: bool, why: str = "a text within") -> None:
        """Say something; a deed without leave is a breach."""
        self._deeds.clear()
        await self._ear.hears(one, self._language)
        await at.converse(said(bytes(640)))
        await self._hass.async_block_till_done()
        self.counts.utterances += 1
        for deed in self._deeds:
            if allowed or self._ear.by_lane:
                self.counts.done["a lane's text" if self._ear.by_lane else why] += 1
            else:
                self.counts.breaches.append(f"{self._path}, {self._language}: {one.text!r} at {one.logit:.2f} → {deed}")

    async def _type(self, text: str, at: Satellite) -> None:
        """Type something into the same conversation, as an app could."""
        self._deeds.clear()
        conversation_id = at.data("run-start")["conversation_id"]
        await conversation.async_converse(
            self._hass, text, conversation_id, Context(), language=self._language, agent_id=OURS
        )
        self.counts.utterances += 1
        self.counts.breaches += [f"typed {text!r} → {deed}" for deed in self._deeds]

    def _sentence(self) -> str:
        if self._dice.random() < 0.15:
            return self._dice.choice(HARMLESS)
        return self._dice.choice(SPOKEN[self._language])

    def _utterance(self, text: str) -> Utterance:
        """Return how a sentence may be heard."""
        dice = self._dice
        return Utterance(
            text=_misheard(text, dice) if dice.random() < 0.35 else text,
            truth=text,
            logit=dice.choice([-6.0, -4.0, -2.5, -1.9, -1.0, 0.0, 1.0, 4.0]),
            lane=dice.choice(
                [None, None, LaneState.READY, LaneState.BROKEN, LaneState.CAPPED, LaneState.NOT_CONSENTED]
            ),
            answers=dice.random() < 0.6,
            policy=Policy(defer=dice.random() < 0.5, ask_text=dice.random() < 0.5),
            rules=("token-rate",) if dice.random() < 0.05 else (),
        )


def _misheard(text: str, dice: random.Random) -> str:
    """Return a text with a letter or a word of it wrong."""
    words = text.split()
    match dice.randrange(4):
        case 0 if len(words) > 1:
            del words[dice.randrange(len(words))]
        case 1:
            at = dice.randrange(len(words))
            words.insert(at, words[at])
        case 2:
            return text.upper()
        case _:
            at = dice.randrange(len(text))
            return text[:at] + dice.choice("aeort") + text[at + dice.randrange(2) :]
    return " ".join(words)


def names_told(asked: Sequence[tuple[str, str, Any]]) -> Mapping[str, Any]:
    """Return the names that a hub was told last; none before."""
    told = [body for method, path, body in asked if method == "PUT" and path.endswith("/vocabulary")]
    return told[-1] if told else {"names": [], "areas": []}

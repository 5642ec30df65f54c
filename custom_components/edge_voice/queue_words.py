"""What is said of requests that waited, in the languages that are spoken to us."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueWords:
    """One language's."""

    title: str
    done: str
    """With what the agent answered as {answer}."""
    silent: str
    """Instead, when the agent answered nothing."""
    more: str
    """After a few answers, with how many more there were as {count}."""
    needs_you: str
    """A request was not done, or may have been."""


WORDS: Final[Mapping[str, QueueWords]] = {
    "de": QueueWords(
        title="Wieder online",
        done="Wieder online: {answer}",
        silent="Wieder online: Was gewartet hat, ist erledigt.",
        more="Und {count} weitere.",
        needs_you="Etwas von vorhin ist vielleicht nicht erledigt. Sieh bitte unter „Wartende Anfragen“ nach.",
    ),
    "en": QueueWords(
        title="Back online",
        done="Back online: {answer}",
        silent="Back online: what was waiting is done.",
        more="And {count} more.",
        needs_you="Something you said earlier may not have been done. Please look at “Waiting requests”.",
    ),
    "es": QueueWords(
        title="De nuevo en línea",
        done="De nuevo en línea: {answer}",
        silent="De nuevo en línea: lo que estaba pendiente ya está hecho.",
        more="Y {count} más.",
        needs_you="Puede que algo que dijiste antes no se haya hecho. Mira «Peticiones en espera».",
    ),
    "fr": QueueWords(
        title="De nouveau en ligne",
        done="De nouveau en ligne : {answer}",
        silent="De nouveau en ligne : ce qui attendait est fait.",
        more="Et {count} de plus.",
        needs_you="Ce que vous avez dit tout à l’heure n’a peut-être pas été fait. Regardez « Demandes en attente ».",
    ),
    "it": QueueWords(
        title="Di nuovo online",
        done="Di nuovo online: {answer}",
        silent="Di nuovo online: quello che era in attesa è fatto.",
        more="E altre {count}.",
        needs_you="Qualcosa che hai detto prima forse non è stato fatto. Guarda «Richieste in attesa».",
    ),
    "nl": QueueWords(
        title="Weer online",
        done="Weer online: {answer}",
        silent="Weer online: wat wachtte, is gedaan.",
        more="En nog {count}.",
        needs_you="Iets wat je eerder zei, is misschien niet gedaan. Kijk bij ‘Wachtende verzoeken’.",
    ),
    "pl": QueueWords(
        title="Znowu online",
        done="Znowu online: {answer}",
        silent="Znowu online: to, co czekało, jest zrobione.",
        more="I jeszcze {count}.",
        needs_you="Coś, o co wcześniej poproszono, mogło nie zostać zrobione. Zajrzyj do „Oczekujących próśb”.",
    ),
    "pt": QueueWords(
        title="Online novamente",
        done="Online novamente: {answer}",
        silent="Online novamente: o que estava esperando foi feito.",
        more="E mais {count}.",
        needs_you="Algo que você disse antes talvez não tenha sido feito. Veja “Pedidos em espera”.",
    ),
    "sv": QueueWords(
        title="Online igen",
        done="Online igen: {answer}",
        silent="Online igen: det som väntade är gjort.",
        more="Och {count} till.",
        needs_you="Något du sa tidigare kanske inte blev gjort. Titta under ”Väntande önskemål”.",
    ),
    "zh": QueueWords(
        title="已恢复在线",
        done="已恢复在线：{answer}",
        silent="已恢复在线：等待中的请求已完成。",
        more="还有 {count} 项。",
        needs_you="您之前说的某个请求可能没有完成。请查看“等待中的请求”。",
    ),
}


def queue_words(language: str) -> QueueWords:
    """Return the words of a language, English ones where there are none."""
    return WORDS.get(language.replace("_", "-").split("-")[0].lower(), WORDS["en"])


def message_of(language: str, answer: str, *, is_done: bool) -> str:
    """Return how one request's end is told to whom asked for it."""
    words = queue_words(language)
    if not is_done:
        return words.needs_you
    return words.done.format(answer=answer.strip()) if answer.strip() else words.silent

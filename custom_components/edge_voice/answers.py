"""Questions that we ask back, and yes and no, in the languages that are spoken to us."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """To our own question."""

    YES = "yes"
    NO = "no"


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrases:
    """What is said, and what is understood, in one language."""

    ask: str
    """With the text that was understood as {text}."""
    declined: str
    unclear: str
    """Beside the question, when the answer was not understood."""
    given_up: str
    refused: str
    ask_text: str
    yes: frozenset[str]
    """Any of these words says yes, if all others are polite."""
    no: frozenset[str]
    polite: frozenset[str]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PHRASES: Mapping[str, Phrases] = {
    "en": Phrases(
        ask="Did you mean: {text}?",
        declined="Okay, I left it alone.",
        unclear="Sorry, yes or no?",
        given_up="I did not understand the answer, so I left it alone.",
        refused="I am not sure enough of what I heard, so I did nothing. Please say it again.",
        ask_text="I cannot hear you well enough here. Please type it.",
        yes=_words("yes yeah yep yup sure ok okay correct right exactly affirmative absolutely"),
        no=_words("no nope nah not never wrong cancel stop forget"),
        polite=_words(
            "please do it that is thats that's it's i did go ahead of course thanks thank you so mean don't dont"
        ),
    ),
    "de": Phrases(
        ask="Meintest du: {text}?",
        declined="Gut, ich habe nichts gemacht.",
        unclear="Wie bitte, ja oder nein?",
        given_up="Ich habe die Antwort nicht verstanden und nichts gemacht.",
        refused="Ich bin nicht sicher, was ich gehört habe, und habe nichts gemacht. Sag es bitte noch einmal.",
        ask_text="Ich höre dich hier zu schlecht. Bitte tippe es ein.",
        yes=_words("ja jawohl jep jo genau richtig stimmt okay ok klar gerne sicher"),
        no=_words("nein nee ne nicht falsch abbrechen stopp stop niemals"),
        polite=_words("bitte danke das mach mache es ist tu doch natürlich so war ich meinte"),
    ),
    "es": Phrases(
        ask="¿Quisiste decir: {text}?",
        declined="De acuerdo, no he hecho nada.",
        unclear="Perdón, ¿sí o no?",
        given_up="No he entendido la respuesta y no he hecho nada.",
        refused="No estoy seguro de lo que he oído y no he hecho nada. Dilo otra vez, por favor.",
        ask_text="Aquí no te oigo bien. Escríbelo, por favor.",
        yes=_words("sí si vale claro correcto exacto exactamente ok okay cierto bueno"),
        no=_words("no nunca cancela cancelar para incorrecto"),
        polite=_words("por favor gracias hazlo eso es lo quiero así supuesto"),
    ),
    "fr": Phrases(
        ask="Vouliez-vous dire : {text} ?",
        declined="D'accord, je n'ai rien fait.",
        unclear="Pardon, oui ou non ?",
        given_up="Je n'ai pas compris la réponse et je n'ai rien fait.",
        refused="Je ne suis pas assez sûr de ce que j'ai entendu et je n'ai rien fait. Répétez, s'il vous plaît.",
        ask_text="Je vous entends trop mal ici. Écrivez-le, s'il vous plaît.",
        yes=_words("oui ouais ok okay exact exactement correct accord sûr"),
        no=_words("non pas annule annuler arrête faux jamais"),
        polite=_words("s'il vous te plaît merci c'est ça fais faites le bien d'accord bien-sûr"),
    ),
    "nl": Phrases(
        ask="Bedoelde je: {text}?",
        declined="Goed, ik heb niets gedaan.",
        unclear="Sorry, ja of nee?",
        given_up="Ik heb het antwoord niet begrepen en niets gedaan.",
        refused="Ik weet niet zeker genoeg wat ik hoorde en heb niets gedaan. Zeg het alsjeblieft nog eens.",
        ask_text="Ik hoor je hier te slecht. Typ het alsjeblieft.",
        yes=_words("ja jawel jep klopt juist precies oké ok okay zeker prima goed"),
        no=_words("nee niet fout annuleer annuleren stop nooit"),
        polite=_words("graag alsjeblieft dank je bedankt doe maar dat het is natuurlijk"),
    ),
}
_FALLBACK = "en"
_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")


def phrases(language: str | None) -> Phrases:
    """Return a language's phrases; English ones for a language that has none."""
    code = (language or _FALLBACK).replace("_", "-").partition("-")[0].lower()
    return PHRASES.get(code, PHRASES[_FALLBACK])


def read(text: str, language: str | None) -> Answer | None:
    """Return what a text answers, or None when it is no plain yes or no."""
    known = phrases(language)
    words = {_plain(word) for word in _WORD.findall(unicodedata.normalize("NFC", text))}
    yes, no = words & known.yes, words & known.no
    if not words or words - known.yes - known.no - known.polite or (yes and no):
        return None
    if no:
        return Answer.NO
    return Answer.YES if yes else None


def _plain(word: str) -> str:
    return word.lower().replace("’", "'")

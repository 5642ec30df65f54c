"""What an answer to our own question means, in every language that we ship."""

import random

import pytest

from custom_components.edge_voice import answers
from custom_components.edge_voice.answers import Answer, Reading, phrases, question, read
from wyoming_server.engines.class_vocabulary import class_words

STRANGE = ("garage", "unless", "43a", "яблоко", "门", "xyzzy")
SAID = [
    # language, yes, no, neither of them
    ("en", "Yes, please do.", "No, thank you!", "yes and no"),
    ("en-GB", "That's right.", "nope", "turn it on"),
    ("en", "Go ahead.", "Don't do it.", "that's not what I said"),
    ("en", "yes yes", "That’s not right.", "yes, unlock the garage"),
    ("de", "Ja, bitte!", "Nein, danke.", "mach das Licht an"),
    ("de", "Mach das.", "Mach das nicht!", "ja, aber die Hintertür"),
    ("es", "Sí, por favor.", "No, gracias.", "enciende la luz"),
    ("es", "Claro que sí.", "Claro que no.", "sí o no"),
    ("fr", "Oui, s’il vous plaît.", "Non, merci.", "allume la lumière"),
    ("fr", "Vas-y.", "Surtout pas.", "oui ou non"),
    ("it", "Sì, grazie.", "No, lascia stare.", "accendi la luce"),
    ("it", "Va bene.", "Non va bene.", "sì o no"),
    ("nl", "Ja, graag.", "Nee, bedankt.", "doe het licht aan"),
    ("nl", "Doe maar.", "Doe maar niet.", "ja of nee"),
    ("pl", "Tak, proszę.", "Nie, dziękuję.", "włącz światło"),
    ("pl", "Zgadza się.", "Nie zgadza się.", "tak czy nie"),
    ("pt", "Sim, por favor.", "Não, obrigado.", "acenda a luz"),
    ("pt-BR", "Isso mesmo.", "Não é isso.", "sim ou não"),
    ("sv", "Ja tack.", "Nej tack.", "tänd lampan"),
    ("sv", "Det stämmer.", "Det stämmer inte.", "ja eller nej"),
    ("zh", "是的，谢谢。", "不用了，谢谢。", "打开灯"),
    ("zh-Hans", "没问题", "不是", "是不是"),
    ("xx", "yes", "no", ""),
    (None, "yes", "no", "42"),
]


@pytest.mark.parametrize(("language", "yes", "no", "neither"), SAID)
def test_yes_and_no_are_understood(language: str, yes: str, no: str, neither: str) -> None:
    assert read(yes, language) == Reading(answer=Answer.YES)
    assert read(no, language) == Reading(answer=Answer.NO)
    assert read(neither, language).answer is None


@pytest.mark.parametrize(
    ("language", "text", "meant"),
    [
        ("en", "No, the back door.", "the back door"),
        ("en", "no lock the back door", "lock the back door"),
        ("en", "No, I said the back door", "the back door"),
        ("en", "Nope, sorry, I meant the garage.", "the garage"),
        ("de", "Nein, die Hintertür.", "die Hintertür"),
        ("de", "Nein, ich meinte die Hintertür!", "die Hintertür"),
        ("es", "No, la puerta trasera.", "la puerta trasera"),
        ("es", "no quise decir la puerta trasera", "la puerta trasera"),
        ("fr", "Non, la porte de derrière.", "la porte de derrière"),
        ("it", "No, la porta sul retro.", "la porta sul retro"),
        ("nl", "Nee, de achterdeur.", "de achterdeur"),
        ("pl", "Nie, tylne drzwi.", "tylne drzwi"),
        ("pt", "Não, a porta dos fundos.", "a porta dos fundos"),
        ("sv", "Nej, bakdörren.", "bakdörren"),
        ("zh", "不是，后门。", "后门"),
    ],
)
def test_what_is_meant_instead_is_found_behind_a_no(language: str, text: str, meant: str) -> None:
    assert read(text, language) == Reading(answer=Answer.NO, correction=meant)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "no abrir la puerta trasera"),
        ("pt", "não abra a porta dos fundos"),
        ("pl", "nie otwieraj drzwi"),
        ("zh", "不打开后门"),
        ("zh", "不要打开后门"),
        ("it", "non aprire la porta"),
        ("de", "nicht aufschließen"),
    ],
)
def test_a_verb_that_is_negated_is_no_other_command(language: str, text: str) -> None:
    assert not read(text, language).correction
    assert read(text, language).answer is not Answer.YES


@pytest.mark.parametrize("language", answers.PHRASES)
def test_each_language_is_whole_and_none_of_its_phrases_says_both(language: str) -> None:
    one = phrases(language)
    assert not {*one.yes} & {*one.no}
    assert not {*one.yes, *one.no} & {*one.polite}
    assert {*one.denials} <= {*one.no}
    for phrase in (*one.yes, *one.no):
        assert read(phrase, language) == Reading(answer=Answer.YES if phrase in one.yes else Answer.NO), phrase
    for phrase in one.polite:
        assert read(phrase, language).answer is None, phrase
    assert question("unlock it.", language).endswith(("?", "？"))
    assert one.notify_text.format(satellite="Kitchen") != one.notify_text
    assert all((one.wake_again, one.declined, one.unclear, one.given_up, one.expired, one.elsewhere, one.kept))


@pytest.mark.parametrize("language", answers.PHRASES)
def test_the_hub_knows_the_same_words(language: str) -> None:
    """It judges an answer by them before it is read here."""
    one = phrases(language)
    assert class_words(language).answers.said == (*one.yes, *one.no, *one.polite)


@pytest.mark.parametrize("language", answers.PHRASES)
def test_our_own_question_heard_again_is_no_yes(language: str) -> None:
    """A satellite may hear itself, and of that only the end."""
    one = phrases(language)
    for spoken in (one.wake_again, one.unclear, question("Xyzzy", language)):
        for start in range(len(spoken)):
            assert read(spoken[start:], language).answer is not Answer.YES, spoken[start:]


@pytest.mark.parametrize("language", [*answers.PHRASES, "xx"])
def test_words_that_are_not_known_never_say_yes(language: str) -> None:
    one, dice = phrases(language), random.Random(7)
    for _ in range(300):
        said = [*dice.choices((*one.yes, *one.polite), k=dice.randrange(1, 4)), dice.choice(STRANGE)]
        dice.shuffle(said)
        assert read(" ".join(said), language).answer is not Answer.YES, said
    for text in ("", " ", "…", "?!", "1", "\ud800", "\x00yes\x00 x"):
        assert read(text, language).answer is not Answer.YES

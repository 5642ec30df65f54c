"""What one language says and understands around our own questions."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrases:
    """One language's. Words are lower case, without punctuation; a phrase may have several."""

    ask: str
    """With the text that was understood as {text}; a question, whoever reads it aloud.

    No end of it says yes: a satellite that hears itself must not answer."""
    wake_again: str
    """Behind the question, where the satellite does not go on listening by itself."""
    declined: str
    unclear: str
    """Before the question, when the answer was not understood."""
    given_up: str
    expired: str
    elsewhere: str
    """To somebody who was not asked."""
    refused: str
    ask_text: str
    kept: str
    """A request waits for a speech service."""
    notify_title: str
    notify_text: str
    """On a phone, in place of a microphone that cannot be used; {satellite} is its name."""
    notify_reply: str
    """The button that opens the field for the answer."""
    yes: tuple[str, ...]
    """Each says yes, if all else is polite."""
    no: tuple[str, ...]
    polite: tuple[str, ...]
    denials: tuple[str, ...]
    """Of those that say no, the ones that another command may follow: "no, the back door"."""
    introductions: tuple[str, ...]
    """What may stand between such a no and the command: "I said"."""
    denial_negates: bool = False
    """The same word negates a verb ("no abras la puerta"), so that a command follows only behind a pause."""
    spaceless: bool = False
    """Written without spaces, so that each character counts as a word."""

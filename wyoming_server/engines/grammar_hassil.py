"""Home Assistant's own sentence templates, matched with hassil.

A text is a sentence when some template matches it whole; whether it may go on is what `grammar_onward` finds in the
same templates, judged by `pipeline.grammar.continuation`.
"""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from home_assistant_intents import get_languages

from ..pipeline.grammar import Vocabulary, continuation
from ..pipeline.types import Continuation, GrammarMatch
from ..pipeline.wording import normalise
from .grammar_home import HomeGrammar
from .grammar_templates import known_language, read_templates
from .grammar_vocabulary import PackagedVocabulary, as_heard, home_names, packaged_vocabulary

NOT_A_SENTENCE = GrammarMatch(continuation=Continuation.EXPECTED)
MOST_WORDS = 40
"""Nobody commands a home in more words, and matching time grows with them."""
_WARMING = ("turn on x", "set x to ten")
"""Two texts that no language knows as sentences, and that touch every index."""


class HassilGrammar:
    """The Grammar of a home in any language of home-assistant-intents; its work runs in its own single thread."""

    def __init__(self, *, cached_texts: int = 512, cached_homes: int = 8) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="grammar")
        self._home = functools.lru_cache(cached_homes)(_home_grammar)
        self._judged = functools.lru_cache(cached_texts)(self._judge)

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes as home-assistant-intents writes them."""
        return tuple(get_languages())

    async def match(self, text: str, language: str, vocabulary: Vocabulary) -> GrammarMatch:
        """Return the match of a transcript; EXPECTED for a language without templates."""
        return await self._run(lambda: self._judged(text, language, vocabulary))

    async def warm(self, language: str, vocabulary: Vocabulary | None = None) -> None:
        """Load a language's templates, so that its first match is as quick as the next."""
        await self._run(lambda: self._warm(language, vocabulary or Vocabulary()))

    async def aclose(self) -> None:
        """Drop what waits and await the thread's end."""
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)

    async def _run[R](self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _warm(self, language: str, vocabulary: Vocabulary) -> None:
        if code := known_language(language):
            for text in _WARMING:
                self._home(code, vocabulary).reading(text)
                list(self._home(code, vocabulary).onwards(text))

    def _judge(self, text: str, language: str, vocabulary: Vocabulary) -> GrammarMatch:
        """Match in this thread."""
        heard = as_heard(text)
        code = known_language(language)
        if not heard or code is None or len(heard.split()) > MOST_WORDS:
            return NOT_A_SENTENCE
        home = self._home(code, vocabulary)
        reading = home.reading(heard)
        follows = _phrase_continuation(normalise(text), packaged_vocabulary(code))
        named = bool(vocabulary.names or vocabulary.areas or vocabulary.floors)
        if reading is None:
            return GrammarMatch(continuation=follows or Continuation.EXPECTED, of_home=named)
        follows = follows or continuation(reading, home.onwards(heard))
        return GrammarMatch(continuation=follows, intent=reading.intent or None, slots=reading.slots, of_home=named)


def _phrase_continuation(text: str, packaged: PackagedVocabulary) -> Continuation | None:
    """Return what follows a phrase that is known whole; None for any other text."""
    if text in packaged.closed:
        return Continuation.NONE
    return Continuation.POSSIBLE if text in packaged.complete else None


def _home_grammar(code: str, vocabulary: Vocabulary) -> HomeGrammar:
    """Build a home's grammar; `code` is one of `known_language`."""
    return HomeGrammar(read_templates(code), home_names(vocabulary, packaged_vocabulary(code)))

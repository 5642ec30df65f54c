"""Home Assistant's own sentence templates, matched with hassil.

A text is a sentence when some template matches it whole; whether it may go on is what `grammar_onward` finds in the
same templates, judged by `pipeline.grammar.continuation`.
"""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from home_assistant_intents import get_languages

from ..pipeline.grammar import Vocabulary, continuation, normalise
from ..pipeline.types import Continuation, GrammarMatch
from .grammar_home import HomeGrammar
from .grammar_templates import known_language, read_templates
from .grammar_vocabulary import as_heard, home_names, packaged_vocabulary

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
        if home := self._home(language, vocabulary):
            for text in _WARMING:
                home.reading(text)
                any(home.onwards(text))

    def _judge(self, text: str, language: str, vocabulary: Vocabulary) -> GrammarMatch:
        """Match in this thread."""
        heard = as_heard(text)
        home = self._home(language, vocabulary)
        if not heard or home is None or len(heard.split()) > MOST_WORDS:
            return NOT_A_SENTENCE
        reading = home.reading(heard)
        is_closed = normalise(text) in packaged_vocabulary(language).closed
        if reading is None or (is_closed and reading.lacks_area):
            return GrammarMatch(continuation=Continuation.NONE) if is_closed else NOT_A_SENTENCE
        onward = Continuation.NONE if is_closed else continuation(reading, home.onwards(heard))
        return GrammarMatch(continuation=onward, intent=reading.intent, slots=reading.slots)


def _home_grammar(language: str, vocabulary: Vocabulary) -> HomeGrammar | None:
    """Build a home's grammar; None for a language without templates."""
    code = known_language(language)
    if code is None:
        return None
    return HomeGrammar(read_templates(code), home_names(vocabulary, packaged_vocabulary(code)))

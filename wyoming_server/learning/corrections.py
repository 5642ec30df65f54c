"""Whether a turn begins as people begin when they put right what was misheard."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import yaml

from ..pipeline.wording import normalise
from .comparison import base


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionWords:
    """A language's words, normalised."""

    begins: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    def fit(self, text: str) -> bool:
        """Tell whether a normalised text begins as a correction does."""
        if text in self.alone:
            return True
        whole = f"{text} "
        begins = any(whole.startswith(f"{one} ") for one in self.begins)
        return begins and not any(whole.startswith(f"{one} ") for one in self.never)


def is_correction(text: str, language: str) -> bool:
    """Tell whether a text begins as a correction does; never in a language whose words are not known."""
    words = _words().get(base(language))
    return words is not None and words.fit(normalise(text))


def languages() -> tuple[str, ...]:
    """Return the languages whose words are known."""
    return tuple(_words())


@functools.cache
def _words() -> Mapping[str, CorrectionWords]:
    content = yaml.safe_load(resources.files(__package__).joinpath("corrections.yaml").read_text("utf-8"))
    return {
        language: CorrectionWords(**{kind: tuple(map(normalise, phrases)) for kind, phrases in kinds.items()})
        for language, kinds in content.items()
    }

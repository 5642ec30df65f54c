"""How many whole sentences the grammar knows, how many beginnings it takes for whole ones, and how long it takes.

    python -m tests.server.benchmarks.grammar

A beginning that is called NONE is cut off after the shortest silence. It is counted as *harmless* where the whole
sentence has the same intent and slots, and as *a command itself* where a person who stops there wants just that.
"""

import asyncio
import csv
import statistics
import time
from collections import Counter, defaultdict
from pathlib import Path

from wyoming_server.engines.grammar_hassil import HassilGrammar
from wyoming_server.engines.grammar_templates import read_templates
from wyoming_server.pipeline.grammar import Vocabulary
from wyoming_server.pipeline.types import Continuation, GrammarMatch

SENTENCES = Path(__file__).parents[1] / "engines" / "sentences.csv"
NOTHING_KNOWN = Vocabulary()
ROOMS = ("kitchen", "living room", "bedroom", "bathroom", "office", "hallway", "garage", "garden", "attic", "nursery")
HOME = Vocabulary(
    names=[
        *(f"{room} {thing}" for room in ROOMS for thing in ("light", "speaker")),
        *("floor lamp", "desk lamp", "kitchen light strip", "coffee maker", "front door", "garage door", "thermostat"),
        *("washing machine", "bedroom blinds", "movie night"),
    ],
    areas=ROOMS,
    floors=("upstairs", "downstairs"),
)


def sentences() -> list[dict[str, str]]:
    """Return the committed sample: language, family, text."""
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def beginnings(text: str) -> list[str]:
    """Return a sentence cut after each word but the last."""
    words = [word for word in text.split() if any(map(str.isalnum, word))]
    return [" ".join(words[:count]) for count in range(1, len(words))]


async def report(language: str, rows: list[dict[str, str]]) -> None:
    """Print the shares for one language, without any name of the home."""
    grammar = HassilGrammar(cached_texts=0)
    whole: dict[str, Counter[Continuation]] = defaultdict(Counter)
    begun: Counter[Continuation] = Counter()
    cut: list[str] = []
    for row in rows:
        match = await grammar.match(row["text"], language, NOTHING_KNOWN)
        whole[row["family"]][match.continuation] += 1
        for beginning in beginnings(row["text"]):
            early = await grammar.match(beginning, language, NOTHING_KNOWN)
            begun[early.continuation] += 1
            if early.continuation is Continuation.NONE:
                cut.append(f"  {_kind(early, match):18} {beginning} … {row['text'][len(beginning) :]}")
    await grammar.aclose()
    _print_shares(language, whole, begun)
    print(*cut, sep="\n")


def _kind(early: GrammarMatch, whole: GrammarMatch) -> str:
    """Say what is lost when a sentence is cut there."""
    if (early.intent, early.slots) == (whole.intent, whole.slots):
        return "harmless"
    return "a command itself"


def _print_shares(language: str, whole: dict[str, Counter[Continuation]], begun: Counter[Continuation]) -> None:
    """Print one line per family, and one for the beginnings."""
    total = sum(whole.values(), Counter())
    for family, counts in {**whole, "all": total}.items():
        shares = "  ".join(f"{kind.value} {counts[kind] / counts.total():6.1%}" for kind in Continuation)
        print(f"{language} whole      {family:10} n={counts.total():4}  {shares}")
    shares = "  ".join(f"{kind.value} {begun[kind] / begun.total():6.1%}" for kind in Continuation)
    print(f"{language} beginnings {'':10} n={begun.total():4}  {shares}")


async def latency(texts: list[str], *, rounds: int = 5) -> None:
    """Print how long one match takes warm, uncached, through the engine's thread, in a home with 30 names."""
    read_templates.cache_clear()
    grammar = HassilGrammar(cached_texts=0)
    started_s = time.perf_counter()
    await grammar.warm("en", HOME)
    print(f"warm-up {time.perf_counter() - started_s:.3f} s")
    times_ms = []
    started_cpu_s = time.process_time()
    for text in texts * rounds:
        started_s = time.perf_counter()
        await grammar.match(text, "en", HOME)
        times_ms.append(1000 * (time.perf_counter() - started_s))
    cpu_ms = 1000 * (time.process_time() - started_cpu_s) / len(times_ms)
    await grammar.aclose()
    print(f"CPU {cpu_ms:.2f} ms a match")
    print(f"match {statistics.median(times_ms):.2f} ms, p95 {statistics.quantiles(times_ms, n=20)[-1]:.2f} ms")


async def main() -> None:
    """Print everything."""
    rows = sentences()
    for language in dict.fromkeys(row["language"] for row in rows):
        await report(language, [row for row in rows if row["language"] == language])
    await latency([row["text"] for row in rows if row["language"] == "en"])


if __name__ == "__main__":
    asyncio.run(main())

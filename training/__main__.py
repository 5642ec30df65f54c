"""Make the starter model: `python -m training STAGE --work DIR`; every stage goes on where it stopped."""

import argparse
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from .corpus import evaluation_utterances, read_utterances, training_utterances, write_utterances
from .evaluate import evaluate
from .grammar import read_grammar
from .recordings import speak_to
from .sizes import FULL, SMALL, Sizes
from .tokens import build_tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run's settings and folder."""

    work: Path
    seed: int
    sizes: Sizes
    grammar: Path
    model: Path
    """What `export` writes and `evaluate` reads."""
    count: int
    """Held-out sentences per voice in the evaluation."""
    threads: int

    def sentences(self) -> None:
        """Draw what is spoken, and by whom → training.json."""
        path = self.work / "training.json"
        if not path.exists():
            write_utterances(path, training_utterances(read_grammar(self.grammar), self.sizes, self.seed))
        print(f"{len(read_utterances(path))} utterances, see {path}")

    def speak(self) -> None:
        """Speak them → training/*.npz."""
        speak_to(self.work / "training", read_utterances(self.work / "training.json"), self.sizes.shard)

    def tokenize(self) -> None:
        """Learn the tokens → tokenizer.json."""
        path = self.work / "tokenizer.json"
        if not path.exists():
            texts = [utterance.text for utterance in read_utterances(self.work / "training.json")]
            tokenizer = build_tokenizer(texts, self.sizes.bpe_tokens)
            partial = path.with_suffix(".partial")
            tokenizer.save(str(partial), pretty=False)
            partial.replace(path)
        print(f"tokens, see {path}")

    def train(self) -> None:
        """Train → checkpoint.pt, training.jsonl."""
        from .train import train  # noqa: PLC0415  # torch takes seconds to import, and most stages do without it

        train(self.work, self.sizes, self.seed, self.threads)

    def export(self) -> None:
        """Write the checkpoint as faster-whisper loads it → model/."""
        from .export import export  # noqa: PLC0415  # as above

        export(self.work / "checkpoint.pt", self.work / "tokenizer.json", self.model)
        size = sum(file.stat().st_size for file in self.model.iterdir())
        print(f"{self.model}: {size / 1e6:.2f} MB")

    def evaluate(self) -> None:
        """Speak held-out sentences in held-out voices and print the table of any model folder."""
        grammar = read_grammar(self.grammar)
        folder = self.work / f"evaluation-{self.count}"
        speak_to(folder, evaluation_utterances(grammar, self.count, self.seed), self.sizes.shard)
        evaluate(self.model, folder, grammar.outside, count=self.count, threads=self.threads, seed=self.seed)


STAGES = {
    stage.__name__: stage for stage in (Run.sentences, Run.speak, Run.tokenize, Run.train, Run.export, Run.evaluate)
}


def main() -> int:
    """Run one stage, or all; returns the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl+C: torch's workers would outlive a bare end
    arguments = _parser().parse_args()
    sizes: Sizes = SMALL if arguments.small else FULL
    run = Run(
        work=arguments.work,
        seed=arguments.seed,
        sizes=sizes,
        grammar=arguments.grammar,
        model=arguments.model or arguments.work / "model",
        count=arguments.count or sizes.evaluated,
        threads=arguments.threads,
    )
    try:
        _claim(run)
        for name, stage in STAGES.items():
            if arguments.stage in (name, "all"):
                print(f"== {name}", file=sys.stderr)
                stage(run)
    except FileNotFoundError as error:
        print(f"training: {error.filename} is missing: run the stages before this one, or bootstrap", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        print(f"training: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("training: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _claim(run: Run) -> None:
    """Write down whose folder it is: half of one run and half of another make a model that nobody can explain."""
    path = run.work / "run.json"
    mine = {"seed": run.seed, "grammar": run.grammar.read_text(encoding="utf-8"), "sizes": asdict(run.sizes)}
    if not path.exists():
        run.work.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(mine), encoding="utf-8")
    theirs = json.loads(path.read_text(encoding="utf-8"))
    if different := [key for key, value in mine.items() if theirs.get(key) != value]:
        raise ValueError(f"{run.work} holds a run with another {', '.join(different)}; take another --work")


def _parser() -> argparse.ArgumentParser:
    stages = "\n".join(f"  {name:10} {stage.__doc__}" for name, stage in STAGES.items())
    parser = argparse.ArgumentParser(
        prog="python -m training", description=f"{__doc__}\n\n{stages}", formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("stage", choices=[*STAGES, "all"], metavar="STAGE", help="one of the above, or all")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="where everything of this run is kept")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same run (default 1)")
    parser.add_argument("--small", action="store_true", help="two minutes at toy scale, to prove the pipeline")
    parser.add_argument(
        "--grammar", type=Path, default=Path(__file__).with_name("english.yaml"), metavar="FILE", help="the sentences"
    )
    parser.add_argument("--model", type=Path, metavar="DIR", help="a model folder (default: DIR/model)")
    parser.add_argument("--count", type=int, help="held-out sentences per voice to evaluate (default 60, small 4)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="for training and evaluation")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""A model that fails on whatever it is given is left alone for a while, then tried with one utterance."""

from wyoming_server.errors import DecodeError
from wyoming_server.resilience.edge_faults import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, EdgeFaults

FAILURE = DecodeError("too little memory")


class Watched(EdgeFaults):
    """Faults on a clock of the test's, and what was told of them."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.told: list[str] = []
        super().__init__(lambda: self.now_s, lambda model, error: self.told.append(f"{model} {error.code}"))

    @property
    def is_left_alone(self) -> bool:
        return self.left_alone() is not None


def test_two_failures_on_end_are_needed_and_a_decode_between_them_starts_anew() -> None:
    faults = Watched()
    faults.failed("base", FAILURE)
    faults.heard("base")
    faults.failed("base", FAILURE)
    assert (faults.count, faults.is_left_alone, faults.told) == (1, False, [])
    faults.failed("base", FAILURE)
    assert (faults.count, faults.is_left_alone, faults.told) == (2, True, ["base model-crashed"])


def test_another_model_s_failures_are_its_own() -> None:
    faults = Watched()
    faults.failed("base", FAILURE)
    faults.failed("starter", FAILURE)
    assert (faults.count, faults.is_left_alone) == (1, False)


def test_it_is_tried_again_after_a_while_that_grows_and_is_trusted_once_it_decodes() -> None:
    faults = Watched()
    pause_s = FIRST_PAUSE_SECONDS
    faults.failed("base", FAILURE)
    for _ in range(12):
        faults.failed("base", FAILURE)
        faults.now_s += pause_s - 0.1
        assert faults.is_left_alone
        faults.now_s += 0.2
        assert not faults.is_left_alone
        pause_s = min(LONGEST_PAUSE_SECONDS, 2 * pause_s)
    faults.heard("base")
    assert (faults.count, faults.is_left_alone) == (0, False)

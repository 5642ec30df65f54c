"""Denoising: for whom it was set, in wake word and VAD, and never in what is transcribed."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.server.home import settings_for_tests
from wyoming_server.commands.client import Manner, connected
from wyoming_server.commands.local import in_process
from wyoming_server.commands.recording import PACKAGED, Recording, listed_recordings
from wyoming_server.settings import DenoiseSettings, Settings

FAST = Manner(real_time=False, chunk_seconds=0.1, answer_seconds=30.0)


def recording(file: str) -> Recording:
    return next(one for one in listed_recordings(PACKAGED) if one.path.name == file)


def denoising(tmp_path: Path, *satellites: str) -> Settings:
    return replace(settings_for_tests(tmp_path), denoise=DenoiseSettings(satellites=satellites, level=3))


@pytest.mark.parametrize("satellites", [("*",), ("127.0.0.1",)])
async def test_a_noisy_command_and_a_wake_word_are_understood_through_it(
    tmp_path: Path, satellites: tuple[str, ...]
) -> None:
    async with in_process(denoising(tmp_path, *satellites)) as uri:
        async with connected(uri) as connection:
            answer = await connection.transcribe(recording("fan-noisy.wav"), FAST)
        async with connected(uri) as connection:
            detection = await connection.detect(recording("wake.wav"), replace(FAST, until_answered=True))
    assert answer.text == recording("fan-noisy.wav").text
    assert detection is not None


async def test_the_quality_is_that_of_the_microphone_not_of_the_filter(tmp_path: Path) -> None:
    told = []
    for satellites in ((), ("*",)):
        async with in_process(denoising(tmp_path, *satellites)) as uri, connected(uri) as connection:
            told.append((await connection.transcribe(recording("fan-noisy.wav"), FAST)).detail["quality"]["snr_db"])
    assert told[0] == pytest.approx(told[1], abs=1.5)

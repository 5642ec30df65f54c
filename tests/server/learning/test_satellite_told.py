"""A satellite as it is told, and its settings as they are changed and kept."""

import json
from typing import Any

import pytest

from wyoming_server.errors import InvalidSettingsError
from wyoming_server.learning.microphones import Evidence, MicrophoneState
from wyoming_server.learning.satellite_told import changed, kept, microphone_warning, restored, told
from wyoming_server.learning.satellites import SatelliteCounts
from wyoming_server.learning.wake_advice import Suggestion
from wyoming_server.pipeline.policy import MicrophoneClass, SatelliteSettings

KITCHEN = "assist_satellite.kitchen"
HOME = SatelliteSettings()


def test_a_satellite_is_told_as_the_contract_says() -> None:
    found = told(
        KITCHEN,
        counts=SatelliteCounts(turns=90, wakes=31, false_wakes=2, cut_starts=1),
        evidence=Evidence(turns=20, snr_db=18.5, clipping=0.0, clipped_turns=0, noisy_turns=1),
        settings=SatelliteSettings(wake_threshold=0.5),
        answer_early=True,
        suggestion=Suggestion(setting="wake_threshold", value=0.6, why="because"),
    )
    assert json.loads(json.dumps(found)) == {
        "id": KITCHEN,
        "microphone_class": "far_field",
        "answer_early": True,
        "wake_threshold": 0.5,
        "routing_mode": None,
        "state": "good",
        "reason": "",
        "since": None,
        "ends": "",
        "evidence": {
            "turns": 20,
            "wakes": 31,
            "false_wakes": 2,
            "snr_db": 18.5,
            "clipping": 0.0,
            "clipped_turns": 0,
            "noisy_turns": 1,
            "cut_starts": 1,
        },
        "suggestion": {"setting": "wake_threshold", "value": 0.6, "why": "because"},
    }


@pytest.mark.parametrize(
    ("settings", "said", "home", "expected"),
    [
        (HOME, None, True, ("far_field", True)),
        (HOME, MicrophoneClass.PHONE, False, ("phone", False)),
        (SatelliteSettings(microphone_class=MicrophoneClass.HEADSET), MicrophoneClass.PHONE, True, ("headset", True)),
        (SatelliteSettings(answer_early=False), None, True, ("far_field", False)),
        (SatelliteSettings(answer_early=True), None, False, ("far_field", True)),
    ],
)
def test_the_owner_s_settings_outrank_the_client_and_the_home(
    settings: SatelliteSettings, said: MicrophoneClass | None, home: bool, expected: tuple[str, bool]
) -> None:
    found = told(
        KITCHEN,
        counts=SatelliteCounts(microphone_class=said),
        evidence=Evidence(),
        settings=settings,
        answer_early=home,
        suggestion=None,
    )
    assert (found["microphone_class"], found["answer_early"]) == expected
    assert found["suggestion"] is None


def test_a_microphone_that_clips_is_to_be_moved_or_turned_down() -> None:
    reason = "clipped in 17 of its last 20 turns"
    clipped = Evidence(state=MicrophoneState.TEXT_ONLY, reason=reason, turns=20, clipped_turns=17, noisy_turns=3)
    warning = microphone_warning(KITCHEN, clipped)
    assert warning == {
        "code": "microphone-clipping",
        "message": f"{KITCHEN}: {reason}. Lower its microphone's gain, or move it away from whoever speaks and from"
        " loudspeakers",
        "subject": KITCHEN,
    }


def test_a_noisy_microphone_is_to_be_moved_and_a_good_one_left_alone() -> None:
    noisy = Evidence(state=MicrophoneState.NOISY, reason="drowned in noise", turns=20, clipped_turns=2, noisy_turns=16)
    warning = microphone_warning(KITCHEN, noisy) or {}
    assert (warning["code"], warning["subject"]) == ("microphone-noisy", KITCHEN)
    assert "Move it nearer" in warning["message"]
    assert microphone_warning(KITCHEN, Evidence(turns=20, clipped_turns=3)) is None


def test_only_what_is_named_changes_and_null_returns_to_the_home() -> None:
    settings = changed(HOME, {"wake_threshold": 1, "microphone_class": "near_field"})
    assert settings == SatelliteSettings(wake_threshold=1.0, microphone_class=MicrophoneClass.NEAR_FIELD)
    assert changed(settings, {"answer_early": False, "wake_threshold": None}) == SatelliteSettings(
        answer_early=False, microphone_class=MicrophoneClass.NEAR_FIELD
    )
    assert changed(settings, {}) == settings


@pytest.mark.parametrize(
    "changes",
    [
        {"wake_threshold": 1.1},
        {"wake_threshold": -0.1},
        {"wake_threshold": float("nan")},
        {"wake_threshold": True},
        {"wake_threshold": "0.5"},
        {"answer_early": 1},
        {"microphone_class": "tin can"},
        {"microphone_class": ["phone"]},
        {"routing_mode": "nowhere"},
        {"volume": 3},
        {"volume": None},
    ],
)
def test_what_no_satellite_has_is_refused_by_name(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidSettingsError, match=next(iter(changes))):
        changed(HOME, changes)


@pytest.mark.parametrize(
    "settings",
    [
        HOME,
        SatelliteSettings(answer_early=False),
        SatelliteSettings(microphone_class=MicrophoneClass.PHONE, answer_early=True, wake_threshold=0.0),
    ],
)
def test_settings_come_back_as_they_were_kept(settings: SatelliteSettings) -> None:
    text = json.dumps(kept(settings))
    assert "null" not in text
    assert restored(json.loads(text)) == settings


@pytest.mark.parametrize("value", [None, [], "x", {"wake_threshold": 7}])
def test_settings_that_cannot_be_used_are_refused(value: object) -> None:
    with pytest.raises(InvalidSettingsError):
        restored(value)

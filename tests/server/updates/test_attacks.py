from pathlib import Path

import pytest

from tests.server.updates.attacks import ATTACKS
from tests.server.updates.scene import NEWER, a_scene
from wyoming_server.errors import EdgeVoiceError


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_by_its_own_code_and_what_serves_is_untouched(tmp_path: Path, name: str) -> None:
    attack = ATTACKS[name]
    with a_scene(tmp_path) as scene:
        attack.act(scene)
        before = scene.serving()
        with pytest.raises(EdgeVoiceError) as refused:
            scene.take_up(attack.wanted)
        assert (refused.value.code, str(refused.value)[-1:] != " ") == (attack.code, True), str(refused.value)
        scene.untouched(before)
        if attack.heals:
            scene.host.heal()
            assert scene.take_up() == NEWER

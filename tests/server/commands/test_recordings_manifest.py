from pathlib import Path

import pytest

from wyoming_server.commands.manifest import COLUMNS, identity, read_manifest
from wyoming_server.commands.recording import PACKAGED
from wyoming_server.errors import ManifestError
from wyoming_server.pipeline.policy import MicrophoneClass

HEAD = "file,text,language,microphone_class"


def written(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    for name in ("a.wav", "b.wav"):
        (folder / name).write_bytes(b"")
    file = folder / "manifest.csv"
    file.write_bytes("\n".join(lines).encode(encoding))
    return file


def test_rows_are_read_with_all_that_they_say(tmp_path: Path) -> None:
    door = PACKAGED / "door.wav"
    file = written(
        tmp_path,
        "voice, file, text, language, microphone_class, condition, noise",
        'rms, a.wav, "Wait, what time is it?", en, phone, clean, none',
        f"slt, {door}, Lock the front door., , , , rain",
    )
    one, other = read_manifest(file)
    assert (one.path, one.text, one.language) == (tmp_path / "a.wav", "Wait, what time is it?", "en")
    assert (one.voice, one.noise, one.sentence) == ("rms", "none", "wait what time is it")
    assert one.kinds == {"microphone_class": "phone", "condition": "clean"}
    assert (other.path, other.language, other.microphone_class) == (door, "", MicrophoneClass.FAR_FIELD)
    assert other.kinds == {"microphone_class": "far_field"}


def test_a_sentence_of_its_own_name_keeps_it_and_the_same_words_are_the_same_sentence(tmp_path: Path) -> None:
    named = written(tmp_path, f"{HEAD},sentence", "a.wav,Stop!,en,,s-17", "b.wav,stop,en,,")
    assert [row.sentence for row in read_manifest(named)] == ["s-17", "stop"]
    alike = written(tmp_path, HEAD, "a.wav,Dim the lamp to 40%.,en,", "b.wav,dim the lamp to forty percent,en,")
    assert len({row.sentence for row in read_manifest(alike)}) == 1


def test_a_spreadsheets_mark_at_the_start_of_the_file_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD, "a.wav,Stop.,en,", encoding="utf-8-sig")
    assert len(read_manifest(file)) == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], r"has no column file, text, language, microphone_class; .*names nothing"),
        (["path,transcript", "a.wav,Stop."], r"no column file, text.*it names path, transcript"),
        (["file,text,microphone_class", "a.wav,Stop.,"], "has no column language;"),
        ([HEAD], "has no rows"),
        ([HEAD, "", ""], "has no rows"),
        ([f"{HEAD},text", "a.wav,Stop.,en,,"], "names a column twice"),
        ([HEAD, "a.wav,,en,"], "line 2: text is empty"),
        ([HEAD, "a.wav,Stop.,en,", ",Stop.,en,"], "line 3: file is empty"),
        ([HEAD, "a.wav,...,en,"], r"line 2: text '\.\.\.' holds no words"),
        ([HEAD, "a.wav,Stop.,en,kitchen"], "microphone_class is 'kitchen'; it may be .* far_field, near_field"),
        ([HEAD, "a.wav,Wait, stop.,en,"], "line 2: as many cells as columns .* quotes"),
        ([HEAD, "a.wav,Stop."], "line 2: as many cells as columns"),
        ([HEAD, 'a.wav,"Stop.,en,'], "is no CSV"),
        ([HEAD, "nowhere.wav,Stop.,en,"], r"that are not there \(1\): '.*nowhere.wav'"),
        ([HEAD, *(f"{index}.wav,Stop.,en," for index in range(9))], r"that are not there \(9\): .*, …;"),
        ([HEAD, "a\0.wav,Stop.,en,"], "not there"),
        ([HEAD, f"{'a' * 5000}.wav,Stop.,en,"], "not there"),
        ([HEAD, "a.wav,Stop.,en,", "./a.wav,Go.,en,"], r"more than once \(1\)"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_one_sentence_with_the_cure(
    tmp_path: Path, lines: list[str], said: str
) -> None:
    with pytest.raises(ManifestError, match=said) as refused:
        read_manifest(written(tmp_path, *lines))
    assert refused.value.code == "unreadable-manifest"
    assert len(str(refused.value)) < 900


def test_a_manifest_that_is_not_there_or_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="No such file"):
        read_manifest(tmp_path / "nowhere.csv")
    with pytest.raises(ManifestError, match="cannot be read"):
        read_manifest(tmp_path)
    with pytest.raises(ManifestError, match="no UTF-8 text"):
        read_manifest(written(tmp_path, HEAD, "a.wav,Schlüssel,de,", encoding="latin-1"))
    (tmp_path / "sound.csv").write_bytes(b"RIFF\0\0\0\0WAVE" + bytes(range(256)))
    with pytest.raises(ManifestError):
        read_manifest(tmp_path / "sound.csv")


def test_columns_may_come_in_any_order(tmp_path: Path) -> None:
    file = written(tmp_path, ",".join(reversed(COLUMNS)), "headset,en,Stop.,a.wav")
    assert read_manifest(file)[0].microphone_class is MicrophoneClass.HEADSET


def test_an_identity_is_that_of_the_audio() -> None:
    assert identity(b"\1\2") == identity(b"\1\2") != identity(b"\2\1")

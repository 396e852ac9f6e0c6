"""Damaged and hostile input of every kind: an error message of one line, never a crash."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.train.config_file import load_config
from support.command import run
from support.fuzz_targets import CONFIG, seeds, targets
from support.processor import at_most
from support.texts import texts

LARGEST = 100e6
"""Memory limit for reading a damaged file of some kilobytes, bytes."""
SLOWEST = 30
"""Limit of processor time, s; the first read compiles and imports."""
INTERESTING = [b"\x00", b"\xff", b"\x7f\xff\xff\xff", b"\xff" * 8, b"\x00" * 8, b"nan", b"1e999",
               b"-1", b"9" * 30, b"[", b'"', b"\n", b"{", b"&a [*a]"]  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Bytes with some parts replaced, removed, repeated or cut off."""
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(content) + 1)
        length = rng.choice((0, 1, 2, 4, 8, 64))
        kind = rng.randrange(5)
        if kind == 0:
            content[at : at + length] = rng.randbytes(length)
        elif kind == 1:
            content[at : at + length] = rng.choice(INTERESTING)
        elif kind == 2:
            content[at:at] = content[max(0, at - length) : at] * 3
        elif kind == 3 and content:
            content[min(at, len(content) - 1)] ^= 1 << rng.randrange(8)
        elif len(content) > 8:
            del content[at if rng.random() < 0.2 else at : at + length]
    if rng.random() < 0.15:
        del content[rng.randrange(len(content) + 1) :]
    return bytes(content)


def name_of(suffix: str) -> str:
    return suffix


@pytest.mark.parametrize("name", sorted(seeds()), ids=name_of)
def test_damaged_files_are_read_or_refused(
    name: str, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    read = targets(tmp_path)[name]
    read(seeds()[name])
    rng = random.Random(name)
    # MDF files are read in a separate process, which is slow
    for _ in range(1 if name.endswith((".mf4", ".mdf")) else 15):
        data = mutated(seeds()[name], rng)
        tracemalloc.start()
        try:
            with at_most(SLOWEST):
                read(data)
            assert tracemalloc.get_traced_memory()[1] < LARGEST
        finally:
            tracemalloc.stop()


# --- configs ---------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts(max_size=5) | st.integers(), inner)
    ),
    max_leaves=6,
)


@settings(
    derandomize=True, max_examples=100, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_configs_of_any_values_are_accepted_or_refused(tmp_path: Path, data: Any) -> None:
    tree = yaml.safe_load(CONFIG)
    section = data.draw(st.sampled_from([*tree, "base", "grids"]))
    if isinstance(tree.get(section), dict) and data.draw(st.booleans()):
        tree[section][data.draw(st.sampled_from(list(tree[section])))] = data.draw(VALUES)
    else:
        tree[section] = data.draw(VALUES)
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(tree))
    try:
        load_config(path)
    except SpecsrError as error:
        assert "c.yaml" in str(error) and len(str(error)) < 5000


@settings(
    derandomize=True, max_examples=100, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(override=texts(max_size=20) | st.sampled_from(["train.steps=", "pair.", "a.b.c=", "="])
       .flatmap(lambda head: texts(max_size=8).map(lambda tail: head + tail)))  # fmt: skip
def test_overrides_of_any_text_are_accepted_or_refused(tmp_path: Path, override: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(CONFIG)
    try:
        load_config(path, [override])
    except SpecsrError as error:
        assert len(str(error)) < 5000


def bomb(levels: int) -> str:
    """Nine lists of nine lists of ...: a few lines that expand to 9^levels values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        bomb(12),
        CONFIG.decode() + bomb(12),
        CONFIG.decode() + f"{bomb(12)}grids: *a11\n",
        CONFIG.decode().replace("folders: [a, b]", "folders: &f [*f]"),
        "a: &a {b: *a}\n",
        "base: &b [*b]\n",
        "[" * 20_000,
        "{a: " * 20_000,
        "!!python/object/apply:os.system ['true']\n",
        "? {a: b}\n: c\n",
        "name: " + "9" * 10_000 + "\n",
        "name: 1e400\nname: .nan\n",
        "base: c.yaml\n",
        "base: /dev/full\n",
        "base: .\n",
        "base: 'a\\0b'\n",
        'base: "a\\0b"\n',
        "\x00",
        "",
        "- 1\n",
        "a: 2024-99-99\n",
        "a: 0b\n",
        "1: 2\n",
        "pair: 3\ntrain: {steps: 1000000000000000000000000000000000000000}\n",
        "a: !!timestamp x\nb: !!int x\n",
        "a: !!binary é\n",
    ],
    ids=range(26),
)
def test_hostile_configs_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    tracemalloc.start()
    try:
        with at_most(SLOWEST), pytest.raises(SpecsrError) as caught:
            load_config(path)
        assert tracemalloc.get_traced_memory()[1] < LARGEST
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 5000


def test_a_config_of_any_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"# " + b"x" * 2_000_000 + b"\n" + CONFIG)
    with pytest.raises(SpecsrError, match=r"c\.yaml"):
        load_config(path)


# --- the command line ------------------------------------------------------------------------

OPTIONS: dict[str, list[str]] = {
    "upscale": ["--scale", "--pair", "--phase", "--iterations", "--consistency", "--model",
                "--unit", "--calib", "--rpm", "--max-freq", "--plot", "--tile", "--channels"],
    "denoise": ["--model", "--attenuation", "--unit", "--calib", "--file-rate", "--max-freq"],
    "spectrogram": ["--df", "--overlap", "--n-fft", "--hop", "--window", "--scaling", "--unit"],
    "orders": ["--rpm", "--rpm-channel", "--rpm-scale", "--cut", "--max-order", "--bandwidth"],
    "levels": ["--weighting", "--df", "--calib", "--full-scale", "--calib-tone", "--unit"],
    "info": ["--calib", "--unit", "--channels", "--file-rate"],
    "report": ["--orders", "--model", "--range", "--audio-seconds", "--channel"],
    "evaluate": ["--cut", "--orders", "--rpm", "--range", "--low", "--n-fft"],
    "synth": ["--seed", "--rate", "--duration", "--unit"],
    "train": ["--set", "--out", "--resume", "--device"],
    "convert": ["--res-scale", "--name", "--gray"],
    "models": ["--card"],
}  # fmt: skip
WORDS = ["0", "-1", "1", "2", "3,4", "nan", "inf", "-inf", "1e400", "9" * 30, "", " ", "a", "µ",
         "/", ".", "--", "-o", "nowhere/none.wav", "1e-300", "2x3", "[", "{}", "\udc80", "94 94",
         "band", "denoise", "map", "pool", "stft", "A", "hann", "Pa"]  # fmt: skip


@pytest.mark.parametrize("command", sorted(OPTIONS))
def test_any_option_gives_a_message_never_a_traceback(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    """The exit code is 0, 1 or 2; any other exception propagates through `run`."""
    monkeypatch.chdir(tmp_path)
    Path("s.wav").write_bytes(seeds()["signal.wav"])
    Path("m.npz").write_bytes(seeds()["map.npz"])
    Path("cut.wav").write_bytes(seeds()["signal.wav"][:100])
    Path("c.yaml").write_bytes(CONFIG.replace(b"folders: [a, b]", b"folders: []"))
    rng = random.Random(command)
    for _ in range(25):
        inputs = rng.choices(["s.wav", "m.npz", "cut.wav", "none.wav", "."], k=rng.randint(0, 2))
        if command == "train":
            inputs = [rng.choice(["none.yaml", "s.wav", "."])]  # training takes too long
        if command == "synth":
            inputs = ["--duration", "0.1"] if rng.random() < 0.5 else ["--duration", "-1"]
        options = []
        for option in rng.choices(OPTIONS[command], k=rng.randint(0, 3)):
            options += [option, rng.choice(WORDS)]
        if "--duration" in options and command == "synth":
            continue
        if rng.random() < 0.6:
            options += ["-o", rng.choice(["o.wav", "o.npz", "o.csv", "o.png", "o.html", "o", "/"])]
        code, out, err = run(capsys, command, *inputs, *options)
        assert code in (0, 1, 2), (inputs, options, err)
        assert "Traceback" not in out + err
        assert code == 0 or (out + err).strip(), (inputs, options)

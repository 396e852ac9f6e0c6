"""Training configs: values, overrides and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from specsr.errors import SpecsrError
from specsr.train.config import Config
from specsr.train.config_file import load_config
from support.tiny_config import config

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


GOOD = {
    "name": "x",
    "pair": {"kind": "pool", "scales": [2]},
    "data": {"synth": {"count": 2}},
    "grids": [{"n_fft": 512}],
}


def write(tmp_path: Path, tree: Any) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


def test_scenes_are_a_switch_a_word_or_shares_of_kinds(tmp_path: Path) -> None:
    for value in (True, False, "all", {"idling": 2.0, "plain": 1.0}):
        tree = {**GOOD, "data": {"synth": {"count": 2, "scenes": value}}}
        assert load_config(write(tmp_path, tree)).data.synth.scenes == value
    for value, message in (
        ({"train": 1.0}, "kind 'train': expected one of plain"),
        ({}, "at least one kind"),
        ({"plain": 0}, "greater than 0"),
        ("some", "scenes"),
    ):
        tree = {**GOOD, "data": {"synth": {"count": 2, "scenes": value}}}
        with pytest.raises(SpecsrError, match=message):
            load_config(write(tmp_path, tree))


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_the_configs_of_the_project_are_valid(path: Path) -> None:
    loaded = load_config(path)
    assert loaded.name == path.stem
    assert Config.model_validate(loaded.model_dump(mode="json")) == loaded


@pytest.mark.parametrize(
    "override, words",
    [
        ("train.stepz=3", r"train\.stepz: unknown key; did you mean steps\?"),
        ("trian.steps=3", "trian: unknown key; did you mean train"),
        ("data.synth.cuont=3", r"data\.synth\.cuont.*did you mean count"),
        ("grids=[{n_ftt: 64}]", r"grids\.0\.n_ftt.*did you mean n_fft"),
        ("model.zzzzzz=1", "valid keys: name, n_resblocks"),
        ("train.steps=0", r"train\.steps"),
        ("train.steps=many", r"train\.steps"),
        ("train.loss=l3", "l1"),
        ("train.patch=[0, 8]", r"train\.patch\.0"),
        ("train.ema=1", r"train\.ema"),
        ("grids=[{n_fft: 65}]", "multiple of 2"),
        ("pair.scales=2", r"pair\.scales.*list such as"),
        ("pair.scales=[0]", r"pair\.scales"),
        ("pair.scales=[]", r"pair\.scales"),
        ("pair.scales=[2, 3]", "use mdsr"),
        ("pair.kind=band", r"a band pair has pair\.scales \[1\]"),
        ("data.synth.count=0", r"set data\.synth\.count or data\.folders"),
        ("steps", "expected section.key=value"),
        ("name.first=1", "name is a value, not a section"),
        ("train.steps=[", "not YAML"),
        ("data=", "data"),
    ],
)
def test_errors_of_a_config_are_named(tmp_path: Path, override: str, words: str) -> None:
    path = write(tmp_path, GOOD)
    with pytest.raises(SpecsrError, match=words):
        load_config(path, [override])


def test_overrides_reach_every_depth_and_keep_the_rest(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    loaded = load_config(
        path, ["train.steps=7", "data.synth.rates=[8000, 9000.5]", "pair.scales=[[4, 1]]"]
    )
    assert loaded.train.steps == 7
    assert loaded.data.synth.rates == [8000.0, 9000.5] and loaded.data.synth.count == 2
    assert loaded.pair.scales == [(4, 1)]
    assert load_config(path).pair.scales == [(2, 2)]


def test_denoise_needs_its_range_and_stft_one_scale(tmp_path: Path) -> None:
    path = write(tmp_path, {**GOOD, "pair": {"kind": "denoise"}})
    with pytest.raises(SpecsrError, match=r"pair\.snr"):
        load_config(path)
    path = write(tmp_path, {**GOOD, "model": {"name": "mdsr"}})
    with pytest.raises(SpecsrError, match="one scale"):
        load_config(path, ["pair.kind=stft", "pair.scales=[2, 3]"])


@pytest.mark.parametrize(
    "content", [b"name: [", b"- a\n- b\n", b"", b"\xff\xfe\x00name", b"just words"]
)
def test_files_that_are_no_config_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecsrError, match=r"broken\.yaml"):
        load_config(path)
    with pytest.raises(SpecsrError, match=r"missing\.yaml: no such config"):
        load_config(tmp_path / "missing.yaml")


def test_weights_are_above_zero(tmp_path: Path) -> None:
    assert config(tmp_path, data={"weights": {"speech/*": 8}}).data.weights == {"speech/*": 8.0}
    for wrong in ({"a": 0}, {"a": -1}, {"a": "much"}, ["a"]):
        with pytest.raises(ValidationError):
            config(tmp_path, data={"weights": wrong})


@pytest.mark.parametrize(
    "line",
    [
        "note: !!python/object/apply:os.mkdir [{trace}]",
        "note: !!python/object/new:os.mkdir [{trace}]",
        "note: !!python/name:os.system",
        "!!python/object/apply:os.mkdir [{trace}]: 1",
    ],
)
def test_tags_of_python_objects_are_refused(tmp_path: Path, line: str) -> None:
    path = write(tmp_path, GOOD)
    path.write_text(path.read_text() + line.format(trace=tmp_path / "trace") + "\n")
    with pytest.raises(SpecsrError, match=r"c\.yaml.*python"):
        load_config(path)
    with pytest.raises(SpecsrError, match="python"):
        load_config(write(tmp_path, GOOD), [line.replace(": ", "=", 1).format(trace=tmp_path)])
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("more", ["name: y", "train: {steps: 1, steps: 2}", "'name': z"])
def test_a_key_that_is_there_twice_is_refused(tmp_path: Path, more: str) -> None:
    path = write(tmp_path, GOOD)
    path.write_text(path.read_text() + more + "\n")
    with pytest.raises(SpecsrError, match=r"c\.yaml.*twice"):
        load_config(path)
    with pytest.raises(SpecsrError, match="twice"):
        load_config(write(tmp_path, GOOD), ["train={steps: 1, steps: 2}"])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("yes", "'yes' is a truth value"),
        ("Off", "'Off' is a truth value"),
        ("010", "'010' is octal"),
        ("-0_7", "octal"),
        ("1:30", "'1:30' is a number of base 60"),
        ("1:30.5", "base 60"),
        (".inf", "'.inf' is no finite number"),
        ("-.INF", "no finite number"),
        (".nan", "no finite number"),
        ("2026-01-02", "a date"),
    ],
)
def test_values_that_yaml_reads_otherwise_are_refused_with_the_line(
    tmp_path: Path, value: str, words: str
) -> None:
    path = write(tmp_path, GOOD)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, f"note: {value}"]) + "\n")
    with pytest.raises(SpecsrError, match=rf"c\.yaml: .*{words}.*line {len(lines) + 1}"):
        load_config(path)
    with pytest.raises(SpecsrError, match=words):
        load_config(write(tmp_path, GOOD), [f"train.steps={value}"])


def test_values_that_yaml_reads_as_meant_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert load_config(path, ["name='yes'"]).name == "yes"
    assert load_config(path, ["train.steps=1_000"]).train.steps == 1000
    assert load_config(path, ["name=0x10.a:b"]).name == "0x10.a:b"


def test_an_error_in_yaml_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [1\nb: 2\n")
    with pytest.raises(SpecsrError, match="not a readable YAML file") as error:
        load_config(tmp_path / "a.yaml")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "override, words",
    [
        ("train.steps=true", r"train\.steps.*got True"),
        ("train.lr=true", r"train\.lr.*got True"),
        ("train.patch=[true, 8]", r"train\.patch.*true or false"),
        ("train.scale_weights=[true]", r"train\.scale_weights"),
        ("data.synth.rates=[]", r"data\.synth\.rates.*at least 1"),
        ("data.synth.rates=[-8000.0]", r"data\.synth\.rates\.0"),
        ("data.synth.rates=[1.0e+300]", r"data\.synth\.rates\.0"),
        ("data.rates=[]", r"data\.rates"),
        ("data.synth.seed=-1", r"data\.synth\.seed"),
        ("data.synth.duration=1e999", r"data\.synth\.duration.*finite"),
        ("train.seed=-1", r"train\.seed"),
        ("train.warmup=-1", r"train\.warmup"),
        ("grids=[]", r"grids.*at least 1"),
        ("grids=[{n_fft: 64, hop_length: 65}]", "hop_length is 65: expected at most n_fft"),
        ("pair.ratios=[1]", r"pair\.ratios\.0"),
        ("pair.scales=[65]", r"pair\.scales"),
        ("model.n_feats=1000000", r"model\.n_feats.*4096"),
        ("model.n_resblocks=257", r"model\.n_resblocks.*256"),
        ("name=../x", "a name for a file"),
        ("name=/x", "a name for a file"),
        ("name=''", "a name for a file"),
        ("name='.. '", "a name for a file"),
        ('name="a\\nb"', "a name for a file"),
    ],
)
def test_values_that_no_run_can_have_are_refused(tmp_path: Path, override: str, words: str) -> None:
    with pytest.raises(SpecsrError, match=words):
        load_config(write(tmp_path, GOOD), [override])

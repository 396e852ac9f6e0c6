"""Checkpoints of PyTorch from untrusted sources: refused where invalid, none of their code run."""

from __future__ import annotations

import functools
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.models.config import EDSRConfig
from specsr.models.edsr_pytorch import convert, from_state_dict, read_state_dict
from specsr.models.network import build


def state() -> dict[str, torch.Tensor]:
    net = build(EDSRConfig(n_resblocks=1, n_feats=4))
    return {k: v for k, v in net.state_dict().items() if "_mean" not in k}


@pytest.mark.parametrize(
    "name, tensor",
    [
        ("head.0.weight", torch.zeros(10**9, 0, 3, 3)),
        ("head.0.weight", torch.zeros(0, 3, 3, 3)),
        ("head.0.weight", torch.zeros(3)),
        ("head.0.weight", torch.tensor(3.0)),
        ("tail.1.weight", torch.zeros(10**9, 0, 3, 3)),
        ("tail.0.0.weight", torch.zeros(10**12, 0)),
        ("tail.0.0.weight", torch.tensor(1.0)),
        ("body.99999999999999999999.weight", torch.zeros(3)),
        ("body.x.weight", torch.zeros(3)),
        ("add_mean.bias", torch.zeros(0)),
        ("add_mean.bias", torch.full((3,), float("nan"))),
        ("add_mean.bias", torch.zeros(3, dtype=torch.complex64)),
    ],
)
def test_checkpoints_that_make_no_sense_are_refused(name: str, tensor: torch.Tensor) -> None:
    with pytest.raises(SpecsrError):
        from_state_dict({**state(), name: tensor})


def test_more_values_than_are_stored_are_refused(tmp_path: Path) -> None:
    """A view that repeats one stored value may claim any size."""
    path = tmp_path / "m.pth"
    torch.save({**state(), "head.0.weight": torch.zeros(1).expand(10**9, 3, 3, 3)}, path)
    assert path.stat().st_size < 100_000
    with pytest.raises(SpecsrError, match="more values than are stored"):
        convert(path)


def test_a_compressed_checkpoint_is_refused(tmp_path: Path) -> None:
    """Megabytes of zeros fit into a kilobyte."""
    plain, packed = tmp_path / "a.pth", tmp_path / "b.pth"
    torch.save({"w": torch.zeros(10**6)}, plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    assert packed.stat().st_size < 20_000
    with pytest.raises(SpecsrError, match="compressed"):
        read_state_dict(packed)


def test_a_sparse_tensor_is_refused(tmp_path: Path) -> None:
    huge = torch.sparse_coo_tensor([[0], [0]], [1.0], (10**9, 10**9))
    torch.save({"w": huge}, tmp_path / "m.pth")
    with pytest.raises(SpecsrError, match=r"m\.pth"):
        read_state_dict(tmp_path / "m.pth")


@functools.cache
def saved_state(legacy: bool) -> bytes:
    """Return a checkpoint as bytes; the legacy format holds addresses, so its length varies."""
    memory = io.BytesIO()
    torch.save(state(), memory, _use_new_zipfile_serialization=not legacy)
    return memory.getvalue()


@settings(
    max_examples=15, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_a_damaged_checkpoint_loads_or_is_refused(tmp_path: Path, data: Any) -> None:
    path = tmp_path / "m.pth"
    content = bytearray(saved_state(legacy=data.draw(st.booleans())))
    at = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(0, 8))
    content[at : at + length] = data.draw(st.binary(max_size=8))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))])
    try:
        convert(path)
    except SpecsrError as error:
        assert "m.pth" in str(error)


def test_spandrel_loads_no_code_either(tmp_path: Path) -> None:
    pytest.importorskip("spandrel")
    from specsr.models.spandrel_bridge import load_foreign

    class Trap:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "trace",))

    (tmp_path / "a.pth").write_bytes(pickle.dumps(Trap()))
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "b.pt")
    for name in ("a.pth", "b.pt"):
        with pytest.raises(SpecsrError, match=name):
            load_foreign(tmp_path / name)
    assert not (tmp_path / "trace").exists()

"""Files of strangers: links to other files are refused, and so are filters that are not there."""

from __future__ import annotations

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from specsr.io import is_map, read
from support.hdf5_samples import own_fields, refused
from support.io_samples import noise


@pytest.mark.parametrize("suffix", [".h5", ".mat"])
def test_external_links_are_refused(tmp_path, suffix):
    secret, path = tmp_path / "secret.h5", tmp_path / f"a{suffix}"
    with h5py.File(secret, "w") as file:
        file["samples"] = noise()
    with h5py.File(path, "w") as file:
        own_fields(file)
        file["samples"] = h5py.ExternalLink(str(secret), "/samples")
    refused(path, "samples is a link to another file")
    refused(path, "samples is a link to another file", is_map)


@pytest.mark.parametrize("suffix", [".h5", ".mat"])
def test_an_external_link_to_a_pipe_is_refused_at_once(tmp_path, suffix):
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / f"a{suffix}"
    with h5py.File(path, "w") as file:
        own_fields(file)
        file["samples"] = h5py.ExternalLink(str(tmp_path / "pipe"), "/samples")
    code = "import sys; from specsr.io import read; read(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, timeout=600
    )
    assert "samples is a link to another file" in done.stderr


@pytest.mark.parametrize("suffix", [".h5", ".mat"])
def test_external_links_in_groups_and_behind_soft_links_are_refused(tmp_path, suffix):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = noise()
    nested, behind = tmp_path / f"nested{suffix}", tmp_path / f"behind{suffix}"
    with h5py.File(nested, "w") as file:
        file["daq/fs"] = 48000.0
        file["daq/x"] = h5py.ExternalLink("secret.h5", "/x")
    refused(nested, "daq/x is a link to another file")
    with h5py.File(behind, "w") as file:
        own_fields(file)
        file["other"] = h5py.ExternalLink("secret.h5", "/")
        file["samples"] = h5py.SoftLink("/other/x")
    refused(behind, "other is a link to another file")


def test_soft_links_are_followed_within_the_file_and_loops_are_refused(tmp_path):
    samples = noise()
    good, loop = tmp_path / "good.h5", tmp_path / "loop.h5"
    with h5py.File(good, "w") as file:
        own_fields(file)
        file["raw/x"] = samples
        file["raw/again"] = h5py.SoftLink("x")
        file["samples"] = h5py.SoftLink("/raw/again")
        file["dangling"] = h5py.SoftLink("/nothing")
    np.testing.assert_array_equal(read(good).samples, samples)
    with h5py.File(loop, "w") as file:
        own_fields(file)
        file["samples"] = h5py.SoftLink("/b")
        file["b"] = h5py.SoftLink("/samples")
    refused(loop, "is a soft link in a loop")


def test_samples_in_other_files_are_refused(tmp_path):
    (tmp_path / "secret.bin").write_bytes(noise().tobytes())
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = noise()
    external, virtual = tmp_path / "external.h5", tmp_path / "virtual.h5"
    with h5py.File(external, "w") as file:
        own_fields(file)
        raw = [(str(tmp_path / "secret.bin"), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("samples", (2, 1001), np.float32, external=raw)
    with h5py.File(virtual, "w") as file:
        own_fields(file)
        layout = h5py.VirtualLayout((2, 1001), np.float32)
        layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "x", (2, 1001))
        file.create_virtual_dataset("samples", layout)
    refused(external, "samples is stored in other files")
    refused(virtual, "samples is stored in other files")


@pytest.mark.parametrize("suffix", [".h5", ".mat"])
def test_foreign_data_in_other_files_and_references_are_not_followed(tmp_path, suffix):
    (tmp_path / "secret.bin").write_bytes(noise().tobytes())
    path = tmp_path / f"a{suffix}"
    with h5py.File(path, "w") as file:
        file["fs"] = 48000.0
        file["mic"] = noise()[0]
        file["hidden"] = noise()[1]
        raw = [(str(tmp_path / "secret.bin"), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("outside", (1001,), np.float32, external=raw)
        file["reference"] = np.array([file["hidden"].ref], dtype=h5py.ref_dtype)
        region = file["hidden"].regionref[:10]
        file["region"] = np.array([region], dtype=h5py.regionref_dtype)
        del file["hidden"]
    assert read(path).channels == ("mic",)


@pytest.mark.parametrize("suffix", [".h5", ".mat"])
def test_a_missing_filter_is_named(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with h5py.File(path, "w") as file:
        own_fields(file)
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((2, 1001))
        plan.set_filter(32099, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((2, 1001))
        made = h5py.h5d.create(file.id, b"samples", h5py.h5t.NATIVE_FLOAT, space, plan)
        made.write_direct_chunk((0, 0), noise().tobytes())
    refused(path, "samples is compressed with filter 32099")

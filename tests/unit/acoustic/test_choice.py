"""Which kernels run a model, and what is refused."""

import pytest
import torch
from checkpoints import write_checkpoint

from app.acoustic import load_checkpoint
from app.acoustic.choice import FAMILIES, families
from app.acoustic.native import load_library, runnable
from app.errors import ConfigurationError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("xls-r")
    write_checkpoint(made, "xls-r")
    return made


def test_float32_runs_on_the_best_family_of_this_cpu(folder):
    # AMX does not multiply float32.
    best = next(family for family in families() if family != "amx")
    model = load_checkpoint(folder, dtype="float32")
    assert (model.kernels, model.dtype) == (best, "float32")


def test_each_family_of_this_cpu_can_be_forced(folder):
    for family in families():
        model = load_checkpoint(folder, dtype="auto", kernels=family)
        assert model.kernels.split("-")[0] == family


def test_family_that_this_cpu_cannot_run_is_refused(folder):
    absent = [family for family in FAMILIES if family not in families()]
    # No machine is both ARM and x86-64.
    assert absent
    for family in absent:
        with pytest.raises(ConfigurationError, match=f"cannot run the kernels {family}") as refused:
            load_checkpoint(folder, kernels=family)
        assert f"it runs {', '.join(families())}" in str(refused.value)


def test_unknown_family_is_refused_with_the_known_ones(folder):
    with pytest.raises(ConfigurationError, match="known: auto, amx, avx512, avx2, neon, torch"):
        load_checkpoint(folder, kernels="sse")


def test_formats_that_would_be_slower_than_float32_are_refused(folder):
    library = load_library()
    levels = [] if library is None else runnable(library)
    capabilities = torch.cpu.get_capabilities()
    for family in families():
        own = [level for level in levels if level.family == family]
        fast = {
            "torch": {
                "int8": bool(capabilities.get("avx512_vnni") or capabilities.get("amx_int8")),
                "bfloat16": bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")),
            },
            "amx": {"int8": True, "bfloat16": True},
        }.get(
            family,
            {
                "int8": any(level.int8 for level in own),
                "bfloat16": any(level.bf16 for level in own),
            },
        )
        for number_format, options in (
            ("int8", {"int8": True}),
            ("bfloat16", {"dtype": "bfloat16"}),
        ):
            if fast[number_format]:
                model = load_checkpoint(folder, kernels=family, **options)
                assert model.dtype == number_format
            else:
                with pytest.raises(ConfigurationError, match="slower than float32"):
                    load_checkpoint(folder, kernels=family, **options)

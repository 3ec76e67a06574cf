from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

from tests.trainers.normalizers.oracle import block, close, normal, site

SHARDS = 2


def step(x: Tensor, *, convolution: bool) -> dict[str, Tensor]:
    """Output, gradients and running averages of one step on a batch whose loss is a sum over its samples."""
    packed = block("bn", site(5, 4, replicas=3, convolution=convolution), sync=True)
    x = x.clone().requires_grad_()
    y = packed(x)
    y.pow(3).sum().backward()
    gradients = {name: p.grad for name, p in packed.named_parameters()}
    return {"y": y.detach(), "x": x.grad, **gradients, **dict(packed.method.named_buffers())}


def on_a_shard(rank: int, folder: str, x: Tensor, convolution: bool) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=SHARDS)
    torch.save(step(x.chunk(SHARDS, dim=1)[rank], convolution=convolution), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.oracle
@pytest.mark.parametrize("convolution", [False, True])
def test_shards_in_sync_are_one_batch(tmp_path: Path, convolution: bool) -> None:
    x = normal(3, 12, 5, *((4, 3) if convolution else ()))
    whole = step(x, convolution=convolution)
    mp.spawn(on_a_shard, args=(str(tmp_path), x, convolution), nprocs=SHARDS)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(SHARDS))
    for name, expected in whole.items():
        if name in ("x", "y"):
            close(torch.cat([first[name], second[name]], dim=1), expected, name)
        elif name.startswith("running"):
            close(first[name], expected, name)
            assert torch.equal(first[name], second[name])
        else:
            close(first[name] + second[name], expected, name)

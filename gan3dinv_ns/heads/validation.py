"""How near a generator in training comes to heads that it does not learn from."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import functional as F

from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.heads.embedding import AttributeEmbedding
from gan3dinv_ns.heads.objectives import ray_limits
from gan3dinv_ns.heads.training_data import TrainingData
from gan3dinv_ns.ops.image_files import write_image
from gan3dinv_ns.ops.image_metrics import psnr

HEADS = 16
SHOWN = 8


@torch.no_grad()
def validate(
    generator: Generator, embedding: AttributeEmbedding, data: TrainingData, picture: Path
) -> dict[str, float]:
    """PSNR of the validation heads' pictures from their true latents, "psnr_image" and "psnr_raw", in dB.

    Args:
        picture: where truth, image, raw rendering and depth of some heads are drawn, one below the other.
    """
    chosen, views = data.validation_batch(HEADS)
    ws = embedding.ws(data.attributes[chosen], generator.num_ws, data.device)
    seen = generator.synthesis(ws, views.label[:, 0], sampling="midpoint")
    true = 2 * views.image[:, 0] - 1
    raw = F.interpolate(seen["image_raw"], true.shape[-2:])
    near, _ = ray_limits(generator)
    depth = F.interpolate(1 - 2.5 * (seen["image_depth"] - near), true.shape[-2:]).expand(-1, 3, -1, -1)
    rows = [torch.cat(list(x[:SHOWN].clamp(-1, 1).cpu()), dim=2) for x in (true, seen["image"], raw, depth)]
    write_image(picture, torch.cat(rows, dim=1)[None])
    return {"psnr_image": psnr(seen["image"], true), "psnr_raw": psnr(seen["image_raw"], F.avg_pool2d(true, 2))}

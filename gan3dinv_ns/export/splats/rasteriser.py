"""A differentiable rasteriser of gaussians in plain torch, for any device.

The picture is cut into tiles of 8 x 8 pixels. Each has the list of the gaussians whose ellipse alpha >= 1/255 may
reach it, from front to back; tiles with lists of about the same length are composited together, padded to one length.
Within a tile, ln alpha is a polynomial of the pixel's place,

    ln alpha = [1, x, y, x^2, x y, y^2] . k,

so that all of a tile's alphas are one matrix product. Alphas below 1/255 are left out and larger ones end at 0.99, as
in Kerbl et al. 2023. The lists and the order of depths are not differentiated.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gan3dinv_ns.export.splats.gaussians import Gaussians
from gan3dinv_ns.export.splats.projection import NEAR, Projected, project_gaussians

TILE = 8
LEAST_ALPHA, MOST_ALPHA = 1 / 255, 0.99
_TILES_AT_ONCE = 32
_TRANSPARENT = -1e4


def rasterise(
    gaussians: Gaussians, label: Tensor, resolution: int, background: Tensor, antialiased: bool = True
) -> tuple[Tensor, Tensor]:
    """Renders gaussians; differentiable in them and in the background.

    Args:
        gaussians: N of them, in any order.
        label: camera [1, 25].
        resolution: side of the picture in pixels.
        background: [3] in [0, 1].
        antialiased: see `project_gaussians`.

    Returns:
        picture [1, 3, H, W] in [0, 1] where the colours are, and opacity [1, 1, H, W] in [0, 1].
    """
    seen = project_gaussians(gaussians, label, resolution, antialiased)
    lists, tiles = tile_lists(seen, resolution)
    packed = _packed(seen, gaussians.colours)
    side = -(-resolution // TILE)
    found = packed.new_zeros(side * side, TILE * TILE, 4)
    for these in tiles.split(_TILES_AT_ONCE) if len(tiles) else ():
        longest = int((lists[these] < len(gaussians)).sum(1).max())
        composited = _composite(packed, lists[these][:, :longest], these, side)
        found = found.index_copy(0, these, composited)
    picture = found.reshape(side, side, TILE, TILE, 4).permute(4, 0, 2, 1, 3).reshape(4, side * TILE, side * TILE)
    picture = picture[None, :, :resolution, :resolution]
    colour, opacity = picture[:, :3], picture[:, 3:]
    return colour + (1 - opacity) * background[:, None, None], opacity


@torch.no_grad()
def tile_lists(seen: Projected, resolution: int) -> tuple[Tensor, Tensor]:
    """Which gaussians may be seen in which tile.

    Returns:
        lists [T, K] of gaussians from front to back, filled up with N, for each of the T tiles of the picture, row
        by row; and the tiles whose list is not empty, by the length of their lists.
    """
    side = -(-resolution // TILE)
    first, last = _tile_ranges(seen, side)
    extent = (last - first + 1).clamp_min(0)
    count = extent[:, 0] * extent[:, 1]
    owner = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
    within = torch.arange(len(owner), device=count.device) - (count.cumsum(0) - count)[owner]
    width = extent[owner, 0]
    tile = (first[owner, 1] + within // width) * side + first[owner, 0] + within % width
    rank = torch.empty_like(count)
    rank[torch.argsort(seen.depths, stable=True)] = torch.arange(len(count), device=count.device)
    order = torch.argsort(tile * len(count) + rank[owner])
    tile, owner = tile[order], owner[order]
    lengths = torch.bincount(tile, minlength=side * side)
    place = torch.arange(len(tile), device=tile.device) - (lengths.cumsum(0) - lengths)[tile]
    lists = torch.full((side * side, int(lengths.max()) if len(tile) else 0), len(count), device=tile.device)
    lists[tile, place] = owner
    return lists, torch.argsort(lengths)[(lengths == 0).sum() :]


def _tile_ranges(seen: Projected, side: int) -> tuple[Tensor, Tensor]:
    """The first and the last tile [N, 2] in x and y of the box around each ellipse alpha >= 1/255."""
    level = (2 * (seen.log_opacities - math.log(LEAST_ALPHA))).clamp_min(0)
    reach = (level[:, None] * seen.covariances[:, ::2]).sqrt()
    first = ((seen.means - reach) / TILE).floor().clamp(0, side).long()
    last = ((seen.means + reach) / TILE).floor().clamp(-1, side - 1).long()
    visible = (level > 0) & (seen.depths > NEAR)
    return first, torch.where(visible[:, None], last, -1)


def _packed(seen: Projected, colours: Tensor) -> Tensor:
    """What is looked up for each gaussian [N + 1, 9]: mean, conic, ln opacity, colour; the last one is invisible."""
    rows = torch.cat([seen.means, seen.conics(), seen.log_opacities[:, None], colours], dim=1)
    nothing = rows.new_zeros(1, 9)
    nothing[0, 5] = _TRANSPARENT
    return torch.cat([rows, nothing])


def _composite(packed: Tensor, lists: Tensor, tiles: Tensor, side: int) -> Tensor:
    """Colours and opacities [T, P, 4] of the P pixels of tiles [T] with lists [T, K]."""
    rows = packed.index_select(0, lists.reshape(-1)).reshape(*lists.shape, 9)
    centres = torch.stack([tiles % side, tiles // side], dim=1).to(packed) * TILE + TILE / 2
    x, y = (rows[..., :2] - centres[:, None]).unbind(-1)
    a, b, c, log_opacity = rows[..., 2:6].unbind(-1)
    along_x, along_y = a * x + b * y, b * x + c * y
    constant = log_opacity - (along_x * x + along_y * y) / 2
    polynomial = torch.stack([constant, along_x, along_y, -a / 2, -b, -c / 2], dim=1)
    log_alpha = _monomials(packed) @ polynomial
    alpha = torch.where(log_alpha < math.log(LEAST_ALPHA), 0.0, log_alpha.exp().clamp_max(MOST_ALPHA))
    passing = torch.log1p(-alpha)
    weight = alpha * (passing.cumsum(2) - passing).exp()
    return weight @ torch.cat([rows[..., 6:], torch.ones_like(rows[..., :1])], dim=2)


def _monomials(like: Tensor) -> Tensor:
    """1, x, y, x^2, x y, y^2 [P, 6] at a tile's pixel centres, from its middle."""
    place = torch.arange(TILE, device=like.device, dtype=like.dtype) + 0.5 - TILE / 2
    y, x = (grid.reshape(-1) for grid in torch.meshgrid(place, place, indexing="ij"))
    return torch.stack([torch.ones_like(x), x, y, x * x, x * y, y * y], dim=1)

"""Mapping network: latent z and conditioning c become the intermediate latent w (Karras et al. 2019, section 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan3dinv_ns.eg3d.layers import FullyConnected, normalize_second_moment


class MappingNetwork(nn.Module):
    """z [N, z_dim] and c [N, c_dim] -> w, repeated num_ws times.

    Args:
        z_dim: length of z; 0 for a network of c alone.
        c_dim: length of c; 0 for a network of z alone.
        w_dim: length of w and of every hidden layer.
        num_ws: how often w is repeated; None gives [N, w_dim].
        num_layers: fully connected layers behind the embedding of c.
        w_avg_beta: decay of the running mean of w; None keeps no mean (and allows no truncation).
    """

    w_avg: Tensor

    def __init__(
        self,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        num_ws: int | None,
        num_layers: int = 8,
        w_avg_beta: float | None = 0.998,
    ) -> None:
        super().__init__()
        if z_dim == 0 and c_dim == 0:
            raise ValueError("a mapping network needs z_dim or c_dim above 0")
        self.z_dim, self.c_dim, self.num_ws, self.num_layers = z_dim, c_dim, num_ws, num_layers
        self.w_avg_beta = w_avg_beta
        if c_dim > 0:
            self.embed = FullyConnected(c_dim, w_dim)
        widths = [z_dim + (w_dim if c_dim > 0 else 0)] + [w_dim] * num_layers
        for index in range(num_layers):
            layer = FullyConnected(widths[index], widths[index + 1], activation="lrelu", lr_multiplier=0.01)
            self.add_module(f"fc{index}", layer)
        if num_ws is not None and w_avg_beta is not None:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self,
        z: Tensor | None,
        c: Tensor | None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        update_w_avg: bool = False,
    ) -> Tensor:
        """w [N, num_ws, w_dim], or [N, w_dim] without num_ws.

        Args:
            z: [N, z_dim]; scaled to unit second moment.
            c: [N, c_dim].
            truncation_psi: 1 keeps w, 0 gives the mean: w_avg + psi * (w - w_avg).
            truncation_cutoff: only the first so many of the repeated w are truncated; None means all.
            update_w_avg: move the running mean towards this batch.
        """
        parts = []
        if self.z_dim > 0:
            assert z is not None
            parts.append(normalize_second_moment(z))
        if self.c_dim > 0:
            assert c is not None
            parts.append(normalize_second_moment(self.embed(c)))
        x = torch.cat(parts, dim=1)
        for index in range(self.num_layers):
            x = self.get_submodule(f"fc{index}")(x)
        if update_w_avg and self.w_avg_beta is not None:
            self.w_avg.copy_(x.detach().mean(dim=0).lerp(self.w_avg, self.w_avg_beta))
        if self.num_ws is None:
            return x
        ws = x[:, None, :].expand(-1, self.num_ws, -1)
        return self._truncate(ws, truncation_psi, truncation_cutoff)

    def _truncate(self, ws: Tensor, psi: float, cutoff: int | None) -> Tensor:
        if psi == 1.0:
            return ws.contiguous()
        cutoff = ws.shape[1] if cutoff is None else cutoff
        return torch.cat([self.w_avg.lerp(ws[:, :cutoff], psi), ws[:, cutoff:]], dim=1)

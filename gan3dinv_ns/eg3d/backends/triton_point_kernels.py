"""Tri-plane lookup and decoder in one Triton kernel, forward and backward. Importing this needs Triton.

Letters as in `blockwise_decoding`: x the mean of the three planes' features at a point, W and b weights and biases,

    p = W1 x + b1,    h = s(p),    (sigma, q) = W2 h + b2,    c = 1.002 r(q) - 0.001;

as in `triplane_gather`: (t, u) a point's place between the pixel at its lower corner and the next ones. A program
takes blocks of points, holds all of these in registers, and keeps nothing for the backward pass, which computes them
again. Nothing is multiplied in less than float32 unless PRECISION says so.
"""

from __future__ import annotations

import triton
import triton.language as tl

from gan3dinv_ns.eg3d.backends.triton_functions import sigmoid, softplus


@triton.jit
def _along_plane(x, y, z, plane: tl.constexpr, YZ: tl.constexpr):
    """The coordinates along width and height of a plane, see `triplanes`."""
    if plane == 0:
        return x, y
    elif plane == 1:
        return x, z
    elif YZ:
        return y, z
    else:
        return z, x


@triton.jit
def _cell(pixel, resolution):
    """Lower corner, place above it, and whether a coordinate meets the plane; what is not a number stays so."""
    inside = (pixel > -1.0) & (pixel < resolution)
    held = tl.where(inside, pixel, -1.0)
    lower = tl.floor(held)
    return lower.to(tl.int32), tl.where(pixel == pixel, held - lower, pixel), inside


@triton.jit
def _corner(first, column, row, inside, resolution, channel, channels):
    """Places in the planes of the features [BLOCK, BLOCK_C] of one pixel for each point, and where there are any."""
    there = inside & (column >= 0) & (column < resolution) & (row >= 0) & (row < resolution)
    at = first + (row * resolution + column) * channels
    return at[:, None] + channel[None, :], there[:, None] & (channel < channels)[None, :]


@triton.jit
def _point(points, index, known):
    """Coordinates of points; those of no point are 0."""
    at = points + index * 3
    x = tl.load(at, mask=known, other=0.0)
    return x, tl.load(at + 1, mask=known, other=0.0), tl.load(at + 2, mask=known, other=0.0)


@triton.jit
def _mean_feature(x, y, z, known, planes, first, resolution, scale, channels, channel, YZ: tl.constexpr):
    """Features [BLOCK, BLOCK_C] at points; their own three planes begin at the places `first`."""
    total = tl.zeros([x.shape[0], channel.shape[0]], tl.float32)
    middle = 0.5 * (resolution - 1)
    for plane in tl.static_range(3):
        across, down = _along_plane(x, y, z, plane, YZ)
        left, t, meets_across = _cell(across * scale + middle, resolution)
        top, u, meets_down = _cell(down * scale + middle, resolution)
        inside = known & meets_across & meets_down
        start = first + plane * resolution * resolution * channels
        for i in tl.static_range(2):
            for j in tl.static_range(2):
                weight = (t if i == 1 else 1.0 - t) * (u if j == 1 else 1.0 - u)
                at, there = _corner(start, left + i, top + j, inside, resolution, channel, channels)
                total += weight[:, None] * tl.load(planes + at, mask=there, other=0.0)
    return total * (1.0 / 3.0)


@triton.jit
def _mean_feature_backward(
    x, y, z, known, planes, first, resolution, scale, channels, channel, for_feature, for_planes,
    YZ: tl.constexpr, PLANES: tl.constexpr, POINTS: tl.constexpr,
):  # fmt: skip
    """Adds the gradient of the features to that of the planes, and returns that of x, y and z."""
    for_x, for_y, for_z = tl.zeros_like(x), tl.zeros_like(x), tl.zeros_like(x)
    middle = 0.5 * (resolution - 1)
    for plane in tl.static_range(3):
        across, down = _along_plane(x, y, z, plane, YZ)
        left, t, meets_across = _cell(across * scale + middle, resolution)
        top, u, meets_down = _cell(down * scale + middle, resolution)
        inside = known & meets_across & meets_down
        for_across, for_down = tl.zeros_like(x), tl.zeros_like(x)
        start = first + plane * resolution * resolution * channels
        for i in tl.static_range(2):
            for j in tl.static_range(2):
                across_weight = t if i == 1 else 1.0 - t
                down_weight = u if j == 1 else 1.0 - u
                at, there = _corner(start, left + i, top + j, inside, resolution, channel, channels)
                if PLANES:
                    share = (across_weight * down_weight)[:, None] * for_feature * (1.0 / 3.0)
                    tl.atomic_add(for_planes + at, share, mask=there, sem="relaxed")
                if POINTS:
                    along = tl.sum(tl.load(planes + at, mask=there, other=0.0) * for_feature, axis=1)
                    for_across += (down_weight if i == 1 else -down_weight) * along
                    for_down += (across_weight if j == 1 else -across_weight) * along
        if plane == 0:
            for_x += for_across
            for_y += for_down
        elif plane == 1:
            for_x += for_across
            for_z += for_down
        elif YZ:
            for_y += for_across
            for_z += for_down
        else:
            for_z += for_across
            for_x += for_down
    return for_x * (scale / 3.0), for_y * (scale / 3.0), for_z * (scale / 3.0)


@triton.jit
def points_forward(
    points, planes, inner, inner_bias, outer, outer_bias, colours, density,
    count, count_per_entry, resolution, scale, channels, outputs,
    HIDDEN: tl.constexpr, BLOCK: tl.constexpr, BLOCK_C: tl.constexpr, BLOCK_O: tl.constexpr,
    YZ: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Colours [P, out] and densities [P] of points [P, 3]; planes channels last, out + 1 rows in the outer layer."""
    index = (tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
    known = index < count
    channel, unit, output = tl.arange(0, BLOCK_C), tl.arange(0, HIDDEN), tl.arange(0, BLOCK_O)
    x, y, z = _point(points, index, known)
    first = index // count_per_entry * (3 * resolution * resolution * channels)
    feature = _mean_feature(x, y, z, known, planes, first, resolution, scale, channels, channel, YZ)
    places = unit[None, :] * channels + channel[:, None]
    weight = tl.load(inner + places, mask=(channel < channels)[:, None], other=0.0)
    before = tl.dot(feature, weight, input_precision=PRECISION) + tl.load(inner_bias + unit)[None, :]
    hidden = softplus(before)
    sigma = tl.sum(hidden * tl.load(outer + unit)[None, :], axis=1) + tl.load(outer_bias)
    tl.store(density + index, sigma, mask=known)
    wanted = output < outputs
    places = (1 + output)[None, :] * HIDDEN + unit[:, None]
    weight = tl.load(outer + places, mask=wanted[None, :], other=0.0)
    bias = tl.load(outer_bias + 1 + output, mask=wanted, other=0.0)
    logit = tl.dot(hidden, weight, input_precision=PRECISION) + bias[None, :]
    at = index[:, None] * outputs + output[None, :]
    tl.store(colours + at, sigmoid(logit) * 1.002 - 0.001, mask=known[:, None] & wanted[None, :])


@triton.jit
def points_backward(
    points, planes, inner, inner_bias, outer, outer_bias, for_colours, for_density,
    for_points, for_planes, for_inner, for_inner_bias, for_outer, for_outer_bias,
    count, count_per_entry, resolution, scale, channels, outputs,
    HIDDEN: tl.constexpr, BLOCK: tl.constexpr, BLOCK_C: tl.constexpr, BLOCK_O: tl.constexpr,
    YZ: tl.constexpr, PRECISION: tl.constexpr,
    POINTS: tl.constexpr, PLANES: tl.constexpr, WEIGHTS: tl.constexpr,
):  # fmt: skip
    """Gradients; each program writes its own sums for the weights, and all add to the planes' (zero before)."""
    program = tl.program_id(0)
    channel, unit, output = tl.arange(0, BLOCK_C), tl.arange(0, HIDDEN), tl.arange(0, BLOCK_O)
    there, wanted = channel < channels, output < outputs
    inner_at = unit[:, None] * channels + channel[None, :]
    outer_at = (1 + output)[:, None] * HIDDEN + unit[None, :]
    inner_weight = tl.load(inner + inner_at, mask=there[None, :], other=0.0)
    outer_weight = tl.load(outer + outer_at, mask=wanted[:, None], other=0.0)
    density_weight = tl.load(outer + unit)
    inner_sum = tl.zeros([HIDDEN, BLOCK_C], tl.float32)
    inner_bias_sum = tl.zeros([HIDDEN], tl.float32)
    outer_sum = tl.zeros([BLOCK_O, HIDDEN], tl.float32)
    outer_bias_sum = tl.zeros([BLOCK_O], tl.float32)
    density_sum = tl.zeros([HIDDEN], tl.float32)
    density_bias_sum = tl.zeros([BLOCK], tl.float32)
    for block in range(program, tl.cdiv(count, BLOCK), tl.num_programs(0)):
        index = (block * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
        known = index < count
        x, y, z = _point(points, index, known)
        first = index // count_per_entry * (3 * resolution * resolution * channels)
        feature = _mean_feature(x, y, z, known, planes, first, resolution, scale, channels, channel, YZ)
        before = tl.dot(feature, tl.trans(inner_weight), input_precision=PRECISION)
        before += tl.load(inner_bias + unit)[None, :]
        hidden = softplus(before)
        logit = tl.dot(hidden, tl.trans(outer_weight), input_precision=PRECISION)
        colour = sigmoid(logit + tl.load(outer_bias + 1 + output, mask=wanted, other=0.0)[None, :])
        at, asked = index[:, None] * outputs + output[None, :], known[:, None] & wanted[None, :]
        for_logit = tl.load(for_colours + at, mask=asked, other=0.0) * (1.002 * colour * (1.0 - colour))
        for_sigma = tl.load(for_density + index, mask=known, other=0.0)
        for_hidden = tl.dot(for_logit, outer_weight, input_precision=PRECISION)
        for_hidden += for_sigma[:, None] * density_weight[None, :]
        for_before = for_hidden * sigmoid(before)
        if POINTS or PLANES:
            for_feature = tl.dot(for_before, inner_weight, input_precision=PRECISION)
            for_x, for_y, for_z = _mean_feature_backward(
                x, y, z, known, planes, first, resolution, scale, channels, channel, for_feature, for_planes,
                YZ, PLANES, POINTS,
            )  # fmt: skip
            if POINTS:
                tl.store(for_points + index * 3, for_x, mask=known)
                tl.store(for_points + index * 3 + 1, for_y, mask=known)
                tl.store(for_points + index * 3 + 2, for_z, mask=known)
        if WEIGHTS:
            inner_sum += tl.dot(tl.trans(for_before), feature, input_precision=PRECISION)
            inner_bias_sum += tl.sum(for_before, axis=0)
            outer_sum += tl.dot(tl.trans(for_logit), hidden, input_precision=PRECISION)
            outer_bias_sum += tl.sum(for_logit, axis=0)
            density_sum += tl.sum(for_sigma[:, None] * hidden, axis=0)
            density_bias_sum += for_sigma
    if WEIGHTS:
        tl.store(for_inner + program * HIDDEN * channels + inner_at, inner_sum, mask=there[None, :])
        tl.store(for_inner_bias + program * HIDDEN + unit, inner_bias_sum)
        rows = for_outer + program * (1 + outputs) * HIDDEN
        tl.store(rows + outer_at, outer_sum, mask=wanted[:, None])
        tl.store(rows + unit, density_sum)
        biases = for_outer_bias + program * (1 + outputs)
        tl.store(biases + 1 + output, outer_bias_sum, mask=wanted)
        tl.store(biases, tl.sum(density_bias_sum, axis=0))

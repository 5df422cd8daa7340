"""What the embedded generator and its discriminator are made of, and the weights that a training starts from."""

from __future__ import annotations

import torch

from gan3dinv_ns.eg3d import DiscriminatorConfig, Generator, GeneratorConfig, RenderingOptions
from gan3dinv_ns.eg3d.synthesis import SynthesisLayer, ToRGBLayer
from gan3dinv_ns.heads.finishing import noisy_layers


def generator_config() -> GeneratorConfig:
    """The architecture of the embedded generator: EG3D with the 2X module, 64 -> 128 pixels."""
    return GeneratorConfig(
        mapping_layers=2,
        plane_resolution=128,
        channel_base=4096,
        channel_max=128,
        sr_num_fp16_res=0,
        rendering=RenderingOptions(
            ray_start=2.32,
            ray_end=3.06,
            box_warp=0.75,
            depth_resolution=24,
            depth_resolution_importance=16,
            white_back=True,
            plane_axes="yz",
            c_gen_conditioning_zero=True,
        ),
    )


def discriminator_config() -> DiscriminatorConfig:
    """EG3D's dual discriminator, as narrow as the embedded generator."""
    return DiscriminatorConfig(img_resolution=128, channel_base=4096, channel_max=128, mapping_layers=2)


@torch.no_grad()
def clear_noise(generator: Generator) -> None:
    """Start with noise maps of zero and strength one: they are learned, as the places where heads have details.

    Without them everything local (an eye, a lip) has to grow out of one 4 x 4 constant, which takes long.
    """
    for layer in noisy_layers(generator):
        layer.noise_const.zero_()
        layer.noise_strength.fill_(1.0)


@torch.no_grad()
def start_silent(generator: Generator) -> None:
    """Start with latents that do nothing: the mean head is learned first, and attributes from there.

    A random start makes heads differ wildly, which has to be unlearned. What joins later adds nothing to the picture
    at first either: the planes' last resolution, and the super-resolution, which starts as plain upsampling.
    """
    for module in generator.modules():
        if isinstance(module, SynthesisLayer | ToRGBLayer):
            module.affine.weight.zero_()
    late = [generator.backbone.synthesis.get_submodule(f"b{generator.plane_resolution}")]
    late += [generator.superresolution.block0, generator.superresolution.block1]
    for block in late:
        block.get_parameter("torgb.weight").zero_()

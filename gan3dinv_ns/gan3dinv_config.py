"""What nerfstudio finds through the entry point: the methods of this package.

An error here would end every `ns-*` command, with or without this method. So whatever goes wrong is told in
one line, and nerfstudio then leaves the method out.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nerfstudio.plugins.types import MethodSpecification

DESCRIPTION = "One photo becomes a 3D head: GAN inversion with pose optimization in EG3D's tri-planes."


RECIPES = {
    "gan3dinv": None,
    "gan3dinv-fast": "fast.yaml",
    "gan3dinv-paper": "paper.yaml",
    "gan3dinv-ffhq": "ffhq.yaml",
    "gan3dinv-cats": "cats.yaml",
    "gan3dinv-sg2": "compared/sg2.yaml",
    "gan3dinv-sg2-wplus": "compared/sg2-wplus.yaml",
    "gan3dinv-pti": "compared/pti.yaml",
    "gan3dinv-sg2-gd": "compared/sg2-gd.yaml",
    "gan3dinv-sg2-wplus-gd": "compared/sg2-wplus-gd.yaml",
    "gan3dinv-pti-gd": "compared/pti-gd.yaml",
}
"""What follows `ns-train`, and the file in `configs/` that it is built from; None takes the defaults."""


def build_method(name: str) -> MethodSpecification:
    """A method as nerfstudio registers it.

    Args:
        name: a key of RECIPES.

    Raises:
        ValueError: the recipe's file is missing, or a key or value in it is wrong.
    """
    from nerfstudio.plugins.types import MethodSpecification

    from gan3dinv_ns.gan3dinv_trainer import GAN3DInvTrainerConfig
    from gan3dinv_ns.ops.recipes import apply_recipe, read_recipe, recipe_path

    config, description, file = GAN3DInvTrainerConfig(method_name=name), DESCRIPTION, RECIPES[name]
    if file is not None:
        recipe = read_recipe(recipe_path(file))
        description = f"{description} {recipe.pop('description', '')}".strip()
        config = apply_recipe(config, recipe)
    return MethodSpecification(config=config, description=description)


def _registered(name: str) -> MethodSpecification | None:
    try:
        from gan3dinv_ns.ns_export import install

        install()
        return build_method(name)
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        print(f"warning: {name} is not available ({type(error).__name__}: {reason})", file=sys.stderr)
        return None


gan3dinv_method = _registered("gan3dinv")
gan3dinv_fast_method = _registered("gan3dinv-fast")
gan3dinv_paper_method = _registered("gan3dinv-paper")
gan3dinv_ffhq_method = _registered("gan3dinv-ffhq")
gan3dinv_cats_method = _registered("gan3dinv-cats")
gan3dinv_sg2_method = _registered("gan3dinv-sg2")
gan3dinv_sg2_wplus_method = _registered("gan3dinv-sg2-wplus")
gan3dinv_pti_method = _registered("gan3dinv-pti")
gan3dinv_sg2_gd_method = _registered("gan3dinv-sg2-gd")
gan3dinv_sg2_wplus_gd_method = _registered("gan3dinv-sg2-wplus-gd")
gan3dinv_pti_gd_method = _registered("gan3dinv-pti-gd")

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


def build_method(name: str = "gan3dinv", generator: str | None = None) -> MethodSpecification:
    """A method as nerfstudio registers it.

    Args:
        name: what follows `ns-train`.
        generator: default generator, if not the embedded one.
    """
    from nerfstudio.plugins.types import MethodSpecification

    from gan3dinv_ns.gan3dinv_trainer import GAN3DInvTrainerConfig

    config = GAN3DInvTrainerConfig(method_name=name)
    if generator is not None:
        config.pipeline.model.generator = generator
    return MethodSpecification(config=config, description=DESCRIPTION)


def _registered() -> MethodSpecification | None:
    try:
        from gan3dinv_ns.ns_export import install

        install()
        return build_method()
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        print(f"warning: gan3dinv is not available ({type(error).__name__}: {reason})", file=sys.stderr)
        return None


gan3dinv_method = _registered()

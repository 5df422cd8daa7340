"""Floor 4: a head becomes a closed, coloured mesh (`.ply`, `.obj`, `.glb`), a solid for slicers (`.stl`, `.3mf`), a
density volume (`.mrc`), 3D gaussians (`splats/`) or a video.

Letters: a grid of R samples along each side of the cube of side `box_side` has its samples at the centres of
its R^3 cells; sigma is EG3D's raw density, the decoder's output before `softplus(sigma - 1)`.
"""

"""One photo becomes a 3D head: inversion of tri-plane GANs as a nerfstudio method."""

"""Training of the initialisers on pairs of latent, camera and picture (Ko et al., supplementary material, A.2, A.3)."""

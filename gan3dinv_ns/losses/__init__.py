"""Losses: reconstruction, perceptual distance, warp, depth smoothness, noise regularisation."""

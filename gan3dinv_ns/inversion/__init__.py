"""Inversion of one photo: latent code, camera pose, tuned generator.

Source: Ko et al., "3D GAN Inversion with Pose Optimization", WACV 2023, Algorithm 1 of the supplementary material.
"""

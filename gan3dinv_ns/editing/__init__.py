"""Directions in W and what is done with them: found, read from files, applied, and watched at the domain's edge.

Letters: ``w`` is a latent of ``w_dim`` numbers, ``ws`` the latents of all ``num_ws`` layers. A direction d of unit
length has a unit u (the length of a step of strength 1) and a range of layers; an edit of strength s adds s u d to
``ws`` in these layers, and nothing elsewhere.
"""

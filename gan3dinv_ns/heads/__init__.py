"""Synthetic heads from MakeHuman's CC0 data, and the training of the embedded generator on them.

A seed gives attributes (:mod:`attributes`), attributes give meshes (:mod:`geometry`), ray casting gives pictures
with depth (:mod:`render`), and :mod:`dataset` writes many of them. Only rendering needs open3d; training reads the
packed file (:mod:`packed`) with numpy and Pillow.
"""

from gan3dinv_ns.heads.attributes import HeadAttributes, attribute_names, attribute_vector, draw_attributes
from gan3dinv_ns.heads.dataset import HeadSettings, generate_dataset, pack_dataset
from gan3dinv_ns.heads.packed import PackedHeads
from gan3dinv_ns.heads.render import render_head
from gan3dinv_ns.heads.template import HeadTemplate, load_template

__all__ = [
    "HeadAttributes",
    "HeadSettings",
    "HeadTemplate",
    "PackedHeads",
    "attribute_names",
    "attribute_vector",
    "draw_attributes",
    "generate_dataset",
    "load_template",
    "pack_dataset",
    "render_head",
]

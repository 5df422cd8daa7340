"""From a picture of any size to what the generator draws: a square of its resolution."""

from gan3dinv_ns.photo.crop import centre_square, fit_to, prepare_photo

__all__ = ["centre_square", "fit_to", "prepare_photo"]

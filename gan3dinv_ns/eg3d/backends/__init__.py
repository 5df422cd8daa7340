"""What decodes points and composites rays: torch, which defines the values, Triton, tiny-cuda-nn; and the choice."""

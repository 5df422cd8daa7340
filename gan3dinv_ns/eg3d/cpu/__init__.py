"""The same values and gradients as elsewhere in `eg3d`, in fewer passes over memory, for a CPU."""

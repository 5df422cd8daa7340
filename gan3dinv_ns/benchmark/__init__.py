"""How fast the method is on this machine: stages of a rendering, steps of an optimisation, whole inversions."""

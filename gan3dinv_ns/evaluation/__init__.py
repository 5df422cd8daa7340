"""Evaluation: figures, and the benchmark on heads whose cameras and other views are known."""

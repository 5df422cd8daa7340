"""Experiments: many independent tasks, carried by this process or by a cluster, and what they will cost.

This room knows nothing of photos, nor of nerfstudio; it uses the floors of the jobs and those below.
"""

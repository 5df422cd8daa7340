"""Cameras: conventions, rotations, intrinsics, poses, homographies between cameras of one centre.

The world is EG3D's: the head sits at the origin, its face looks along +z, up is +y. A camera is a matrix
``camera_to_world`` whose camera axes are OpenCV's: x right, y down, z forward. Lengths are in box units,
angles in radians.
"""

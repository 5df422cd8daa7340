"""A head as 3D gaussians (Kerbl et al., "3D Gaussian Splatting for real-time radiance field rendering", 2023).

Letters: N gaussians with means mu, covariances Sigma = R S S^T R^T (R from a quaternion q, S = diag(s)), opacities o
and colours c, the same from every side. Seen by a camera, a gaussian has the mean m and the covariance Sigma' in
pixels; at a pixel p it covers

    alpha = o exp(-1/2 (p - m)^T Sigma'^-1 (p - m)),

and from front to back, over the background b, the pixel's colour is

    C = sum_k c_k alpha_k T_k + b T_end,    T_k = prod_{j < k} (1 - alpha_j).
"""

"""The mean face of Face Mesh's points, where a face hardly moves with its expression (data, not code).

Forehead, temples, cheekbones, corners of the eyes, bridge and tip of the nose: jaw and mouth leave these where they
are. The mean is that of the network's own answers to 260 public-domain photographs, one a person, and to their
mirror images, by generalised Procrustes analysis (Gower 1975): symmetric, centred, of mean square radius 1, turned as
these people hold their heads on average. No rendered face had a part in it.
"""

import numpy as np

# fmt: off
RIGID_POINTS = (
    1, 4, 5, 6, 8, 9, 10, 21, 33, 54, 67, 103, 109, 116, 117, 118, 123, 127, 133, 151, 162, 168, 195, 197, 234, 251,
    263, 284, 297, 332, 338, 345, 346, 347, 352, 356, 362, 389, 454,
)
REFERENCE = np.array([  # (39, 3): x to the right in the picture, y up, z towards the viewer
    [0.0000, -0.7679, 0.6901], [0.0000, -0.6564, 0.7316], [0.0000, -0.5071, 0.6990],
    [0.0000, -0.1474, 0.4480], [0.0000, 0.0782, 0.3946], [0.0000, 0.2151, 0.4250],
    [0.0000, 0.7842, 0.3555], [-1.0899, 0.2894, -0.4164], [-0.7491, -0.0831, -0.0070],
    [-0.9867, 0.4755, -0.1995], [-0.5775, 0.7272, 0.2136], [-0.8236, 0.6256, 0.0208],
    [-0.3128, 0.7749, 0.3246], [-1.0578, -0.3558, -0.2344], [-0.8765, -0.3429, -0.0284],
    [-0.7464, -0.3773, 0.0619], [-1.0617, -0.5676, -0.2245], [-1.1663, -0.1621, -0.8366],
    [-0.2882, -0.1078, 0.0788], [0.0000, 0.5148, 0.3956], [-1.1457, 0.0904, -0.6473],
    [0.0000, -0.0276, 0.3802], [0.0000, -0.3844, 0.6093], [0.0000, -0.2702, 0.5243],
    [-1.1558, -0.4021, -0.9321], [1.0899, 0.2894, -0.4164], [0.7491, -0.0831, -0.0070],
    [0.9867, 0.4755, -0.1995], [0.5775, 0.7272, 0.2136], [0.8236, 0.6256, 0.0208],
    [0.3128, 0.7749, 0.3246], [1.0578, -0.3558, -0.2344], [0.8765, -0.3429, -0.0284],
    [0.7464, -0.3773, 0.0619], [1.0617, -0.5676, -0.2245], [1.1663, -0.1621, -0.8366],
    [0.2882, -0.1078, 0.0788], [1.1457, 0.0904, -0.6473], [1.1558, -0.4021, -0.9321],
])
# fmt: on

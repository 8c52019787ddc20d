"""What a camera does to a picture after the light: blur, grain, compression."""

import io

import cv2
import numpy as np
from PIL import Image

from faceshifter_hub.synthesis.parameters import Camera


def finish(image: np.ndarray, camera: Camera, seed: int) -> np.ndarray:
    """Return a picture (S, S, 3) uint8 RGB as a photograph: out of focus, noisy and compressed as the camera says."""
    if camera.blur * image.shape[0] > 0.2:
        image = cv2.GaussianBlur(image, (0, 0), camera.blur * image.shape[0])
    if camera.grain > 0:
        grain = np.random.default_rng(seed).standard_normal(image.shape, np.float32) * np.float32(255 * camera.grain)
        image = np.clip(image + grain + 0.5, 0, 255).astype(np.uint8)
    if camera.jpeg is not None:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "jpeg", quality=camera.jpeg)
        image = np.array(Image.open(file))
    return image

"""What a picture says of where it came from: watermark, signed manifest, label, and how they are read."""

"""FaceShifter Hub: two-stage, occlusion-aware face swapping (arXiv 1912.13457) out of components.

Public names are imported on first use, so that importing the package loads neither torch nor diffusers.
"""

import os
from importlib import import_module
from typing import Any

# ONNX Runtime, which the content gate and insightface bring along, would report its use to its makers
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_MODULE_OF = {
    "AADGenerator": "models.aad",
    "AADLayer": "models.aad",
    "AADResBlock": "models.aad",
    "DlibIdentityEncoder": "models.dlib_resnet",
    "FaceParser": "models.face_parser",
    "FaceShifterError": "errors",
    "FaceShifterPipeline": "pipeline",
    "FaceShifterPipelineOutput": "pipeline",
    "FrameSwapper": "frames",
    "HEARRefiner": "models.hear",
    "Identity": "cast",
    "InsightFaceDetector": "faces.insightface",
    "InsightFaceIdentityEncoder": "faces.insightface",
    "MTCNNDetector": "faces.mtcnn",
    "MultilevelAttributeEncoder": "models.attribute_encoder",
    "SwapOptions": "options",
    "list_components": "registry",
    "list_pipelines": "registry",
    "swap_file": "jobs.swap_file",
}

__all__ = sorted([*_MODULE_OF, "__version__"])


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("faceshifter-hub")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__

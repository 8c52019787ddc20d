"""Engines that run the networks of a pipeline: torch, ONNX Runtime, OpenVINO. This file says their names alone."""

from typing import Literal, get_args

Engine = Literal["onnxruntime", "openvino"]  # that run exported graphs
Runtime = Literal["auto", "torch", "onnxruntime", "openvino"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)

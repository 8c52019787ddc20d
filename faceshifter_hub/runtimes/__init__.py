"""What runs the networks of a pipeline. This file says the names alone."""

from typing import Literal, get_args

Engine = Literal["onnxruntime", "openvino"]  # that run ONNX graphs
Compiled = Literal["inductor", "inductor-bf16"]  # networks as machine code of this processor, by torch
Runtime = Literal["auto", "torch", "inductor", "inductor-bf16", "onnxruntime", "openvino"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
COMPILED: tuple[Compiled, ...] = get_args(Compiled)
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)

#!/usr/bin/env python3
"""openvino_server.py MODEL [--threads N] [--precision f32|bf16|f16|default]: answers what model_server.cpp answers, with OpenVINO
on the CPU: one stream, held to float32 unless another precision is asked for, or its default."""
import pathlib
import time

import numpy
import openvino

import openvino_c
from peer_server import parser, serve
from servers import DTYPES, parse_shape

ELEMENTS = {"f32": "float", "f64": "double", "f16": "float16", "boolean": "bool", "i8": "int8", "i16": "int16",
            "i32": "int32", "i64": "int64", "u8": "uint8", "u16": "uint16", "u32": "uint32", "u64": "uint64"}


def element(port):
    return ELEMENTS[port.get_element_type().get_type_name()]


class OpenVINO:
    def __init__(self, arguments):
        core = openvino.Core()
        options = {"INFERENCE_NUM_THREADS": arguments.threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
        if arguments.precision != "default":
            options["INFERENCE_PRECISION_HINT"] = arguments.precision
        before = time.perf_counter_ns()
        self.model = core.compile_model(core.read_model(arguments.model), "CPU", options)
        self.request = self.model.create_infer_request()
        self.load_ns = time.perf_counter_ns() - before
        self.arguments, self.options, self.tensors, self.c_request = arguments, options, {}, None

    def ready(self):
        return {"inputs": [{"name": port.get_any_name(), "type": element(port),
                            "shape": [d.get_length() if d.is_static else -1 for d in port.get_partial_shape()]}
                           for port in self.model.inputs]}

    def input(self, index, type_name, shape, file):
        values = numpy.fromfile(file, DTYPES[type_name]).reshape(parse_shape(shape))
        self.tensors[int(index)] = openvino.Tensor(values, shared_memory=True)
        self.request.set_input_tensor(int(index), self.tensors[int(index)])
        return {}

    def use_c(self):
        """From now on runs go through the C interface; the input is the present one."""
        self.c_request = openvino_c.Request(self.arguments.model, self.options,
                                            {i: tensor.data for i, tensor in self.tensors.items()})
        return {}

    def run(self, count):
        if self.c_request:
            return {"ns": self.c_request.run(int(count))}
        infer = self.request.infer
        before = time.perf_counter_ns()
        for _ in range(int(count)):
            infer(share_outputs=True)
        return {"ns": (time.perf_counter_ns() - before) / int(count)}

    def outputs(self, folder):
        described = []
        for i, port in enumerate(self.model.outputs):
            value = self.request.get_output_tensor(i).data
            numpy.ascontiguousarray(value).tofile(pathlib.Path(folder) / f"{i}.bin")
            described.append({"name": port.get_any_name(), "type": element(port), "shape": list(value.shape)})
        return {"outputs": described}

    def figures(self):
        return {"load_ns": self.load_ns}


if __name__ == "__main__":
    options = parser()
    options.add_argument("--precision", choices=["f32", "bf16", "f16", "default"], default="f32")
    serve(OpenVINO, options.parse_args())

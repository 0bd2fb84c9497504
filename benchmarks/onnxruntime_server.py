#!/usr/bin/env python3
"""onnxruntime_server.py MODEL [--threads N]: answers what model_server.cpp answers, with onnxruntime on the CPU."""
import pathlib
import time

import numpy
import onnxruntime

import onnxruntime_c
from peer_server import parser, serve
from servers import DTYPES, parse_shape


def element(of):
    return of.type.removeprefix("tensor(").removesuffix(")")


class Onnxruntime:
    def __init__(self, arguments):
        model, threads = arguments.model, arguments.threads
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        before = time.perf_counter_ns()
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.load_ns = time.perf_counter_ns() - before
        self.model, self.threads = model, threads
        self.binding = self.session.io_binding()
        self.c_session = None
        self.values = {}

    def ready(self):
        return {"inputs": [{"name": i.name, "type": element(i),
                            "shape": [d if isinstance(d, int) else -1 for d in i.shape]}
                           for i in self.session.get_inputs()]}

    def input(self, index, type_name, shape, file):
        name = self.session.get_inputs()[int(index)].name
        self.values[name] = numpy.fromfile(file, DTYPES[type_name]).reshape(parse_shape(shape))
        self.binding = self.session.io_binding()
        for key, value in self.values.items():
            self.binding.bind_cpu_input(key, value)
        for output in self.session.get_outputs():
            self.binding.bind_output(output.name)
        return {}

    def use_c(self):
        """From now on runs go through the C interface; the input is the present one."""
        self.session.run_with_iobinding(self.binding)
        names = [output.name for output in self.session.get_outputs()]
        outputs = dict(zip(names, self.binding.copy_outputs_to_cpu()))
        self.c_session = onnxruntime_c.Session(self.model, self.threads, self.values, outputs)
        return {}

    def run(self, count):
        if self.c_session:
            return {"ns": self.c_session.run(int(count))}
        run, binding = self.session.run_with_iobinding, self.binding
        before = time.perf_counter_ns()
        for _ in range(int(count)):
            run(binding)
        return {"ns": (time.perf_counter_ns() - before) / int(count)}

    def outputs(self, folder):
        described = []
        for i, (output, value) in enumerate(zip(self.session.get_outputs(), self.binding.copy_outputs_to_cpu())):
            numpy.ascontiguousarray(value).tofile(pathlib.Path(folder) / f"{i}.bin")
            described.append({"name": output.name, "type": element(output), "shape": list(value.shape)})
        return {"outputs": described}

    def figures(self):
        return {"load_ns": self.load_ns}


if __name__ == "__main__":
    serve(Onnxruntime, parser().parse_args())

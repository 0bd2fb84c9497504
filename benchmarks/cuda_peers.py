#!/usr/bin/env python3
"""cuda_peers.py MODEL.onnx RUNS: what others take for a model on the first GPU, as one line of JSON.

onnxruntime's CUDA provider, and torch by onnx2torch, eager and as a CUDA graph; those that Python has. Free extents are
1; copies of inputs and outputs count with onnxruntime and do not with torch.
"""
import json
import statistics
import sys
import time


def timed(call, runs):
    for _ in range(5):
        call()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)


def inputs_of(session):
    import numpy
    types = {"tensor(float)": "f4", "tensor(float16)": "f2", "tensor(int64)": "i8", "tensor(uint8)": "u1"}
    return {i.name: numpy.zeros([e if isinstance(e, int) else 1 for e in i.shape], types[i.type])
            for i in session.get_inputs()}


def onnxruntime_cuda(model, runs):
    import onnxruntime
    start = time.perf_counter()
    session = onnxruntime.InferenceSession(model, providers=["CUDAExecutionProvider"])
    if session.get_providers()[0] != "CUDAExecutionProvider":
        raise RuntimeError("onnxruntime has no CUDA provider here")
    inputs = inputs_of(session)
    session.run(None, inputs)
    ready = (time.perf_counter() - start) * 1e3
    return {"ready_ms": ready, "ms": timed(lambda: session.run(None, inputs), runs)}


def torch_module(model):
    import onnx
    import onnx2torch
    import torch
    loaded = onnx.load(model)
    constants = {t.name for t in loaded.graph.initializer}
    inputs = [torch.zeros([d.dim_value or 1 for d in i.type.tensor_type.shape.dim]).cuda()
              for i in loaded.graph.input if i.name not in constants]
    return onnx2torch.convert(loaded).eval().cuda(), inputs


def torch_eager(model, runs):
    import torch
    with torch.no_grad():
        module, inputs = torch_module(model)
        return {"ms": timed(lambda: (module(*inputs), torch.cuda.synchronize()), runs)}


def torch_graph(model, runs):
    import torch
    with torch.no_grad():
        module, inputs = torch_module(model)
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(3):
                module(*inputs)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            module(*inputs)
        return {"ms": timed(lambda: (graph.replay(), torch.cuda.synchronize()), runs)}


def main():
    model, runs = sys.argv[1], int(sys.argv[2])
    figures = {}
    for peer in (onnxruntime_cuda, torch_eager, torch_graph):
        try:
            figures[peer.__name__] = peer(model, runs)
        except Exception as problem:  # any: of what others do
            figures[peer.__name__] = {"error": f"{type(problem).__name__}: {problem}"[:300]}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

"""Cases as models, and what onnxruntime computes for them."""

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper


def output(name, types):
    info = onnx.ValueInfoProto(name=name)
    if name in types:
        info.type.tensor_type.elem_type = types[name]
    return info


def build(case, opened=False):
    """The model, whose inputs have symbols for extents if `opened`, and what it is fed with."""
    names = [f"x{i}" if x is not None else "" for i, x in enumerate(case.inputs)]
    results = [r for r in case.outputs if r]
    node = helper.make_node(case.op, names, case.outputs, domain=case.domain, **case.attributes)
    feeds = {n: np.asarray(x) for n, x in zip(names, case.inputs) if x is not None}
    fixed = {f"x{i}" for i in case.constants if i < len(names) and names[i]}
    extents = {n: [f"{n}_{i}" for i in range(x.ndim)] if opened else x.shape for n, x in feeds.items()}
    info = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), extents[n])
            for n, x in feeds.items() if n not in fixed]
    graph = helper.make_graph([node], "case", info, [output(r, case.types) for r in results],
                              [numpy_helper.from_array(x, n) for n, x in feeds.items() if n in fixed])
    opsets = [helper.make_opsetid("", case.opset or 21)] + ([helper.make_opsetid(case.domain, 1)] if case.domain else [])
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return model, {n: x for n, x in feeds.items() if n not in fixed}


def expect(model, feeds):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results = session.run(None, feeds)
    for info, r in zip(model.graph.output, results):
        info.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(r.dtype)
    return results

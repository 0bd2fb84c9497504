"""microsoft.py TOOL: the operators of com.microsoft against the schemas that onnxruntime has of them.

A node with all attributes of its schema must not meet one that the tool does not know, and one with an attribute more
must be refused. One model holds all nodes; the tool lists those that it does not support, with reasons.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import onnx
    from onnx import helper
    from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema
except ImportError:
    print("SKIPPED: the Python packages onnx and onnxruntime are not installed")
    sys.exit(0)

# Values of attributes without default, by name where not any value of the type will do.
VALUES = {"num_heads": 1, "kv_num_heads": 1, "K": 1, "N": 1, "block_size": 16, "opset": 13, "scale": 1.0, "activation": "Selu",
          "activation_params": [1.0, 1.0], "qkv_hidden_sizes": [1, 1, 1]}
BY_KIND = {"INT": 0, "FLOAT": 0.5, "STRING": "NOTSET", "INTS": [1], "FLOATS": [0.5], "STRINGS": ["NOTSET"]}

# Inputs that are refused when they are given, and attributes that go with another activation.
FEWER_INPUTS = {"Attention": 6, "MultiHeadAttention": 8, "GroupQueryAttention": 12, "QLinearConcat": 5}
OTHERS = {"FusedGemm": {"activation_beta"}}


def node(schema, number, more):
    """A node with all inputs and attributes."""
    attributes = dict(more)
    for name, attribute in schema.attributes.items():
        default = onnx.AttributeProto.FromString(attribute._default_value)
        kind = str(attribute.type).rsplit(".", maxsplit=1)[-1]
        value = helper.get_attribute_value(default) if default.type else VALUES.get(name, BY_KIND.get(kind))
        if value is not None and name not in OTHERS.get(schema.name, ()):
            attributes[name] = value
    inputs = [f"x{i}" for i in range(FEWER_INPUTS.get(schema.name, len(schema.inputs)))]
    return helper.make_node(schema.name, inputs, [f"y{number}"], name=f"n{number}", domain=schema.domain, **attributes)


def reasons(tool, nodes):
    """What the tool says of each node that it does not support."""
    inputs = sorted({name for n in nodes for name in n.input})
    infos = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in inputs]
    outputs = [onnx.ValueInfoProto(name=n.output[0]) for n in nodes]
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(helper.make_graph(nodes, "g", infos, outputs), opset_imports=opsets, ir_version=8)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        onnx.save(model, file)
        run = subprocess.run([tool, "inspect", file], capture_output=True, text=True, check=False)
    return dict(re.findall(r"node '(n\d+)' \([\w.]+\): (.*)", run.stdout + run.stderr))


def main():
    schemas = [s for s in get_all_operator_schema() if s.domain == "com.microsoft"]
    nodes = [node(s, i, more) for i, (s, more) in enumerate((s, m) for s in schemas for m in ({}, {"no_such_attribute": 1}))]
    said = reasons(sys.argv[1], nodes)
    wrong, known = [], 0
    for plain, more in zip(nodes[::2], nodes[1::2]):
        if "is not supported at version" in said.get(plain.name, ""):
            continue
        known += 1
        if "does not know" in said.get(plain.name, ""):
            wrong.append(f"{plain.op_type}: {said[plain.name]}")
        if "'no_such_attribute'" not in said.get(more.name, "") and plain.name not in said:
            wrong.append(f"{plain.op_type} takes an attribute that does not exist")
        if plain.name in said:
            wrong.append(f"{plain.op_type} was not looked at: {said[plain.name]}")
    print(*wrong, sep="\n")
    print(f"{known} operators of com.microsoft, of {len(schemas)} that onnxruntime knows")
    sys.exit(bool(wrong) or known < 40)


if __name__ == "__main__":
    main()

"""Compares the table of operators with the schemas of the onnx package, for all operator sets of ai.onnx.

Every attribute of every operator that the tool supports must be known to it, and no other; nodes with more inputs or
outputs than any version of the operator has must be refused. One model for each operator set holds all nodes; the tool
lists the nodes that it does not support, with reasons.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import onnx
    from onnx import defs, helper
except ImportError:
    print("SKIPPED: the Python package onnx is not installed")
    sys.exit(0)

VARIADIC = 2**31 - 1
UNKNOWN = "no_such_attribute"

# Values of attributes, by operator where it matters, where not any value of the type will do.
VALUES = {
    "BitShift.direction": "RIGHT",
    "GRU.direction": "forward",  # the default of version 1 has a letter too few
    "RNN.activations": ["Tanh"],  # the default is for two directions
    "LSTM.activations": ["Sigmoid", "Tanh", "Tanh"],
    "GRU.activations": ["Sigmoid", "Tanh"],
    "activation_alpha": [],
    "activation_beta": [],
    "equation": "a->a",
    "blocksize": 2,
    "perm": [0],
    "LinearAttention.update_rule": "linear",  # the default takes more inputs
    "TfIdfVectorizer.mode": "TF",
    "TfIdfVectorizer.ngram_counts": [0],
    "TfIdfVectorizer.ngram_indexes": [0],
}

# Attributes without which a node of the fewest inputs is wrong, though the schema does not require them.
ALSO_REQUIRED = {"LinearAttention": "update_rule", "Optional": "type", "TfIdfVectorizer": "pool_int64s"}

# Inputs and outputs of subgraphs, for nodes of FEWEST_INPUTS or as many as the schema requires.
BODIES = {"Loop": (2, 2), ("Loop", 1): (3, 2), "Scan": (1, 1), "SequenceMap": (1, 1)}
FEWEST_INPUTS = {("Scan", 8): 2}


def schemas():
    """Name -> the schemas of all versions, oldest first."""
    result = {}
    for schema in sorted(defs.get_all_schemas_with_history(), key=lambda s: s.since_version):
        if schema.domain == "" and not schema.deprecated:
            result.setdefault(schema.name, []).append(schema)
    return result


def body(inputs, outputs):
    """A graph whose outputs are a constant."""
    tensor = helper.make_tensor("t", onnx.TensorProto.FLOAT, [1], [1.0])
    infos = [helper.make_tensor_value_info(f"i{i}", onnx.TensorProto.FLOAT, [1]) for i in range(inputs)]
    results = [helper.make_tensor_value_info("t", onnx.TensorProto.FLOAT, [1])] * outputs
    return helper.make_graph([], "body", infos, results, [tensor])


def sample(name, attribute, schema):
    """An attribute with its default, or with a value that fits."""
    kind = defs.OpSchema.AttrType
    own = VALUES.get(f"{schema.name}.{name}", VALUES.get(name))
    if own is not None:
        return helper.make_attribute(name, own, attr_type=attribute.type)
    if attribute.default_value.name:
        return attribute.default_value
    tensor = helper.make_tensor("t", onnx.TensorProto.FLOAT, [1], [1.0])
    position = helper.make_tensor("i", onnx.TensorProto.INT64, [1], [0])
    by_kind = {
        kind.INT: 1,
        kind.FLOAT: 1.0,
        kind.STRING: "FLOAT" if name == "to" else "",
        kind.INTS: [1],
        kind.FLOATS: [1.0],
        kind.STRINGS: ["a"],
        kind.TENSOR: tensor,
        kind.SPARSE_TENSOR: helper.make_sparse_tensor(tensor, position, [1]),
        kind.GRAPH: body(*BODIES.get((schema.name, schema.since_version), BODIES.get(schema.name, (0, 1)))),
        kind.TYPE_PROTO: helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, [1]),
    }
    value = by_kind.get(attribute.type)
    return None if value is None else helper.make_attribute(name, value, attr_type=attribute.type)


def node(schema, case, inputs, outputs, attributes):
    name = f"{schema.name}|{schema.since_version}|{case}"
    n = helper.make_node(schema.name, ["x"] * inputs, [f"{name}/{i}" for i in range(outputs)], name=name)
    n.attribute.extend(attributes.values())
    return n


def nodes_of(schema, versions, latest):
    """Nodes that must be taken, one for each attribute, and nodes that must not."""
    required = {n: sample(n, a, schema) for n, a in schema.attributes.items()
                if a.required or n == ALSO_REQUIRED.get(schema.name)}
    if schema.name == "Constant":
        required = {"value": sample("value", schema.attributes["value"], schema)}
    inputs = FEWEST_INPUTS.get((schema.name, schema.since_version), schema.min_input)
    outputs = max(schema.min_output, 1)
    good = [node(schema, "plain", inputs, outputs, required)]
    for name, attribute in schema.attributes.items():
        given = sample(name, attribute, schema)
        if given is None:
            continue
        alone = schema.name == "Constant" or name == "pool_strings"  # of several, one must be given
        others = {n: a for n, a in required.items() if not alone or not n.startswith(("value", "pool_"))}
        good.append(node(schema, f"attribute {name}", inputs, outputs, {**others, name: given}))
    bad = [node(schema, "unknown", inputs, outputs, {**required, UNKNOWN: helper.make_attribute(UNKNOWN, 1)})]
    if latest:
        most = max(s.max_input for s in versions)
        if most < VARIADIC:
            bad.append(node(schema, "inputs", most + 1, outputs, required))
        most = max(s.max_output for s in versions)
        if most < VARIADIC:
            bad.append(node(schema, "outputs", inputs, most + 1, required))
    return good, bad


def reasons(tool, opset, nodes):
    """Node name -> why the tool does not take it; and what it printed."""
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    graph = helper.make_graph(nodes, "g", [x], [x])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        file.write_bytes(model.SerializeToString())
        run = subprocess.run([tool, "inspect", str(file)], capture_output=True, text=True, check=False)
    printed = run.stdout + run.stderr
    return dict(re.findall(r"^    node '([^']*)' \([^)]*\): (.*)$", printed, re.MULTILINE)), printed


def main():
    tool = sys.argv[1]
    table = schemas()
    wrong, compared = [], 0
    for opset in sorted({s.since_version for versions in table.values() for s in versions}):
        good, bad = [], []
        for versions in table.values():
            for schema in versions:
                if schema.since_version == opset:
                    taken, refused = nodes_of(schema, versions, schema is versions[-1])
                    good += taken
                    bad += refused
        why, printed = reasons(tool, opset, good + bad)
        if not why:
            wrong.append(f"operator set {opset}: the tool lists no nodes: {printed}")
        missing = {n.op_type for n in good + bad if "is not supported at version" in why.get(n.name, "")}
        good = [n for n in good if n.op_type not in missing]
        bad = [n for n in bad if n.op_type not in missing]
        compared += len(good) + len(bad)
        wrong += [f"refused: {n.name}: {why[n.name]}" for n in good if n.name in why]
        wrong += [f"taken: {n.name}" for n in bad if n.name not in why]
    print("\n".join(wrong))
    print(f"{compared} nodes compared with the schemas of onnx {onnx.__version__}, {len(wrong)} differences")
    return 1 if wrong or compared < 1000 else 0


sys.exit(main())

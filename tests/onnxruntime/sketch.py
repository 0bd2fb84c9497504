"""A graph that grows step by step, with the shapes of its values."""

import numpy as np
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper


class Value:
    def __init__(self, name, shape, steps=None, exact=False):
        self.name, self.shape = name, tuple(int(extent) for extent in shape)
        self.steps = steps  # of a quantised value: scale and zero point
        self.exact = exact  # the same to the bit wherever it is computed: may decide something

    @property
    def rank(self):
        return len(self.shape)

    @property
    def elements(self):
        return int(np.prod(self.shape))


class Sketch:
    """Values that nobody reads become outputs; `rtol` and `atol`, a part of the outputs' rms, are the tolerance."""

    most_elements = 60000

    def __init__(self, draw, rtol=2e-3, atol=2e-3):
        self.draw, self.rtol, self.atol = draw, rtol, atol
        self.nodes, self.constants, self.inputs, self.feeds, self.values, self.count = [], [], [], {}, [], 0

    def fresh(self, prefix):
        self.count += 1
        return f"{prefix}{self.count}"

    def normal(self, *shape, scale=1.0):
        return (self.draw.numbers.standard_normal(shape) * scale).astype("f4")

    def constant(self, array):
        name = self.fresh("c")
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def integers(self, *values):
        return self.constant(np.asarray(values, "i8"))

    def number(self, value):
        return self.constant(np.float32(value))

    def input(self, shape):
        value = Value(self.fresh("x"), shape)
        self.inputs.append(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, value.shape))
        self.feeds[value.name] = self.normal(*value.shape)
        self.values.append(value)
        return value

    def add(self, op, operands, shape, **attributes):
        """A node, and its output; operands are values, names, or None where omitted."""
        names = [v.name if isinstance(v, Value) else v or "" for v in operands]
        value = Value(self.fresh("v"), shape)
        self.nodes.append(helper.make_node(op, names, [value.name], name=f"n{value.name[1:]}", **attributes))
        return value

    def put(self, op, operands, shape, **attributes):
        """As `add`; later steps may use the output."""
        self.values.append(self.add(op, operands, shape, **attributes))
        return self.values[-1]

    def some_value(self):
        return self.values[-1] if self.draw.chance(0.6) else self.draw.one(*self.values)

    def like(self, value, axis=None):
        """A value of the same shape, but for `axis`."""
        same = [v for v in self.values if v.rank == value.rank and
                all(i == axis or a == b for i, (a, b) in enumerate(zip(v.shape, value.shape)))]
        return self.draw.one(*same)

    def model(self):
        read = {name for n in self.nodes for name in n.input}
        made = [name for n in self.nodes for name in n.output]
        outputs = [name for name in made if name not in read]
        if self.draw.chance(0.3):  # one that a node reads, too
            inner = [v.name for v in self.values if v.name in read and v.name in made]
            outputs += [self.draw.one(*inner)] if inner else []
        infos = [ValueInfoProto(name=name) for name in outputs]  # the type is inferred
        graph = helper.make_graph(self.nodes, "random", self.inputs, infos, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)

    def tolerance(self, results):
        size = max((float(np.sqrt(np.mean(np.square(r.astype("f8"))))) for r in results if r.size), default=0)
        return {"rtol": self.rtol, "atol": self.atol * min(size, 1)}

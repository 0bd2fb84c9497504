"""Random graphs with subgraphs: If, Loop and Scan, whose bodies are random graphs that capture values."""

import numpy as np
from onnx import TensorProto, helper

import graph_steps
from sketch import Sketch, Value


class Body(Sketch):
    """A subgraph in the making; its names are those of the graph around it."""

    def __init__(self, outer):
        super().__init__(outer.draw)
        self.outer = outer
        small = [v for v in outer.values if v.rank and 0 < v.elements <= 4000]
        self.values = [outer.draw.one(*small) for _ in range(min(len(small), 2))]

    def fresh(self, prefix):
        return self.outer.fresh(prefix)

    def parameter(self, shape, element=TensorProto.FLOAT):
        value = Value(self.fresh("p"), shape)
        self.inputs.append(helper.make_tensor_value_info(value.name, element, value.shape))
        return value

    def grow(self):
        for _ in range(self.draw.integer(0, 3)):
            x = self.some_value()
            if 0 < x.elements <= 4000 and x.rank > 0:
                self.draw.one(*graph_steps.STEPS, choice)(self, x)

    def settle(self, like):
        """A value of the shape of `like` that depends on what was grown."""
        mean = self.add("ReduceMean", [self.some_value()], [], keepdims=0)
        return self.add("Tanh", [self.add("Add", [like, self.add("Mul", [like, mean], like.shape)], like.shape)], like.shape)

    def graph(self, outputs, elements=()):
        elements = [*elements, *[TensorProto.FLOAT] * (len(outputs) - len(elements))]
        infos = [helper.make_tensor_value_info(v.name, e, v.shape) for v, e in zip(outputs, elements)]
        return helper.make_graph(self.nodes, self.fresh("body"), self.inputs, infos, self.constants)


def node(g, op, operands, shapes, **attributes):
    """A node of several outputs, which later steps may use."""
    made = [Value(g.fresh("v"), shape) for shape in shapes]
    names = [v.name if isinstance(v, Value) else v or "" for v in operands]
    g.nodes.append(helper.make_node(op, names, [v.name for v in made], name=g.fresh("n"), **attributes))
    g.values += [v for v in made if v.rank]


def condition(g):
    """One bool: of an input, so that it is the same wherever it is computed."""
    x = g.draw.one(*[v for v in top(g).values if v.exact])
    parts = [x, g.integers(*[0] * x.rank), g.integers(*[1] * x.rank)]
    one = g.add("Reshape", [g.add("Slice", parts, [1] * x.rank), g.integers(*g.draw.one((), (1,)))], [])
    return g.add("Greater", [one, g.number(0)], [])


def top(g):
    return top(g.outer) if isinstance(g, Body) else g


def choice(g, x):
    def branch():
        body = Body(g)
        body.values.append(x)
        body.grow()
        result = body.settle(x)
        return body.graph([result, body.add("Identity", [x if body.draw.chance(0.5) else result], x.shape)])

    node(g, "If", [condition(g)], [x.shape, x.shape], then_branch=branch(), else_branch=branch())


def turns(g, x):
    d = g.draw
    body = Body(g)
    number, goes_on = body.parameter([], TensorProto.INT64), body.parameter([], TensorProto.BOOL)
    carried = [body.parameter(x.shape) for _ in range(d.integer(1, 3))]
    body.values += carried
    body.grow()
    given = [body.settle(c) if d.chance(0.6) else body.add("Identity", [c], c.shape) for c in carried]
    d.random.shuffle(given)
    stops = d.chance(0.3)
    again = body.add("Less", [number, body.integers(d.integer(0, 3))], [1]) if stops else None
    again = body.add("Reshape", [again, body.integers()], []) if stops else body.add("Identity", [goes_on], [])
    stacked = [body.add("Identity", [v], v.shape) for v in d.random.sample([*given, *carried], d.integer(0, 2))]
    count = d.integer(1, 4)
    starts = g.constant(np.bool_(True)) if d.chance(0.5) else None
    shapes = [*[x.shape] * len(carried), *[(count, *v.shape) for v in stacked]]
    if stops:  # how many turns there are, nobody here knows
        shapes, stacked = shapes[:len(carried)], []
    graph = body.graph([again, *given, *stacked], [TensorProto.BOOL])
    node(g, "Loop", [g.constant(np.int64(count)), starts, *[x] * len(carried)], shapes, body=graph)


def scan(g, x):
    d = g.draw
    if x.rank < 2:
        return
    axis, to = d.integer(0, x.rank - 1), d.integer(0, x.rank - 1)
    if x.shape[axis] > 12:
        return
    body = Body(g)
    slice_shape = [e for i, e in enumerate(x.shape) if i != axis]
    state, part = body.parameter(slice_shape), body.parameter(slice_shape)
    body.values += [state, part]
    body.grow()
    mixed = body.add("Add", [body.settle(state), part], slice_shape)
    seen = body.add("Identity", [d.one(mixed, state, part)], slice_shape)
    start = g.constant(g.normal(*slice_shape))
    whole = [*slice_shape[:to], x.shape[axis], *slice_shape[to:]]
    node(g, "Scan", [start, x], [slice_shape, whole], body=body.graph([mixed, seen]), num_scan_inputs=1,
         scan_input_axes=[axis - d.one(0, x.rank)], scan_output_axes=[to - d.one(0, x.rank)],
         scan_input_directions=[d.integer(0, 1)], scan_output_directions=[d.integer(0, 1)])


def grow(draw):
    g = Sketch(draw)
    for _ in range(draw.integer(1, 3)):
        g.input([draw.one(1, 2, 3, 4, 7, 8, 16, 17) for _ in range(draw.integer(1, 4))]).exact = True
    for _ in range(draw.integer(2, 8)):
        x = g.some_value()
        if 0 < x.elements <= 4000 and x.rank > 0:
            draw.one(choice, turns, scan, *[graph_steps.activation, graph_steps.product, graph_steps.transpose])(g, x)
    choice(g, g.values[0])
    return g

// Loop and Scan whose turns are those of a recurrent operator become that operator.
#include <sinter/graph/text.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/passes/pass.hpp>

#include "catch.hpp"
#include "passes/random_inputs.hpp"
#include <string>
#include <string_view>
#include <vector>

using namespace sinter;

namespace {

int loop_nodes_of(graph const& g, std::string_view op) {
  int count = 0;
  for (auto const id : g.topological_order()) count += g.at(id).op == op;
  return count;
}

/// With all passes the graph has one `op` in place of its loop, or with an empty `op` keeps that; results agree.
void loop_becomes(std::string const& text, std::string_view op) {
  auto const before = parse(text);
  auto after = before;
  optimize(after);
  INFO(print(after));
  CHECK(loop_nodes_of(after, "Loop") + loop_nodes_of(after, "Scan") == (op.empty() ? 1 : 0));
  if (!op.empty()) CHECK(loop_nodes_of(after, op) == 1);
  auto const in = random_inputs(before, 5);
  CHECK(largest_difference(evaluate(after, in), evaluate(before, in)) < 1e-5);
}

/// Two states, as an LSTM has, or one.
struct written_cell {
  std::string_view lines{};
  bool two = true;
  std::string_view turn{};  ///< what follows the lines

  std::string first() const { return two ? "h0, c0" : "h0"; }
  std::string now() const { return two ? "h, c" : "h"; }
};

/// A Scan over 5 steps of 2 sequences of 3 numbers, with states of 4. `x` is the shape of the sequences.
std::string scan_of_cell(written_cell const& of, std::string_view x = "5x2x3", std::string_view attributes = "",
                         std::string_view gathered = "h1") {
  auto const c = [&](std::string_view text) { return of.two ? text : std::string_view(); };
  return fmt::format(R"(
graph opset 17 {{
  input x: float[{}]
  input h0: float[2x4]
{}  {}, y = Scan({}, x) {{num_scan_inputs = 1{}, body = graph opset 17 {{
    input h: float[2x4]
{}    input t: float[2x3]
{}{}
    y1 = Identity({})
    output h1
{}    output y1
  }}}}
  output y
  output h
{}}})",
                     x, c("  input c0: float[2x4]\n"), of.now(), of.first(), attributes, c("    input c: float[2x4]\n"),
                     of.lines, of.turn, gathered, c("    output c1\n"), c("  output c\n"));
}

/// The same as a Loop of `count` turns that takes the steps by Gather.
std::string loop_of_cell(written_cell const& of, int count = 5, std::string_view again = "go = Identity(goes)",
                         int axis = 0) {
  auto const c = [&](std::string_view text) { return of.two ? text : std::string_view(); };
  return fmt::format(R"(
graph opset 17 {{
  input x: float[{}]
  input h0: float[2x4]
{}  const n = int64[] {{{}}}
  const yes = bool[] {{1}}
  {}, y = Loop(n, yes, {}, x) {{body = graph opset 17 {{
    input i: int64[]
    input goes: bool[]
    input h: float[2x4]
{}    capture xs: float[{}]
    {}
    t = Gather(xs, i) {{axis = {}}}
{}{}
    output go
    output h1
{}    output h1
  }}}}
  output y
  output h
{}}})",
                     axis == 0 ? "5x2x3" : "2x5x3", c("  input c0: float[2x4]\n"), count, of.now(), of.first(),
                     c("    input c: float[2x4]\n"), axis == 0 ? "5x2x3" : "2x5x3", again, axis, of.lines, of.turn,
                     c("    output c1\n"), c("  output c\n"));
}

/// From what the gates i, f, g and o are functions of.
constexpr std::string_view lstm_turn = R"(
    i_ = Sigmoid(zi)
    f = Sigmoid(zf)
    g = Tanh(zg)
    o = Sigmoid(zo)
    fc = Mul(f, c)
    ig = Mul(i_, g)
    c1 = Add(fc, ig)
    ct = Tanh(c1)
    h1 = Mul(o, ct))";
/// Keras: a product of x and one of h, parts i f g o.
constexpr written_cell keras_lstm{R"(
    const w = float[3x16] random(1)
    const r = float[4x16] random(2)
    const b = float[16] random(3)
    xw = MatMul(t, w)
    hr = MatMul(h, r)
    sum = Add(xw, hr)
    z = Add(sum, b)
    zi, zf, zg, zo = Split(z) {axis = 1})",
                                  true, lstm_turn};
/// TensorFlow 1: a product of x and h side by side, parts i g f o, a bias of the forget gate of its own.
constexpr written_cell joined_lstm{R"(
    const k = float[7x16] random(1)
    const b = float[16] random(3)
    const one = float[] {1}
    xh = Concat(t, h) {axis = -1}
    z = Gemm(xh, k, b)
    zi, zg, zf, zo = Split(z) {axis = 1}
    zf1 = Add(zf, one)
    f = Sigmoid(zf1)
    i_ = Sigmoid(zi)
    g = Tanh(zg)
    o = Sigmoid(zo)
    gi = Mul(g, i_)
    cf = Mul(c, f)
    c1 = Add(gi, cf)
    ct = Tanh(c1)
    h1 = Mul(ct, o))"};
/// PyTorch: weights of rows, products with biases of their own, parts by Slice.
constexpr written_cell torch_lstm{R"(
    const w = float[16x3] random(1)
    const r = float[16x4] random(2)
    const bw = float[16] random(3)
    const br = float[16] random(4)
    const p0 = int64[1] {0}
    const p4 = int64[1] {4}
    const p8 = int64[1] {8}
    const p12 = int64[1] {12}
    const end = int64[1] {9223372036854775807}
    const last = int64[1] {1}
    wt = Transpose(w) {perm = [1, 0]}
    tw = MatMul(t, wt)
    xw = Add(bw, tw)
    hr = Gemm(h, r, br) {transB = 1}
    z = Add(hr, xw)
    zi = Slice(z, p0, p4, last)
    zf = Slice(z, p4, p8, last)
    zg = Slice(z, p8, p12, last)
    zo = Slice(z, p12, end, last))",
                                  true, lstm_turn};
/// PyTorch: the reset gate behind R, h' = n + z * (h - n).
constexpr written_cell torch_gru{R"(
    const w = float[12x3] random(1)
    const r = float[12x4] random(2)
    const bw = float[12] random(3)
    const br = float[12] random(4)
    xw = Gemm(t, w, bw) {transB = 1}
    hr = Gemm(h, r, br) {transB = 1}
    xr, xz, xn = Split(xw) {axis = 1}
    hr_, hz, hn = Split(hr) {axis = 1}
    sr = Add(xr, hr_)
    sz = Add(xz, hz)
    reset = Sigmoid(sr)
    z = Sigmoid(sz)
    rh = Mul(reset, hn)
    sn = Add(xn, rh)
    n_ = Tanh(sn)
    d = Sub(h, n_)
    zd = Mul(z, d)
    h1 = Add(n_, zd))",
                                 false};
/// Keras: the reset gate before R, h' = z * h + (1 - z) * n.
constexpr written_cell keras_gru{R"(
    const w = float[3x8] random(1)
    const r = float[4x8] random(2)
    const wn = float[3x4] random(3)
    const rn = float[4x4] random(4)
    const b = float[8] random(5)
    const one = float[] {1}
    xw = MatMul(t, w)
    hr = MatMul(h, r)
    s = Add(xw, hr)
    sb = Add(s, b)
    sz, sr = Split(sb) {axis = 1}
    z = Sigmoid(sz)
    reset = Sigmoid(sr)
    rh = Mul(reset, h)
    rn_ = MatMul(rh, rn)
    xn = MatMul(t, wn)
    sn = Add(xn, rn_)
    n_ = Tanh(sn)
    zh = Mul(z, h)
    rest = Sub(one, z)
    fresh = Mul(rest, n_)
    h1 = Add(zh, fresh))",
                                 false};
constexpr written_cell simple_rnn{R"(
    const w = float[3x4] random(1)
    const r = float[4x4] random(2)
    xw = MatMul(t, w)
    hr = MatMul(h, r)
    s = Add(xw, hr)
    h1 = Relu(s))",
                                  false};

std::string line_replaced(std::string text, std::string_view from, std::string_view to) {
  auto const at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("Scan and Loop over recurrent cells become recurrent operators") {
  for (auto const& of : {keras_lstm, joined_lstm, torch_lstm}) {
    loop_becomes(scan_of_cell(of), "LSTM");
    loop_becomes(loop_of_cell(of), "LSTM");
  }
  for (auto const& of : {torch_gru, keras_gru}) {
    loop_becomes(scan_of_cell(of), "GRU");
    loop_becomes(loop_of_cell(of), "GRU");
  }
  loop_becomes(scan_of_cell(simple_rnn), "RNN");
  loop_becomes(loop_of_cell(simple_rnn), "RNN");
}

TEST_CASE("sequences of which steps are the second axis, and backward ones") {
  loop_becomes(scan_of_cell(keras_lstm, "2x5x3", ", scan_input_axes = [1], scan_output_axes = [1]"), "LSTM");
  loop_becomes(scan_of_cell(torch_gru, "2x5x3", ", scan_input_axes = [1]"), "GRU");
  loop_becomes(loop_of_cell(torch_gru, 5, "go = Identity(goes)", 1), "GRU");
  loop_becomes(scan_of_cell(torch_lstm, "5x2x3", ", scan_input_directions = [1], scan_output_directions = [1]"),
               "LSTM");
  loop_becomes(scan_of_cell(torch_lstm, "5x2x3", ", scan_input_directions = [1]"), "");  // results in the other order
}

TEST_CASE("cells that are operators of one step, and results in a sequence, as TorchScript writes them") {
  auto const text = [](std::string_view join) {
    return fmt::format(R"(
graph opset 17 {{
  input x: float[5x2x3]
  input h0: float[2x4]
  input c0: float[2x4]
  const n = int64[] {{5}}
  const yes = bool[] {{1}}
  empty = SequenceEmpty()
  h, c, all = Loop(n, yes, h0, c0, empty, x) {{body = graph opset 17 {{
    input i: int64[]
    input goes: bool[]
    input h: float[2x4]
    input c: float[2x4]
    input s: sequence.float
    capture xs: float[5x2x3]
    const w = float[16x3] random(1)
    const r = float[1x16x4] random(2)
    const b = float[1x32] random(3)
    axis = Constant() {{value = int64[1] {{0}}}}
    wu = Unsqueeze(w, axis)
    t = Gather(xs, i)
    tu = Unsqueeze(t, axis)
    hu = Unsqueeze(h, axis)
    cu = Unsqueeze(c, axis)
    y, hn, cn = LSTM(tu, wu, r, b, _, hu, cu) {{hidden_size = 4}}
    h1 = Squeeze(hn, axis)
    c1 = Squeeze(cn, axis)
    s1 = SequenceInsert(s, h1)
    go = Identity(goes)
    output go
    output h1
    output c1
    output s1
  }}}}
  y = ConcatFromSequence(all) {{{}}}
  output y
  output h
  output c
}})",
                       join);
  };
  loop_becomes(text("axis = 0, new_axis = 1"), "LSTM");
  loop_becomes(text("axis = 1, new_axis = 1"), "LSTM");
  loop_becomes(text("axis = 0"), "");
  loop_becomes(line_replaced(text("axis = 0, new_axis = 1"), "SequenceInsert(s, h1)", "SequenceInsert(s, c1)"), "");
}

TEST_CASE("Scan of operator set 8, for each element of a batch") {
  auto const text = R"(
graph opset 8 {
  input x: float[2x5x3]
  input h0: float[2x4]
  h, y = Scan(_, h0, x) {num_scan_inputs = 1, body = graph opset 8 {
    input h: float[4]
    input t: float[3]
    const w = float[3x4] random(1)
    const r = float[4x4] random(2)
    xw = MatMul(t, w)
    hr = MatMul(h, r)
    s = Add(xw, hr)
    h1 = Tanh(s)
    output h1
    output h1
  }}
  output y
  output h
})";
  loop_becomes(text, "RNN");
  loop_becomes(line_replaced(text, "num_scan", "directions = [1], num_scan"), "");
}

TEST_CASE("loops that are no recurrent operator stay as they are") {
  loop_becomes(loop_of_cell(keras_lstm, 4), "");  // not all steps
  loop_becomes(loop_of_cell(simple_rnn, 5, "const few = int64[] {3}\n    go = Less(i, few)"),
               "");                                                                               // ends by a condition
  loop_becomes(scan_of_cell(keras_lstm, "5x2x3", "", "c1"), "");                                  // gathers the cell
  loop_becomes(line_replaced(scan_of_cell(keras_lstm), "fc = Mul(f, c)", "fc = Mul(f, h)"), "");  // another cell
  loop_becomes(line_replaced(scan_of_cell(keras_lstm), "f = Sigmoid(zf)", "f = Tanh(zf)"), "");   // gates that differ
  loop_becomes(line_replaced(scan_of_cell(keras_gru), "rest = Sub(one, z)", "rest = Sub(z, one)"),
               "");  // no mean of two
  loop_becomes(line_replaced(scan_of_cell(simple_rnn), "xw = MatMul(t, w)", "xx = Mul(t, t)\n    xw = MatMul(xx, w)"),
               "");
}

#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace sinter::test {

/// Writes valid graphs, in the text form, of the nodes that image nets are made of: any wiring, odd shapes, odd
/// windows. A seed gives the same graph everywhere.
class random_graph {
 public:
  explicit random_graph(std::uint32_t seed) : state_(seed * 2654435761u + 97) {}

  std::string text(int nodes) {
    value const x{"x0", {pick({1, 1, 2, 3}), channels(), extent(), extent()}};
    values_ = {x, {"x1", once_in(2) ? x.dims : extents{x.dims[0], channels(), extent(), extent()}}};
    for (auto const& v : values_) text_ += fmt::format("  input {}: float[{}]\n", v.name, dims(v.dims));
    while (static_cast<int>(values_.size()) < nodes + 2) add_node();
    auto outputs = fmt::format("  output {}\n", values_.back().name);
    for (auto const& v : values_)
      if (once_in(8)) outputs += fmt::format("  output {}\n", v.name);
    return "graph opset 17 {\n" + text_ + outputs + "}\n";
  }

 private:
  using extents = std::vector<int>;
  struct value {
    std::string name{};
    extents dims{};
  };

  std::uint32_t next() { return (state_ = state_ * 1664525u + 1013904223u) >> 12; }
  int below(int n) { return static_cast<int>(next() % static_cast<std::uint32_t>(n)); }
  bool once_in(int n) { return below(n) == 0; }
  int pick(std::initializer_list<int> from) { return from.begin()[below(static_cast<int>(from.size()))]; }
  int channels() { return pick({1, 3, 4, 8, 15, 16, 17, 20, 24, 31, 32, 33, 48}); }
  int extent() { return pick({1, 2, 5, 6, 7, 8, 9, 13, 14, 16, 19}); }

  static std::string list(extents const& of, char const* between) {
    std::string text;
    for (auto const e : of) text += (text.empty() ? "" : between) + std::to_string(e);
    return text;
  }
  static std::string dims(extents const& of) { return list(of, "x"); }
  static int product(extents const& of) {
    int n = 1;
    for (auto const e : of) n *= e;
    return n;
  }

  std::string fresh() { return fmt::format("t{}", number_++); }
  std::string constant(extents const& of) {
    auto const name = fresh();
    text_ += fmt::format("  const {} = float[{}] random({})\n", name, dims(of), below(256));
    return name;
  }
  /// Weights of about 1 / sqrt(terms), so that sums keep their magnitude.
  std::string weights(extents const& of, int terms) {
    auto const scale = fresh(), name = fresh(), all = constant(of);
    double root = 1;
    while (root * root < terms) root *= 2;
    text_ += fmt::format("  const {} = float[] {{{}}}\n  {} = Mul({}, {})\n", scale, 1 / root, name, all, scale);
    return name;
  }
  std::string integers(extents const& of) {
    auto const name = fresh();
    text_ += fmt::format("  const {} = int64[{}] {{{}}}\n", name, of.size(), list(of, ", "));
    return name;
  }
  void add(extents of, std::string const& expression) {
    if (product(of) < 1 || product(of) > 60'000) return;
    values_.push_back({fmt::format("v{}", values_.size()), std::move(of)});
    text_ += fmt::format("  {} = {}\n", values_.back().name, expression);
  }

  /// Recent values are likelier, so that chains form.
  value any() {
    auto const size = static_cast<int>(values_.size());
    return values_[static_cast<std::size_t>(size - 1 - below(once_in(3) ? size : std::min(size, 3)))];
  }
  /// An image, or a value made one.
  value image() {
    for (int i = 0; i < 8; ++i)
      if (auto v = any(); v.dims.size() == 4) return v;
    return values_[static_cast<std::size_t>(below(2))];
  }
  /// Another value of the same shape; `v` itself where there is none.
  value like(value const& v) {
    for (int i = 0; i < 20; ++i)
      if (auto w = any(); w.dims == v.dims && w.name != v.name) return w;
    return v;
  }

  /// A window over an axis: kernel, stride, dilation and padding such that something comes out.
  struct window {
    int kernel, stride, dilation, before, after, out;
  };
  window draw_window(int size, bool pool) {
    for (;;) {
      window w{pick({1, 2, 3, 3, 3, 3, 5, 7, 15}), pick({1, 1, 1, 2, 3}), pool ? 1 : pick({1, 1, 1, 2}), 0, 0, 0};
      if (once_in(2)) w.before = w.after = w.kernel / 2;
      if (once_in(6)) w.after = below(w.kernel);
      auto const room = size + w.before + w.after - (w.dilation * (w.kernel - 1) + 1);
      w.out = room / w.stride + 1;
      if (room >= 0) return w;
    }
  }
  static std::string window_attributes(window const& h, window const& w) {
    return fmt::format("kernel_shape = [{}, {}], strides = [{}, {}], pads = [{}, {}, {}, {}]", h.kernel, w.kernel,
                       h.stride, w.stride, h.before, w.before, h.after, w.after);
  }

  void add_node() {
    switch (below(25)) {
      case 0:
      case 1:
      case 2:
      case 3: return convolution(image());
      case 4:
      case 5: return pool(image());
      case 6:
      case 7:
      case 8: return unary(any());
      case 9:
      case 10: return binary(any());
      case 11: return broadcast(any());
      case 12: return concat(any());
      case 13: return split(any());
      case 14: return slice(any());
      case 15: return transpose(any());
      case 16: return reshape(any());
      case 17: return matrix(any());
      case 18: return rows(any());
      case 19: return gate(image());
      case 20: return shuffle(image());
      case 21: return normalize(image());
      case 22: return grow(image());
      case 23: return recurrent(any());
      default: return reduce(any());
    }
  }

  void convolution(value const& x) {
    auto const c = x.dims[1];
    int group = 1, out = channels();
    if (once_in(3)) group = c, out = c * pick({1, 1, 1, 2});
    if (group == 1 && c % 4 == 0 && once_in(4)) group = 4, out = 4 * pick({1, 3, 4, 8});
    auto h = draw_window(x.dims[2], false), w = draw_window(x.dims[3], false);
    if (once_in(3)) h = w = {1, 1, 1, 0, 0, 0}, h.out = x.dims[2], w.out = x.dims[3];
    auto const k = weights({out, c / group, h.kernel, w.kernel}, c / group * h.kernel * w.kernel);
    auto const bias = once_in(2) ? ", " + constant({out}) : "";
    add({x.dims[0], out, h.out, w.out}, fmt::format("Conv({}, {}{}) {{{}, dilations = [{}, {}], group = {}}}", x.name,
                                                    k, bias, window_attributes(h, w), h.dilation, w.dilation, group));
  }

  void pool(value const& x) {
    if (once_in(4)) return add({x.dims[0], x.dims[1], 1, 1}, fmt::format("GlobalAveragePool({})", x.name));
    auto h = draw_window(x.dims[2], true), w = draw_window(x.dims[3], true);
    for (auto* const side : {&h, &w}) side->after = std::min(side->after, side->before);
    for (auto const& [side, size] : {std::pair(&h, x.dims[2]), std::pair(&w, x.dims[3])}) {
      auto const room = size + side->before + side->after - side->kernel;
      if (room < 0) return;
      side->out = room / side->stride + 1;
    }
    auto const average = once_in(2);
    add({x.dims[0], x.dims[1], h.out, w.out},
        fmt::format("{}({}) {{{}{}}}", average ? "AveragePool" : "MaxPool", x.name, window_attributes(h, w),
                    average && once_in(2) ? ", count_include_pad = 1" : ""));
  }

  void unary(value const& x) {
    static constexpr std::initializer_list<char const*> forms{
        "Relu({0})",      "Relu({0})", "Sigmoid({0})", "Tanh({0})",        "HardSwish({0})",
        "LeakyRelu({0})", "Elu({0})",  "Abs({0})",     "HardSigmoid({0})", "Identity({0})",
        "Softplus({0})",  "Neg({0})",  "Erf({0})",     "Selu({0})",        "Softsign({0})"};
    auto const form = forms.begin()[below(static_cast<int>(forms.size()))];
    add(x.dims, fmt::format(fmt::runtime(form), x.name));
  }

  void binary(value const& x) {
    auto const y = like(x);
    add(x.dims, fmt::format("{}({}, {})", once_in(3) ? (once_in(2) ? "Mul" : "Max") : "Add", x.name, y.name));
  }

  void broadcast(value const& x) {
    auto other = x.dims;
    for (auto& e : other)
      if (once_in(2)) e = 1;
    if (x.dims.size() == 4 && once_in(2)) other = {x.dims[1], 1, 1};
    auto const c = constant(other);
    if (x.dims.size() == 4 && once_in(4)) {
      auto const slope = constant({x.dims[1], 1, 1});
      return add(x.dims, fmt::format("PRelu({}, {})", x.name, slope));
    }
    auto const op = once_in(3) ? "Sub" : once_in(2) ? "Add" : "Mul";
    add(x.dims, once_in(2) ? fmt::format("{}({}, {})", op, x.name, c) : fmt::format("{}({}, {})", op, c, x.name));
  }

  void concat(value const& x) {
    auto const axis = once_in(3) ? below(static_cast<int>(x.dims.size())) : std::min<int>(1, rank(x) - 1);
    std::string operands = x.name;
    auto sum = x.dims;
    for (auto const count = 1 + below(3); auto const& v : std::vector(values_.rbegin(), values_.rend())) {
      auto same = v.dims;
      if (rank(v) != rank(x)) continue;
      same[static_cast<std::size_t>(axis)] = x.dims[static_cast<std::size_t>(axis)];
      if (same != x.dims || once_in(2) || std::ranges::count(operands, ',') >= count) continue;
      operands += ", " + v.name;
      sum[static_cast<std::size_t>(axis)] += v.dims[static_cast<std::size_t>(axis)];
    }
    add(sum, fmt::format("Concat({}) {{axis = {}}}", operands, axis));
  }

  void split(value const& x) {
    auto const axis = static_cast<std::size_t>(std::min<int>(1, rank(x) - 1));
    if (x.dims[axis] < 2) return;
    auto const first = once_in(2) && x.dims[axis] % 2 == 0 ? x.dims[axis] / 2 : 1 + below(x.dims[axis] - 1);
    auto const sizes = integers({first, x.dims[axis] - first});
    auto a = x.dims, b = x.dims;
    a[axis] = first;
    b[axis] -= first;
    auto const left = fmt::format("v{}", values_.size()), right = fmt::format("v{}", values_.size() + 1);
    text_ += fmt::format("  {}, {} = Split({}, {}) {{axis = {}}}\n", left, right, x.name, sizes, axis);
    values_.push_back({left, a});
    values_.push_back({right, b});
  }

  void slice(value const& x) {
    auto const axis = below(rank(x));
    auto const size = x.dims[static_cast<std::size_t>(axis)];
    auto const from = below(size), step = pick({1, 1, 2, 3}), to = from + 1 + below(size - from);
    auto out = x.dims;
    out[static_cast<std::size_t>(axis)] = (to - from + step - 1) / step;
    auto const a = integers({from}), b = integers({to}), c = integers({axis}), d = integers({step});
    add(out, fmt::format("Slice({}, {}, {}, {}, {})", x.name, a, b, c, d));
  }

  void transpose(value const& x) {
    extents order, out;
    for (int i = 0; i < rank(x); ++i) order.push_back(i);
    for (int i = rank(x); i > 1; --i)
      std::swap(order[static_cast<std::size_t>(i - 1)], order[static_cast<std::size_t>(below(i))]);
    for (auto const i : order) out.push_back(x.dims[static_cast<std::size_t>(i)]);
    add(out, fmt::format("Transpose({}) {{perm = [{}]}}", x.name, list(order, ", ")));
  }

  void reshape(value const& x) {
    auto const n = x.dims[0], rest = product(x.dims) / n;
    if (once_in(3)) return add({n, rest}, fmt::format("Flatten({}) {{axis = 1}}", x.name));
    extents out{n};
    for (auto left = rest; rank({"", out}) < 4;) {
      auto divisor = 1 + below(left);
      while (left % divisor != 0) --divisor;
      if (rank({"", out}) == 3) divisor = left;
      out.push_back(divisor);
      left /= divisor;
    }
    if (once_in(3)) out = {n, out[1], out[2] * out[3]};
    auto const to = integers(out);
    add(out, fmt::format("Reshape({}, {})", x.name, to));
  }

  void matrix(value const& x) {
    auto const k = x.dims.back(), n = channels();
    auto out = x.dims;
    out.back() = n;
    if (rank(x) == 2 && once_in(2)) {
      auto const turned = once_in(2);
      auto const w = turned ? weights({n, k}, k) : weights({k, n}, k);
      auto const bias = once_in(2) ? ", " + constant({n}) : "";
      return add(out, fmt::format("Gemm({}, {}{}) {{transB = {}}}", x.name, w, bias, turned ? 1 : 0));
    }
    if (rank(x) >= 3 && once_in(3)) {
      auto order = extents{0, 2, 1}, turned = x.dims;
      if (rank(x) == 4) order = {0, 1, 3, 2};
      std::swap(turned[turned.size() - 1], turned[turned.size() - 2]);
      add(turned, fmt::format("Transpose({}) {{perm = [{}]}}", x.name, list(order, ", ")));
      out.back() = x.dims[x.dims.size() - 2];
      auto const product_of = values_.back().name;
      if (values_.back().dims == turned) add(out, fmt::format("MatMul({}, {})", x.name, product_of));
      return;
    }
    auto const w = weights({k, n}, k);
    add(out, fmt::format("MatMul({}, {})", x.name, w));
  }

  void rows(value const& x) {
    if (once_in(2))
      return add(x.dims, fmt::format("Softmax({}) {{axis = {}}}", x.name, once_in(2) ? -1 : below(rank(x))));
    if (x.dims.back() < 4) return;
    auto const scale = constant({x.dims.back()}), bias = constant({x.dims.back()});
    add(x.dims, fmt::format("LayerNormalization({}, {}, {}) {{epsilon = 0.01}}", x.name, scale, bias));
  }

  /// Squeeze and excitation.
  void gate(value const& x) {
    auto const c = x.dims[1];
    auto const w = weights({c, c, 1, 1}, c);
    auto const p = fresh(), q = fresh(), s = fresh();
    text_ += fmt::format("  {} = GlobalAveragePool({})\n  {} = Conv({}, {})\n  {} = {}({})\n", p, x.name, q, p, w, s,
                         once_in(2) ? "Sigmoid" : "HardSigmoid", q);
    add(x.dims, fmt::format("Mul({}, {})", x.name, s));
  }

  void shuffle(value const& x) {
    auto const [n, c, h, w] = std::array{x.dims[0], x.dims[1], x.dims[2], x.dims[3]};
    auto const group = c % 4 == 0 && once_in(2) ? 4 : 2;
    if (c % group != 0) return;
    auto const wide = integers({n, group, c / group, h, w}), back = integers({n, c, h, w}), a = fresh(), b = fresh();
    text_ +=
        fmt::format("  {} = Reshape({}, {})\n  {} = Transpose({}) {{perm = [0, 2, 1, 3, 4]}}\n", a, x.name, wide, b, a);
    add(x.dims, fmt::format("Reshape({}, {})", b, back));
  }

  void normalize(value const& x) {
    auto const c = extents{x.dims[1]};
    auto const scale = constant(c), bias = constant(c), mean = constant(c), variance = fresh();
    text_ += fmt::format("  const {} = float[{}] fill(0.75)\n", variance, x.dims[1]);
    if (once_in(4) && x.dims[2] * x.dims[3] > 8)
      return add(x.dims, fmt::format("InstanceNormalization({}, {}, {}) {{epsilon = 0.01}}", x.name, scale, bias));
    add(x.dims, fmt::format("BatchNormalization({}, {}, {}, {}, {})", x.name, scale, bias, mean, variance));
  }

  /// Resize by 2, or padding.
  void grow(value const& x) {
    auto out = x.dims;
    if (once_in(2)) {
      out[2] *= 2;
      out[3] *= 2;
      auto const scales = fresh();
      text_ += fmt::format("  const {} = float[4] {{1, 1, 2, 2}}\n", scales);
      return add(out,
                 fmt::format("Resize({}, _, {}) {{mode = \"{}\", coordinate_transformation_mode = \"{}\"}}", x.name,
                             scales, once_in(2) ? "nearest" : "linear", once_in(2) ? "asymmetric" : "half_pixel"));
    }
    extents pads{0, 0, below(3), below(3), 0, 0, below(3), below(3)};
    if (once_in(3)) pads[1] = below(3);
    for (std::size_t i = 0; i < 4; ++i) out[i] += pads[i] + pads[i + 4];
    auto const p = integers(pads);
    add(out, fmt::format("Pad({}, {})", x.name, p));
  }

  void reduce(value const& x) {
    auto const axis = below(rank(x));
    auto out = x.dims;
    out[static_cast<std::size_t>(axis)] = 1;
    add(out,
        fmt::format("{}({}) {{axes = [{}], keepdims = 1}}", once_in(2) ? "ReduceMean" : "ReduceMax", x.name, axis));
  }

  /// LSTM, GRU or RNN over the first two axes.
  void recurrent(value const& x) {
    if (rank(x) < 2) return;
    auto const a = x.dims[0], b = x.dims[1], input = product(x.dims) / (a * b);
    if (input > 600) return;
    struct row {
      char const* name;
      int gates;
    };
    auto const [name, gates] = std::array{row{"LSTM", 4}, row{"GRU", 3}, row{"RNN", 1}}[next() % 3];
    auto const directions = 1 + below(2), hidden = pick({1, 3, 16, 20, 33}), batch_first = below(2);
    auto const folded = integers({a, b, input}), source = fresh();
    auto const w = weights({directions, gates * hidden, input}, input);
    auto const r = weights({directions, gates * hidden, hidden}, hidden);
    auto const bias = once_in(3) ? std::string("_") : constant({directions, 2 * gates * hidden});
    text_ += fmt::format("  {} = Reshape({}, {})\n", source, x.name, folded);
    auto const call =
        fmt::format("{}({}, {}, {}, {}) {{hidden_size = {}, layout = {}, direction = \"{}\"{}}}", name, source, w, r,
                    bias, hidden, batch_first, directions == 2 ? "bidirectional" : "reverse",
                    gates == 3 && once_in(2) ? ", linear_before_reset = 1" : "");
    add(batch_first ? extents{a, b, directions, hidden} : extents{a, directions, b, hidden}, call);
  }

  static int rank(value const& v) { return static_cast<int>(v.dims.size()); }

  std::uint32_t state_;
  int number_ = 0;
  std::string text_;
  std::vector<value> values_;
};

}  // namespace sinter::test

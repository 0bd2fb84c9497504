#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/kernels/element.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/passes/fold_constants.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter {

/// A pair of state that grows: an input of a graph with what there is so far, and an output with what a run adds behind
/// it, along one axis.
struct growing_pair {
  std::size_t input = 0, output = 0, axis = 0;
};

/// An input that grows with the state and is given for each run, as the attention mask of a decoder.
struct growing_input {
  std::size_t input = 0, axis = 0;
  bool with_rows = false;  ///< its extent is the length and what a run adds; else the length
};

/// What of a graph's inputs and outputs grows.
struct growing_ports {
  std::vector<growing_pair> pairs{};
  std::vector<growing_input> inputs{};
};

namespace passes {

/// What lies behind the indices of a growing tensor that count; each is a case of the next.
enum class growth_rest : std::uint8_t { zero, finite, anything };

/// A value at two lengths.
struct growth_fact {
  tensor_type low{}, high{};
  any_tensor low_value{}, high_value{};  ///< of integers that are known when the length is
  growth_rest rest = growth_rest::anything;

  bool grows() const { return low.shape && high.shape && *low.shape != *high.shape; }
  bool known() const { return static_cast<bool>(low_value); }
};

/// A number that depends on the length: start + slope * length.
struct growth_line {
  dtype type = dtype::int64;
  any_tensor start{}, slope{};  ///< int64
};

/// How types and integers of a graph depend on the length of what grows. They are computed for two lengths. Of nodes
/// with growing operands only those are taken (growth_rules.hpp) that make an extent which is a sum of extents, and
/// integers are known only through operators that keep sums sums; so two lengths say all.
class growth_facts {
 public:
  static constexpr std::int64_t low_length = 2;

  /// `added` are the rows of a run.
  growth_facts(graph const& g, growing_ports const& ports, std::int64_t capacity, std::int64_t added)
      : capacity_(capacity), high_length_(checked_add(low_length, capacity)) {
    extend(g);
    for (auto const& p : ports.pairs) set_grown(g.inputs[p.input].value, p.axis, 0);
    for (auto const& p : ports.inputs) set_grown(g.inputs[p.input].value, p.axis, p.with_rows ? added : 0);
    for (auto const id : g.topological_order()) infer_node(g.at(id));
  }

  /// Facts of values that are new.
  void extend(graph const& g) {
    while (facts_.size() < g.value_count()) {
      auto const& v = g.at(value_id{static_cast<std::int32_t>(facts_.size())});
      facts_.push_back({.low = v.type, .high = v.type, .low_value = v.constant, .high_value = v.constant});
    }
  }

  growth_fact& operator[](value_id v) { return facts_[static_cast<std::size_t>(v.index)]; }
  growth_fact const& operator[](value_id v) const { return facts_[static_cast<std::size_t>(v.index)]; }
  std::int64_t capacity() const { return capacity_; }
  /// By how much the two lengths differ.
  std::int64_t lengths_apart() const { return high_length_ - low_length; }

  bool grows(value_id v) const { return v && (*this)[v].grows(); }
  bool grows_along(value_id v, std::size_t axis) const {
    if (!grows(v)) return false;
    auto const& f = (*this)[v];
    return axis < f.low.shape->rank() && (*f.low.shape)[axis] != (*f.high.shape)[axis];
  }
  std::vector<std::size_t> growing_axes(value_id v) const {
    std::vector<std::size_t> axes;
    for (std::size_t axis = 0; grows(v) && axis < (*this)[v].low.shape->rank(); ++axis)
      if (grows_along(v, axis)) axes.push_back(axis);
    return axes;
  }
  /// The extent of a growing axis less the length; none where it is another function of the length.
  std::optional<std::int64_t> offset(value_id v, std::size_t axis) const {
    auto const low = (*(*this)[v].low.shape)[axis], high = (*(*this)[v].high.shape)[axis];
    return high - low == lengths_apart() ? std::optional(low - low_length) : std::nullopt;
  }

  /// Whether `v` is known and depends on the length.
  bool is_number(value_id v) const {
    if (!v || !(*this)[v].known() || grows(v)) return false;
    auto const& f = (*this)[v];
    return f.low_value.bytes() > 0 && !f.low_value.shares_elements(f.high_value) && !equal(f);
  }
  /// The elements of a known value that does not depend on the length.
  std::optional<std::vector<std::int64_t>> integers(value_id v) const {
    if (!v || !(*this)[v].known() || grows(v) || is_number(v)) return std::nullopt;
    return integers_of((*this)[v].low_value.view());
  }

  growth_line line_of(value_id v) const {
    auto const& f = (*this)[v];
    auto const low = integers_of(f.low_value.view()), high = integers_of(f.high_value.view());
    growth_line line{f.low.element, any_tensor(dtype::int64, *f.low.shape), any_tensor(dtype::int64, *f.low.shape)};
    for (std::size_t i = 0; i < low.size(); ++i) {
      auto const slope = (high[i] - low[i]) / lengths_apart();
      static_cast<std::int64_t*>(line.slope.data())[i] = slope;
      static_cast<std::int64_t*>(line.start.data())[i] = low[i] - slope * low_length;
    }
    return line;
  }

 private:
  static constexpr std::size_t most_elements = 1 << 16;

  void set_grown(value_id v, std::size_t axis, std::int64_t offset) {
    auto& in = (*this)[v];
    (*in.low.shape)[axis] = checked_add(low_length, offset);
    (*in.high.shape)[axis] = checked_add(high_length_, offset);
    in.rest = growth_rest::zero;
  }

  static bool equal(growth_fact const& f) {
    return integers_of(f.low_value.view()) == integers_of(f.high_value.view());
  }

  void infer_node(node const& n) {
    std::vector<operand> low, high;
    for (auto const in : n.inputs) {
      auto const* f = in ? &(*this)[in] : nullptr;
      low.push_back(f ? operand{f->low, f->known() ? &f->low_value : nullptr} : operand{});
      high.push_back(f ? operand{f->high, f->known() ? &f->high_value : nullptr} : operand{});
    }
    auto const low_types = infer(n, low), high_types = infer(n, high);
    for (std::size_t i = 0; i < n.outputs.size(); ++i) {
      if (!n.outputs[i]) continue;
      auto& out = (*this)[n.outputs[i]];
      out.low = low_types[i], out.high = high_types[i];
    }
    if (!may_be_known(n)) return;
    auto low_values = values(n, low), high_values = values(n, high);
    if (!keeps_order(n, low_values, high_values)) return;
    for (std::size_t i = 0; i < n.outputs.size(); ++i) {
      if (!n.outputs[i]) continue;
      auto& out = (*this)[n.outputs[i]];
      out.low_value = std::move(low_values[i]), out.high_value = std::move(high_values[i]);
    }
  }

  static std::vector<any_tensor> values(node const& n, std::vector<operand> const& operands) {
    if (is(n, "Shape") || is(n, "Size")) return {detail::shape_value(n, *operands[0].type.shape)};
    std::vector<any_tensor> in;
    for (auto const& o : operands) in.push_back(o.value ? *o.value : any_tensor{});
    return evaluate(bind(n), n, in);
  }

  /// Whether the outputs are small lists of integers that follow from known ones, sums from sums.
  bool may_be_known(node const& n) const {
    for (auto const out : n.outputs) {
      if (!out) continue;
      auto const& f = (*this)[out];
      bool const listed = is_integer(f.low.element) || f.low.element == dtype::boolean;
      if (!listed || !f.low.shape || !f.high.shape || f.high.shape->elements() > most_elements) return false;
    }
    if (is(n, "Shape")) return (*this)[n.inputs[0]].low.shape && (*this)[n.inputs[0]].high.shape;
    if (is(n, "Size")) return !grows(n.inputs[0]) && (*this)[n.inputs[0]].low.shape;
    if (!n.domain.empty() || detail::is_random(n)) return false;
    std::size_t varying = 0, first_varying = 0;
    for (std::size_t i = 0; i < n.inputs.size(); ++i) {
      if (!n.inputs[i]) continue;
      auto const& f = (*this)[n.inputs[i]];
      if (!f.known() || f.low_value.elements() > most_elements) return false;
      if (!grows(n.inputs[i]) && !is_number(n.inputs[i])) continue;
      if (varying++ == 0) first_varying = i;
    }
    return varying == 0 || keeps_sums(n, varying, first_varying);
  }

  /// Whether the results of `n` are sums where operands that depend on the length are.
  bool keeps_sums(node const& n, std::size_t varying, std::size_t first) const {
    static constexpr std::array<std::string_view, 11> of_first{
        "Cast", "Expand", "Flatten", "Gather", "Identity", "Neg", "Reshape", "Slice", "Squeeze", "Split", "Transpose"};
    static constexpr std::array<std::string_view, 8> of_all{"Add",  "Concat",      "Sub",     "Equal",
                                                            "Less", "LessOrEqual", "Greater", "GreaterOrEqual"};
    auto const listed = [&](auto const& names) { return std::ranges::find(names, n.op) != names.end(); };
    if (listed(of_first) || n.op == "Unsqueeze") return varying == 1 && first == 0;
    if (n.op == "Mul") return varying == 1;
    if (n.op == "Where") return first > 0;
    if (n.op == "Range") return !is_number(n.inputs[2]);
    return listed(of_all);
  }

  /// A comparison is known only where it is the same for all lengths.
  bool keeps_order(node const& n, std::vector<any_tensor> const& low, std::vector<any_tensor> const& high) const {
    if (low.empty() || low[0].type() != dtype::boolean) return true;
    if (low[0].shape() != high[0].shape() || integers_of(low[0].view()) != integers_of(high[0].view())) return false;
    if (n.op != "Equal" || (!is_number(n.inputs[0]) && !is_number(n.inputs[1]))) return true;
    return always_differ(n.inputs[0], n.inputs[1]);
  }
  /// Whether each pair of elements compares alike at both lengths; only of values of one shape, or with one element.
  bool always_differ(value_id a, value_id b) const {
    auto const &x = (*this)[a], &y = (*this)[b];
    auto const one = [](growth_fact const& f) { return f.low_value.elements() == 1; };
    if (x.low.shape != y.low.shape && !one(x) && !one(y)) return false;
    auto const x_low = integers_of(x.low_value.view()), x_high = integers_of(x.high_value.view()),
               y_low = integers_of(y.low_value.view()), y_high = integers_of(y.high_value.view());
    for (std::size_t i = 0; i < std::max(x_low.size(), y_low.size()); ++i) {
      auto const at_x = one(x) ? 0 : i, at_y = one(y) ? 0 : i;
      if ((x_low[at_x] <=> y_low[at_y]) != (x_high[at_x] <=> y_high[at_y])) return false;
    }
    return true;
  }

  std::int64_t capacity_, high_length_;
  std::vector<growth_fact> facts_{};
};

}  // namespace passes
}  // namespace sinter

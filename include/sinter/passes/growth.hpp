#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/passes/eliminate_transposes.hpp>
#include <sinter/passes/growth_facts.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace sinter {

namespace passes {

/// A graph under the rewrite that `grow` makes. Tensors that grow get a fixed extent, of which only the first ones
/// count: those below the length that the last input of the graph gives, and the offset of the tensor's own.
class growth {
 public:
  /// Inputs of `g` have known types, those that grow the capacity as their extent.
  /// A run adds `added` rows, which only matters where inputs say so that are no state.
  growth(graph g, growing_ports ports, std::int64_t added)
      : g_(std::move(g)),
        pairs_(std::move(ports.pairs)),
        facts_(g_, {pairs_, ports.inputs}, capacity_of(g_, pairs_), added) {
    length_ = g_.add_value("length", {dtype::int64, shape{}});
    g_.inputs.push_back({.value = length_, .declared = std::vector<dimension>{}});
    facts_.extend(g_);
    for (auto const& p : pairs_) {
      note_added(p);
      g_.inputs[p.input].appended = true;
    }
  }

  graph take() && { return std::move(g_); }
  graph& get() { return g_; }
  growth_facts& facts() { return facts_; }
  growth_facts const& facts() const { return facts_; }
  std::vector<growing_pair> const& pairs() const { return pairs_; }
  std::int64_t capacity() const { return facts_.capacity(); }
  /// How many rows a run adds.
  std::int64_t added() const { return added_; }
  value_id length() const { return length_; }

  /// Refuses an extent that is not the length and up to as many more as a run adds: it would not fit the capacity.
  void check_offset(node const& n, value_id v, std::size_t axis) const {
    auto const offset = facts_.offset(v, axis);
    if (!offset || *offset < 0 || *offset > added_)
      refuse(n, "an extent of its result is not the length and at most what a run adds");
  }
  /// The extents of a tensor as it lies in memory.
  shape room(value_id v) const {
    auto s = *facts_[v].low.shape;
    for (auto const axis : facts_.growing_axes(v)) s[axis] = capacity();
    return s;
  }

  /// An error: the node cannot run where lengths grow.
  [[noreturn]] static void refuse(node const& n, std::string_view why) {
    fail(error_code::unsupported_feature, "{} cannot run with a length that grows: {}; without options::bounds {}",
         describe(n), why, "the model is compiled for each length");
  }

  value_id constant(any_tensor t) {
    auto const id = g_.add_constant("growth_" + std::to_string(g_.value_count()), std::move(t));
    facts_.extend(g_);
    return id;
  }
  value_id constant(std::vector<std::int64_t> const& values) {
    return constant(any_tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, std::span(values)));
  }
  value_id constant_shape(shape const& s) { return constant(std::vector<std::int64_t>(s.begin(), s.end())); }

  /// A node of ai.onnx in front of those that need it; its result is of the given type.
  value_id make(std::string op, std::vector<value_id> inputs, dtype element, attribute_map attributes = {},
                std::int64_t version = 13) {
    auto const out = g_.add_value("growth_" + std::to_string(g_.value_count()), {element, std::nullopt});
    g_.add_node({.op = std::move(op),
                 .version = version,
                 .attributes = std::move(attributes),
                 .inputs = std::move(inputs),
                 .outputs = {out}});
    facts_.extend(g_);
    return out;
  }

  /// The value of a number that depends on the length, as a node's operand.
  value_id number(value_id v) {
    auto& made = numbers_[v];
    if (!made) {
      auto const line = facts_.line_of(v);
      auto const scaled = make("Mul", {length_, constant(line.slope)}, dtype::int64);
      made = make("Add", {scaled, constant(line.start)}, dtype::int64);
      if (line.type != dtype::int64)
        made = make("Cast", {made}, line.type, {{"to", static_cast<std::int64_t>(line.type)}});
    }
    return made;
  }

  /// bool: which indices of an axis count, of a tensor with `offset`; the axis has `behind` axes behind it.
  value_id counts(std::int64_t offset, std::size_t behind) {
    auto& made = counted_[{offset, behind}];
    if (!made) {
      auto const last = make("Add", {length_, constant(any_tensor::scalar(offset))}, dtype::int64);
      made = make("Less", {index(behind), last}, dtype::boolean);
    }
    return made;
  }
  /// 0 where `counts`, else minus infinity.
  value_id bias(std::int64_t offset, std::size_t behind) {
    auto& made = biases_[{offset, behind}];
    if (!made)
      made = make("Where", {counts(offset, behind), scalar(0.0f), scalar(-std::numeric_limits<float>::infinity())},
                  dtype::float32);
    return made;
  }
  /// `v` with another value where an index of the axis does not count.
  value_id masked(value_id v, std::size_t axis, value_id otherwise) {
    auto const behind = facts_[v].low.shape->rank() - 1 - axis;
    auto& made = masked_[{v, axis, otherwise}];
    if (made) return made;
    made = make("Where", {counts(*facts_.offset(v, axis), behind), v, otherwise}, facts_[v].low.element);
    facts_[made] = facts_[v];
    return made;
  }
  value_id scalar(float value) {
    auto& made = scalars_[std::bit_cast<std::uint32_t>(value)];
    if (!made) made = constant(any_tensor::scalar(value));
    return made;
  }

  /// 0, 1, … capacity - 1 along an axis with `behind` axes behind it.
  value_id index(std::size_t behind) {
    auto& made = indices_[behind];
    if (!made) {
      auto extents = shape::filled(behind + 1, 1);
      extents[0] = capacity();
      any_tensor t(dtype::int64, extents);
      for (std::int64_t i = 0; i < capacity(); ++i) static_cast<std::int64_t*>(t.data())[i] = i;
      made = constant(std::move(t));
    }
    return made;
  }

 private:
  static std::int64_t capacity_of(graph const& g, std::vector<growing_pair> const& pairs) {
    auto const& first = pairs.front();
    return (*g.at(g.inputs[first.input].value).type.shape)[first.axis];
  }
  void note_added(growing_pair const& p) {
    auto const out = g_.outputs[p.output].value;
    auto const offset = facts_.grows_along(out, p.axis) ? facts_.offset(out, p.axis) : std::nullopt;
    if (!offset || *offset < 1 || (added_ != 0 && *offset != added_))
      fail(error_code::unsupported_feature,
           "state that grows: the output '{}' does not have a fixed number of rows more {}", g_.at(out).name,
           "than its input, as many as all others");
    added_ = *offset;
  }

  graph g_;
  std::vector<growing_pair> pairs_;
  growth_facts facts_;
  value_id length_{};
  std::int64_t added_ = 0;  ///< rows of a run
  std::map<value_id, value_id> numbers_{};
  std::map<std::pair<std::int64_t, std::size_t>, value_id> counted_{}, biases_{};
  std::map<std::size_t, value_id> indices_{};
  std::map<std::uint32_t, value_id> scalars_{};
  std::map<std::tuple<value_id, std::size_t, value_id>, value_id> masked_{};
};

}  // namespace passes
}  // namespace sinter

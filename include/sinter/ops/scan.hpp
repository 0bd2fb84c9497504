#pragma once

#include <sinter/ops/control_flow.hpp>
#include <sinter/ops/stack.hpp>

#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace sinter {

/// What the two definitions of Scan share. A subgraph runs once for each position of an axis of the scan inputs; states
/// pass from turn to turn. The node's last inputs are the captures of the subgraph.
struct scan_attributes {
  std::shared_ptr<graph const> body{};
  std::size_t states = 0;
  std::size_t scanned = 0;   ///< inputs of which each turn gets a slice
  std::size_t captures = 0;  ///< inputs of the body behind them
  std::vector<std::int64_t> input_axes{}, output_axes{}, input_directions{}, output_directions{};

  std::size_t stacked() const { return body->outputs.size() - states; }

  /// `ahead`: inputs of the node before the states.
  static scan_attributes parse(attribute_reader const& r, std::size_t ahead) {
    scan_attributes a{.body = r.require<std::shared_ptr<graph const>>("body")};
    a.captures = captures_of(*a.body);
    auto const scanned = r.require<std::int64_t>("num_scan_inputs");
    auto const own = static_cast<std::int64_t>(r.input_count()) - static_cast<std::int64_t>(a.captures + ahead);
    if (scanned < 1 || scanned > own)
      fail(error_code::malformed_model, "num_scan_inputs is {}, expected 1 to {}", scanned, own);
    a.scanned = static_cast<std::size_t>(scanned);
    a.states = static_cast<std::size_t>(own - scanned);
    if (a.body->inputs.size() + ahead != r.input_count() || a.body->outputs.size() < a.states ||
        r.output_count() > a.body->outputs.size())
      fail(error_code::malformed_model,
           "the body has {} inputs and {} outputs, expected {} inputs and at least {} outputs, as the node has",
           a.body->inputs.size(), a.body->outputs.size(), r.input_count() - ahead,
           std::max(a.states, r.output_count()));
    return a;
  }

  static std::vector<std::int64_t> list(attribute_reader const& r, std::string_view name, std::size_t length) {
    auto values = r.get(name, std::vector<std::int64_t>(length));
    if (values.size() != length)
      fail(error_code::malformed_model, "the attribute '{}' has {} entries, expected {}", name, values.size(), length);
    return values;
  }

  std::size_t input_axis(std::size_t i, shape const& s) const {
    return normalize_axis(input_axes[i], s.rank(), "the axis of a scan input");
  }

  /// Types of the outputs from those of the inputs, which lack the inputs before the states.
  types infer(std::span<operand const> in) const {
    std::vector<operand> given(in.begin(), in.end());
    std::optional<std::int64_t> turns;
    for (std::size_t i = 0; i < states + scanned; ++i) given[i].value = nullptr;
    for (std::size_t i = 0; i < scanned; ++i) {
      auto& s = given[states + i].type.shape;
      if (!s) continue;
      auto const axis = input_axis(i, *s);
      turns = (*s)[axis];
      s->erase(axis);
    }
    auto found = infer_carried(*body, given, 0, 0, states);
    for (auto i = states; i < found.size(); ++i) {
      auto& s = found[i].shape;
      if (!s) continue;
      if (turns)
        s->insert(normalize_axis(output_axes[i - states], s->rank() + 1, "the axis of a scan output"), *turns);
      else
        s.reset();
    }
    return found;
  }

  std::int64_t turns_of(std::span<any_tensor const> in) const {
    std::optional<std::int64_t> turns;
    for (std::size_t i = 0; i < scanned; ++i) {
      auto const& s = in[states + i].shape();
      auto const extent = s[input_axis(i, s)];
      if (turns && extent != *turns)
        fail(error_code::malformed_model, "a scan input has {} slices, another {}", extent, *turns);
      turns = extent;
    }
    return *turns;
  }

  std::vector<any_tensor> run(std::span<any_tensor const> in, subgraph_runner& bodies) const {
    auto const turns = turns_of(in);
    std::vector<any_tensor> operands(in.begin(), in.end());
    std::vector<stack> stacks;
    for (std::size_t i = 0; i < stacked(); ++i) stacks.emplace_back(output_directions[i] != 0);
    if (turns == 0) start_empty(stacks, in);
    for (std::int64_t turn = 0; turn < turns; ++turn) {
      for (std::size_t i = 0; i < scanned; ++i) {
        auto const& t = in[states + i];
        operands[states + i] = slice_of(t, input_axis(i, t.shape()), input_directions[i] ? turns - 1 - turn : turn);
      }
      auto results = bodies.run(body, operands);
      for (std::size_t i = 0; i < states; ++i) operands[i] = std::move(results[i]);
      for (std::size_t i = 0; i < stacks.size(); ++i) stacks[i].push(results[states + i]);
    }
    operands.resize(states);
    for (std::size_t i = 0; i < stacks.size(); ++i) operands.push_back(stacks[i].take(output_axes[i]));
    return operands;
  }

 private:
  /// Types and shapes of scan outputs when the body never runs.
  void start_empty(std::vector<stack>& stacks, std::span<any_tensor const> in) const {
    std::vector<operand> given;
    for (auto const& t : in) given.push_back({{t.type(), t.shape()}});
    for (std::size_t i = 0; i < scanned; ++i) {
      auto& s = *given[states + i].type.shape;
      s.erase(input_axis(i, s));
    }
    auto const found = infer_outputs(*body, given);
    for (std::size_t i = 0; i < stacks.size(); ++i) stacks[i].start(found[states + i]);
  }
};

/// Scan   https://onnx.ai/onnx/operators/onnx__Scan.html
struct scan {
  static constexpr op_schema schema{.name = "Scan", .since = 9, .max_outputs = 16384};
  using attributes = scan_attributes;

  static attributes parse(attribute_reader const& r) {
    auto a = scan_attributes::parse(r, 0);
    a.input_axes = attributes::list(r, "scan_input_axes", a.scanned);
    a.output_axes = attributes::list(r, "scan_output_axes", a.stacked());
    a.input_directions = attributes::list(r, "scan_input_directions", a.scanned);
    a.output_directions = attributes::list(r, "scan_output_directions", a.stacked());
    return a;
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const& a) { return a.infer(in.all()); }
  static std::size_t carried(attributes const& a) { return a.states; }
  static control_form form(attributes const& a, std::size_t) {
    control_form f{.bodies = {a.body}, .carried = a.states};
    f.scanned.resize(a.scanned);
    f.stacked.resize(a.stacked());
    for (std::size_t i = 0; i < f.scanned.size(); ++i) f.scanned[i] = {a.input_axes[i], a.input_directions[i] != 0};
    for (std::size_t i = 0; i < f.stacked.size(); ++i) f.stacked[i] = {a.output_axes[i], a.output_directions[i] != 0};
    return f;
  }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a, subgraph_runner& bodies) {
    return a.run(in, bodies);
  }
};

/// Scan before operator set 9: once for each element of a batch, which is the first axis of states and scan inputs; the
/// second one is scanned. Sequences are of full length.
struct batched_scan {
  static constexpr op_schema schema{.name = "Scan", .since = 8, .min_inputs = 0, .max_outputs = 16384};
  using attributes = scan_attributes;

  static attributes parse(attribute_reader const& r) {
    auto a = scan_attributes::parse(r, 1);
    a.input_axes.assign(a.scanned, 0);
    a.output_axes.assign(a.stacked(), 0);
    a.input_directions = attributes::list(r, "directions", a.scanned);
    a.output_directions.assign(a.stacked(), 0);
    return a;
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const& a) {
    std::vector<operand> given(in.all().begin() + 1, in.all().end());
    for (std::size_t i = 0; i < a.states + a.scanned; ++i) given[i].type.shape.reset();
    auto found = a.infer(given);
    for (auto& type : found) type.shape.reset();
    return found;
  }

  static std::size_t carried(attributes const& a) { return a.states; }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a, subgraph_runner& bodies) {
    auto const own = in.subspan(1);
    auto const batched = a.states + a.scanned;
    for (std::size_t i = 0; i < batched; ++i)
      if (own[i].shape().rank() < (i < a.states ? 1u : 2u) || own[i].shape()[0] != own[0].shape()[0])
        fail(error_code::malformed_model, "a state or scan input has shape {}, expected a batch of {} first",
             own[i].shape(), own[0].shape()[0]);
    check_lengths(in[0], own[a.states].shape()[1]);
    std::vector<stack> stacks(a.body->outputs.size());
    for (std::int64_t b = 0; b < own[0].shape()[0]; ++b) {
      std::vector<any_tensor> one(own.begin(), own.end());
      for (std::size_t i = 0; i < batched; ++i) one[i] = slice_of(own[i], 0, b);
      auto const results = a.run(one, bodies);
      for (std::size_t i = 0; i < stacks.size(); ++i) stacks[i].push(results[i]);
    }
    std::vector<any_tensor> whole;
    for (auto const& s : stacks) whole.push_back(s.take());
    return whole;
  }

  static void check_lengths(any_tensor const& lengths, std::int64_t length) {
    if (!lengths) return;
    for (auto const n : lengths.as<std::int64_t>())
      if (n != length)
        fail(error_code::unsupported_feature, "sequence_lens holds {}, expected the length of all sequences, {}", n,
             length);
  }
};

}  // namespace sinter

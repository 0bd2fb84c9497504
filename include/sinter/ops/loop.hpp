#pragma once

#include <sinter/ops/control_flow.hpp>
#include <sinter/ops/stack.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace sinter {

/// Loop: a subgraph runs once for each number of a count, as long as a condition holds; either may be omitted. The
/// node's last inputs are the captures of the subgraph.   https://onnx.ai/onnx/operators/onnx__Loop.html
struct loop {
  static constexpr op_schema schema{.name = "Loop", .min_inputs = 0, .max_outputs = 16384};
  struct attributes {
    std::shared_ptr<graph const> body{};
    std::size_t carried = 0;   ///< values that each turn passes to the next
    std::size_t captures = 0;  ///< inputs of the body behind them

    std::size_t stacked() const { return body->outputs.size() - 1 - carried; }
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.body = r.require<std::shared_ptr<graph const>>("body")};
    a.captures = captures_of(*a.body);
    auto const own = r.input_count() - std::min(a.captures, r.input_count());
    a.carried = own > 2 ? own - 2 : 0;
    if (a.body->inputs.size() != 2 + a.carried + a.captures || a.body->outputs.size() < 1 + a.carried ||
        r.output_count() > a.body->outputs.size() - 1)
      fail(error_code::malformed_model,
           "the body has {} inputs and {} outputs, expected {} inputs and at least {} outputs, as the node has",
           a.body->inputs.size() - std::min(a.captures, a.body->inputs.size()), a.body->outputs.size(), 2 + a.carried,
           1 + std::max(a.carried, r.output_count()));
    return a;
  }

  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const& a) {
    auto const first = first_carried(a, in.size());
    std::vector<operand> given{{{dtype::int64, shape{}}}, {{dtype::boolean, shape{}}}};
    for (auto i = first; i < in.size(); ++i) given.push_back({in[i], i < first + a.carried ? nullptr : in.tensor(i)});
    auto const found = infer_carried(*a.body, given, 2, 1, a.carried);
    types result(found.begin() + 1, found.end());
    auto const turns = known_turns(in, a);
    for (auto i = a.carried; i < result.size(); ++i) {
      auto& s = result[i].shape;
      if (s && turns)
        s->insert(0, *turns);
      else
        s.reset();
    }
    return result;
  }

  static std::size_t carried(attributes const& a) { return a.carried; }
  static control_form form(attributes const& a, std::size_t inputs) {
    control_form f{.bodies = {a.body}, .numbered = true, .first = first_carried(a, inputs), .carried = a.carried};
    if (f.first > 0) f.count = 0;
    if (f.first > 1) f.condition = 1;
    f.stacked.resize(a.stacked());
    return f;
  }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a, subgraph_runner& bodies) {
    auto const first = first_carried(a, in.size());
    auto const count = first > 0 && in[0] ? single<std::int64_t>(in[0], "the trip count") : INT64_MAX;
    bool goes_on = first < 2 || !in[1] || single<bool>(in[1], "the condition");
    std::vector<any_tensor> carried(in.begin() + static_cast<std::ptrdiff_t>(first),
                                    in.begin() + static_cast<std::ptrdiff_t>(first + a.carried));
    std::vector<any_tensor> const captured(in.begin() + static_cast<std::ptrdiff_t>(first + a.carried), in.end());
    std::vector<stack> stacks(a.stacked());
    std::int64_t turn = 0;
    for (; turn < count && goes_on; ++turn) {
      std::vector<any_tensor> operands{any_tensor::scalar(turn), any_tensor::scalar(true)};
      for (std::size_t i = 0; i < a.carried; ++i)
        operands.push_back(as_declared(carried[i], a.body->at(a.body->inputs[i + 2].value)));
      operands.insert(operands.end(), captured.begin(), captured.end());
      auto results = bodies.run(a.body, operands);
      goes_on = single<bool>(results[0], "the condition that the body gives");
      for (std::size_t i = 0; i < a.carried; ++i) carried[i] = std::move(results[i + 1]);
      for (std::size_t i = 0; i < stacks.size(); ++i) stacks[i].push(results[i + 1 + a.carried]);
    }
    if (turn == 0 && !stacks.empty()) start_empty(stacks, carried, captured, a);
    for (auto const& s : stacks) carried.push_back(s.take());
    return carried;
  }

 private:
  /// The number of turns where it is a constant and no condition ends them earlier: the body gives `true`, or on what
  /// it takes.
  static std::optional<std::int64_t> known_turns(inputs const& in, attributes const& a) {
    auto const first = first_carried(a, in.size());
    auto const count = first > 0 ? in.value(0) : std::nullopt;
    auto const start = first > 1 ? in.value(1) : std::nullopt;
    auto again = a.body->outputs[0].value;
    while (a.body->at(again).producer && a.body->at(a.body->at(again).producer).op == "Identity")
      again = a.body->at(a.body->at(again).producer).inputs[0];
    auto const& given = a.body->at(again).constant;
    auto const holds = [](tensor_view t) { return t.type == dtype::boolean && t.elements() == 1 && t.as<bool>()[0]; };
    bool const starts = first < 2 || !in.has(1) || (start && holds(*start));
    bool const goes_on = given ? holds(given.view()) : again == a.body->inputs[1].value;
    if (!count || count->type != dtype::int64 || count->elements() != 1 || !starts || !goes_on) return std::nullopt;
    return std::max<std::int64_t>(count->as<std::int64_t>()[0], 0);
  }

  /// The place of the first carried value among the node's inputs: behind the count and the condition.
  static std::size_t first_carried(attributes const& a, std::size_t inputs) { return inputs - a.captures - a.carried; }

  /// Types and shapes of scan outputs when the body never ran.
  static void start_empty(std::vector<stack>& stacks, std::vector<any_tensor> const& carried,
                          std::vector<any_tensor> const& captured, attributes const& a) {
    std::vector<operand> given{{{dtype::int64, shape{}}}, {{dtype::boolean, shape{}}}};
    for (auto const& t : carried) given.push_back({{t.type(), t.shape()}});
    for (auto const& t : captured) given.push_back({{t.type(), t.shape()}, &t});
    auto const found = infer_outputs(*a.body, given);
    for (std::size_t i = 0; i < stacks.size(); ++i) stacks[i].start(found[i + 1 + a.carried]);
  }
};

}  // namespace sinter

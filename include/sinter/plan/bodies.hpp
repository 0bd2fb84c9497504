#pragma once

#include <sinter/ops/control_form.hpp>
#include <sinter/plan/built.hpp>
#include <sinter/plan/kernel_set.hpp>
#include <sinter/plan/lowered.hpp>
#include <sinter/plan/splice.hpp>
#include <sinter/program/program.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace sinter::detail {

/// Plans a subgraph.
using body_planner = std::function<program(graph const&)>;

/// Builds the operation of a node with planned bodies: the steps of its subgraphs, control around them, and copies of
/// what turns pass on.
class bodies_builder {
 public:
  bodies_builder(graph const& g, operation const& op, kernel_set& kernels)
      : g_(g), n_(g.at(op.node)), op_(op), form_(*control_form_of(n_)), splicer_(made_, kernels) {}

  built build(body_planner const& plan) {
    std::vector<program> bodies;
    std::int64_t arena = 0;
    for (auto const& body : form_.bodies) {
      bodies.push_back(plan(*body));
      arena = std::max(arena, bodies.back().arena_bytes);
    }
    arena_ = temporary("the bodies", arena);
    if (form_.is_choice())
      build_choice(bodies);
    else
      build_turns(std::move(bodies[0]));
    for (auto& t : made_.code.temporaries) t.last = static_cast<std::int32_t>(made_.steps.size()) - 1;
    return std::move(made_);
  }

 private:
  address temporary(std::string name, std::int64_t bytes) { return made_.code.temporary(std::move(name), bytes, 0, 0); }
  view_binding temporary(std::string name, tensor_type const& type) {
    auto const bytes = static_cast<std::int64_t>(dense_bytes(type.element, *type.shape));
    return {.type = type, .where = temporary(std::move(name), bytes)};
  }

  template <typename Action>
  void add(char const* by, Action action) {
    made_.steps.push_back({.by = by, .action = std::move(action)});
  }

  void add_copy(view_binding from, view_binding to) {
    if (from.type.shape->elements() == 0 || (!from.constant && from.where == to.where)) return;
    add("copy", tensor_copy{.from = std::move(from), .to = std::move(to)});
  }

  /// A slice at the turn's position, to or from the whole.
  void add_slice(view_binding from, view_binding to, control_form::sliced const& how, shape const& whole) {
    if (whole.elements() == 0) return;
    add("copy", tensor_copy{.from = std::move(from),
                            .to = std::move(to),
                            .turn = turn_,
                            .axis = how.of(whole.rank()),
                            .backwards = how.backwards});
  }

  view_binding operand(std::size_t i) const {
    auto const& v = g_.at(n_.inputs[i]);
    if (op_.inputs[i] < 0) return {.type = v.type, .constant = v.constant};
    return {.type = v.type, .where = {.in = space::input, .index = static_cast<std::uint32_t>(i)}};
  }

  /// Where the node's output `i` is, or a place that nobody reads.
  view_binding result(std::size_t i, tensor_type const& type) {
    if (i >= n_.outputs.size() || !n_.outputs[i]) return temporary("an unused output", type);
    return {.type = type, .where = {.in = space::output, .index = static_cast<std::uint32_t>(i)}};
  }

  static tensor_type const& type_of_output(graph const& body, std::size_t i) {
    return body.at(body.outputs[i].value).type;
  }

  static address input(std::size_t i) { return {.in = space::input, .index = static_cast<std::uint32_t>(i)}; }

  void build_choice(std::vector<program>& bodies) {
    std::vector<address> captured, outputs;
    for (auto i = form_.first; i < n_.inputs.size(); ++i) captured.push_back(input(i));
    std::vector<view_binding> results;
    for (std::size_t i = 0; i < n_.outputs.size(); ++i) {
      results.push_back(result(i, type_of_output(*form_.bodies[0], i)));
      outputs.push_back(results.back().where);
    }
    add("branch", control{.what = control::kind::branch, .condition = operand(*form_.condition)});
    for (std::size_t b = 0; b < bodies.size(); ++b) {
      if (b > 0) add("branch", control{.what = control::kind::otherwise});
      auto const made = splicer_.append(std::move(bodies[b]), arena_, captured, outputs);
      for (std::size_t i = 0; i < results.size(); ++i) add_copy(made[i], results[i]);
    }
    add("branch", control{});
  }

  /// Turns write what they carry to the node's outputs, from where the next turn reads it.
  void build_turns(program body) {
    turn_ = temporary("the turn", {dtype::int64, shape{}});
    goes_on_ = temporary("the condition", {dtype::boolean, shape{}});
    std::vector<view_binding> carried;
    for (std::size_t i = 0; i < form_.carried; ++i) {
      carried.push_back(result(i, g_.at(n_.inputs[form_.first + i]).type));
      add_copy(operand(form_.first + i), carried[i]);
    }
    add_start();
    std::vector<address> inputs;
    if (form_.numbered) inputs = {turn_.where, goes_on_.where};
    for (auto const& c : carried) inputs.push_back(c.where);
    add_scanned(inputs);
    for (auto i = inputs.size() - form_.inputs_ahead() + form_.first; i < n_.inputs.size(); ++i)
      inputs.push_back(input(i));
    auto const made = splicer_.append(std::move(body), arena_, std::move(inputs));
    auto const ahead = form_.outputs_ahead();
    for (std::size_t i = 0; i < form_.stacked.size(); ++i) {
      auto const output = form_.carried + i;
      if (output >= n_.outputs.size() || !n_.outputs[output]) continue;
      auto const whole = result(output, g_.at(n_.outputs[output]).type);
      add_slice(made[ahead + output], whole, form_.stacked[i], *whole.type.shape);
    }
    std::vector<view_binding> next(made.begin() + static_cast<std::ptrdiff_t>(ahead),
                                   made.begin() + static_cast<std::ptrdiff_t>(ahead + form_.carried));
    if (form_.numbered) {
      next.push_back(made[0]);
      carried.push_back(goes_on_);
    }
    pass_on(std::move(next), carried);
    add("turns", control{});
  }

  /// The begin of the turns: as many as the count or the scanned slices are, while the condition holds.
  void add_start() {
    control start{.what = control::kind::repeat, .turn = turn_};
    if (form_.numbered) {
      add_copy(form_.condition ? single(operand(*form_.condition)) : constant(any_tensor::scalar(true)), goes_on_);
      start.condition = goes_on_;
    }
    if (form_.count) start.count = operand(*form_.count);
    if (!form_.scanned.empty()) {
      auto const& whole = *g_.at(n_.inputs[form_.first + form_.carried]).type.shape;
      start.count = constant(any_tensor::scalar(whole[form_.scanned[0].of(whole.rank())]));
    }
    add("turns", std::move(start));
  }

  static view_binding constant(any_tensor const& t) { return {.type = {t.type(), t.shape()}, .constant = t}; }
  /// One element as a scalar.
  static view_binding single(view_binding v) {
    v.type.shape = shape{};
    if (v.constant) v.constant = any_tensor::scalar(v.constant.template as<bool>()[0]);
    return v;
  }

  void add_scanned(std::vector<address>& inputs) {
    auto const& body = *form_.bodies[0];
    for (std::size_t i = 0; i < form_.scanned.size(); ++i) {
      auto const whole = operand(form_.first + form_.carried + i);
      auto const slice = temporary("a slice", body.at(body.inputs[inputs.size()].value).type);
      add_slice(whole, slice, form_.scanned[i], *whole.type.shape);
      inputs.push_back(slice.where);
    }
  }

  /// What a turn gives becomes what the next one takes. A value that it took under another number is saved first.
  void pass_on(std::vector<view_binding> made, std::vector<view_binding> const& carried) {
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (made[i].constant || made[i].where == carried[i].where) continue;
      bool const taken = std::ranges::any_of(carried, [&](view_binding const& c) {
        return c.where.in == made[i].where.in && c.where.index == made[i].where.index;
      });
      if (!taken) continue;
      auto const saved = temporary("a carried value", made[i].type);
      add_copy(std::exchange(made[i], saved), saved);
    }
    for (std::size_t i = 0; i < made.size(); ++i) add_copy(std::move(made[i]), carried[i]);
  }

  graph const& g_;
  node const& n_;
  operation const& op_;
  control_form const form_;
  built made_{};
  program_splicer splicer_;
  address arena_{};
  view_binding turn_{}, goes_on_{};
};

}  // namespace sinter::detail

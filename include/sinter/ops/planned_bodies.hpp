#pragma once

#include <sinter/ops/control_form.hpp>
#include <sinter/ops/operator.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

/// Part of the implementation: defines what ops/control_form.hpp declares.
namespace sinter {

namespace detail {

inline bool is_fixed(tensor_type const& t) { return t.element != dtype::undefined && is_plain(t.element) && t.shape; }

/// Whether planned steps can compute all of a graph.
inline bool has_fixed_shapes(graph const& g) {
  auto const fixed = [&](value_id v) { return !v || is_fixed(g.at(v).type); };
  if (!std::ranges::all_of(g.inputs, fixed, &port::value) || !std::ranges::all_of(g.outputs, fixed, &port::value))
    return false;
  return std::ranges::all_of(g.topological_order(), [&](node_id id) {
    auto const& n = g.at(id);
    if (!std::ranges::all_of(n.inputs, fixed) || !std::ranges::all_of(n.outputs, fixed)) return false;
    return !bind(n).allocates() || has_planned_bodies(g, n);
  });
}

/// The type of a slice of `whole`; none where it has no such axis.
inline std::optional<tensor_type> slice_type(tensor_type whole, control_form::sliced const& how) {
  auto const axis = how.of(whole.shape->rank());
  if (axis >= whole.shape->rank()) return std::nullopt;
  whole.shape->erase(axis);
  return whole;
}

/// Whether all that is scanned and stacked has the same number of slices, which exist.
inline bool lengths_agree(graph const& g, node const& n, control_form const& form) {
  if (form.scanned.empty()) return true;
  auto const length = [&](value_id v, control_form::sliced const& how) {
    auto const& s = *g.at(v).type.shape;
    return s[how.of(s.rank())];
  };
  auto const* const scanned = n.inputs.data() + form.first + form.carried;
  auto const turns = length(scanned[0], form.scanned[0]);
  for (std::size_t i = 1; i < form.scanned.size(); ++i)
    if (length(scanned[i], form.scanned[i]) != turns) return false;
  for (std::size_t i = 0; i < form.stacked.size() && form.carried + i < n.outputs.size(); ++i)
    if (auto const out = n.outputs[form.carried + i]; out && length(out, form.stacked[i]) != turns) return false;
  return true;
}

/// Whether the body of turns carries the types that it takes, and gives slices of what the node stacks.
inline bool turns_agree(graph const& g, node const& n, control_form const& form) {
  auto const& body = *form.bodies[0];
  auto const type = [&](port const& p) -> tensor_type const& { return body.at(p.value).type; };
  for (std::size_t i = 0; i < form.carried; ++i)
    if (type(body.inputs[form.inputs_ahead() + i]) != type(body.outputs[form.outputs_ahead() + i])) return false;
  for (std::size_t i = 0; i < form.stacked.size() && form.carried + i < n.outputs.size(); ++i) {
    auto const out = n.outputs[form.carried + i];
    if (!out) continue;
    auto const slice = slice_type(g.at(out).type, form.stacked[i]);
    if (!slice || *slice != type(body.outputs[form.outputs_ahead() + form.carried + i])) return false;
  }
  if (form.numbered && type(body.outputs[0]) != tensor_type{dtype::boolean, shape{}}) return false;
  return lengths_agree(g, n, form);
}

inline bool branches_agree(graph const& g, node const& n, control_form const& form) {
  return std::ranges::all_of(form.bodies, [&](auto const& body) {
    for (std::size_t i = 0; i < n.outputs.size(); ++i)
      if (n.outputs[i] && g.at(n.outputs[i]).type != body->at(body->outputs[i].value).type) return false;
    return true;
  });
}

/// Whether an input that is a count or condition is one element of this type, or omitted.
inline bool is_single(graph const& g, node const& n, std::optional<std::size_t> input, dtype element) {
  if (!input) return true;
  auto const& type = g.at(n.inputs[*input]).type;
  return type.element == element && type.shape && type.shape->elements() == 1;
}

}  // namespace detail

std::optional<control_form> control_form_of(node const& n) {
  auto const op = bind(n);
  if (!op.entry->form) return std::nullopt;
  auto form = op.entry->form(op.attributes.get(), n.inputs.size());
  for (auto* const input : {&form.count, &form.condition})
    if (*input && !n.inputs[**input]) input->reset();
  return form;
}

std::optional<std::vector<tensor_type>> body_input_types(graph const& g, node const& n, control_form const& form) {
  std::vector<tensor_type> all;
  if (form.numbered) all = {{dtype::int64, shape{}}, {dtype::boolean, shape{}}};
  for (auto i = form.first; i < n.inputs.size(); ++i) {
    if (!n.inputs[i] || !detail::is_fixed(g.at(n.inputs[i]).type)) return std::nullopt;
    auto type = g.at(n.inputs[i]).type;
    if (auto const scanned = i - form.first - form.carried;
        i >= form.first + form.carried && scanned < form.scanned.size()) {
      auto slice = detail::slice_type(type, form.scanned[scanned]);
      if (!slice) return std::nullopt;
      type = *slice;
    }
    all.push_back(type);
  }
  return all;
}

bool has_planned_bodies(graph const& g, node const& n) {
  auto const form = control_form_of(n);
  if (!form) return false;
  auto const given = body_input_types(g, n, *form);
  auto const fixed = [&](value_id v) { return !v || detail::is_fixed(g.at(v).type); };
  if (!given || !std::ranges::all_of(n.outputs, fixed)) return false;
  if (!detail::is_single(g, n, form->count, dtype::int64) || !detail::is_single(g, n, form->condition, dtype::boolean))
    return false;
  for (auto const& body : form->bodies) {
    if (body->inputs.size() != given->size()) return false;
    for (std::size_t i = 0; i < given->size(); ++i)
      if (body->at(body->inputs[i].value).type != (*given)[i]) return false;
    if (!detail::has_fixed_shapes(*body)) return false;
  }
  return form->is_choice() ? detail::branches_agree(g, n, *form) : detail::turns_agree(g, n, *form);
}

}  // namespace sinter

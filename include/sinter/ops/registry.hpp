#pragma once

// Part of ops/all.hpp: include that, once per program.

#include <sinter/ops/operator.hpp>

#include <algorithm>
#include <string>
#include <unordered_map>

namespace sinter {

namespace detail {

using operator_index = std::unordered_map<std::string_view, std::vector<operator_entry const*>>;

/// All definitions of each name, the latest first, domains mixed.
inline operator_index const& operators_by_name() {
  static operator_index const index = [] {
    operator_index made;
    for (auto const& entry : operator_table()) made[entry.schema.name].push_back(&entry);
    for (auto& [name, definitions] : made)
      std::ranges::sort(definitions, [](auto* a, auto* b) { return a->schema.since > b->schema.since; });
    return made;
  }();
  return index;
}

}  // namespace detail

operator_entry const* find_operator(std::string_view domain, std::string_view name, std::int64_t version) {
  auto const& index = detail::operators_by_name();
  auto const found = index.find(name);
  if (found == index.end()) return nullptr;
  for (auto const* entry : found->second)
    if (entry->schema.domain == domain && entry->schema.since <= version) return entry;
  return nullptr;
}

std::string describe(node const& n) {
  auto const op = n.domain.empty() ? n.op : n.domain + "." + n.op;
  return n.name.empty() ? fmt::format("a node without name ({})", op) : fmt::format("node '{}' ({})", n.name, op);
}

bound_operator bind(node const& n) {
  return with_context([&] { return describe(n); },
                      [&]() -> bound_operator {
                        auto const* entry = find_operator(n.domain, n.op, n.version);
                        if (!entry)
                          fail(error_code::unsupported_operator,
                               "the operator {} is not supported at version {} of its operator set", n.op, n.version);
                        auto const& schema = entry->schema;
                        auto const required = std::min(schema.min_inputs, n.inputs.size());
                        auto const given = std::ranges::count_if(
                            n.inputs.begin(), n.inputs.begin() + static_cast<std::ptrdiff_t>(required),
                            [](value_id id) { return static_cast<bool>(id); });
                        if (static_cast<std::size_t>(given) < schema.min_inputs)
                          fail(error_code::malformed_model, "the first {} inputs are required, {} of them are given",
                               schema.min_inputs, given);
                        if (n.inputs.size() > schema.max_inputs)
                          fail(error_code::malformed_model, "{} inputs are given, at most {} are expected",
                               n.inputs.size(), schema.max_inputs);
                        if (n.outputs.size() > schema.max_outputs)
                          fail(error_code::malformed_model, "{} outputs are named, at most {} are expected",
                               n.outputs.size(), schema.max_outputs);
                        return {entry, entry->parse(attribute_reader(n))};
                      });
}

types infer(graph const& g, node const& n) {
  auto const op = bind(n);
  std::vector<operand> operands;
  for (auto const in : n.inputs) {
    if (!in) {
      operands.emplace_back();
      continue;
    }
    auto const& v = g.at(in);
    operands.push_back({v.type, v.is_constant() ? &v.constant : nullptr});
  }
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!n.inputs[i] || operands[i].type.shape) continue;
    types unknown;
    for (auto const out : n.outputs) unknown.push_back(unknown_shape(out ? g.at(out).type.element : dtype::undefined));
    return unknown;
  }
  return with_context([&] { return describe(n); }, [&] { return op.infer(inputs(operands)); });
}

std::optional<std::vector<std::int64_t>> inputs::integers(std::size_t i) const {
  auto const view = value(i);
  if (!view) return std::nullopt;
  if (view->type == dtype::int64) {
    auto const span = view->as<std::int64_t>();
    return std::vector<std::int64_t>(span.begin(), span.end());
  }
  auto const span = view->as<std::int32_t>();
  return std::vector<std::int64_t>(span.begin(), span.end());
}

}  // namespace sinter

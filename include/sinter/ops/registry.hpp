#pragma once

// Part of ops/all.hpp: include that, once per program.

#include <sinter/ops/operator.hpp>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

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

namespace detail {

inline void check_counts(op_schema const& schema, node const& n) {
  auto const required = std::min(schema.min_inputs, n.inputs.size());
  auto const given =
      static_cast<std::size_t>(std::count_if(n.inputs.begin(), n.inputs.begin() + static_cast<std::ptrdiff_t>(required),
                                             [](value_id id) { return static_cast<bool>(id); }));
  if (given < schema.min_inputs)
    fail(error_code::malformed_model, "the first {} inputs are required, {} of them are given", schema.min_inputs,
         given);
  if (n.inputs.size() > schema.max_inputs)
    fail(error_code::malformed_model, "{} inputs are given, at most {} are expected", n.inputs.size(),
         schema.max_inputs);
  if (n.outputs.size() > schema.max_outputs)
    fail(error_code::malformed_model, "{} outputs are named, at most {} are expected", n.outputs.size(),
         schema.max_outputs);
}

[[noreturn]] inline void refuse_operator(node const& n) {
  auto const same_domain = [&](operator_entry const& e) { return e.schema.domain == n.domain; };
  bool const known = std::ranges::any_of(operator_table(), same_domain);
  fail(error_code::unsupported_operator, "the operator {} is not supported at version {} of its operator set{}", n.op,
       n.version,
       known ? "" : "; operators of your own are given to sinter::load, as options::operators, and to nothing else");
}

/// An attribute that nothing reads would be ignored, and the results silently wrong.
inline void check_all_read(attribute_reader const& r, node const& n) {
  if (n.domain.empty() && n.version < 6) r.ignore("consumed_inputs");  // which inputs may be overwritten
  auto unknown = r.unread();
  std::erase_if(unknown,
                [](std::string_view name) { return name.starts_with("__"); });  // notes, as ONNX's checker says
  if (unknown.empty()) return;
  fail(error_code::unsupported_feature, "{} at version {} of its operator set does not know the attribute{} '{}'", n.op,
       n.version, unknown.size() == 1 ? "" : "s", fmt::join(unknown, "', '"));
}

}  // namespace detail

bound_operator bind(node const& n) {
  if (n.bound && n.bound->describes(n)) return n.bound->found;
  return with_context([&] { return describe(n); },
                      [&]() -> bound_operator {
                        auto const* entry = find_operator(n.domain, n.op, n.version);
                        if (!entry) detail::refuse_operator(n);
                        detail::check_counts(entry->schema, n);
                        attribute_reader const reader(n);
                        auto attributes = entry->parse(reader);
                        detail::check_all_read(reader, n);
                        return {entry, std::move(attributes), n.outputs.size()};
                      });
}

void keep_bound(node& n) {
  if (n.bound && n.bound->describes(n)) return;
  bound_node made{.domain = n.domain, .op = n.op, .version = n.version, .attributes = n.attributes, .found = bind(n)};
  for (auto const in : n.inputs) made.inputs.push_back(static_cast<bool>(in));
  n.bound = std::make_shared<bound_node const>(std::move(made));
}

types infer(node const& n, std::span<operand const> operands) {
  auto const op = bind(n);
  return with_context([&] { return describe(n); },
                      [&] {
                        for (std::size_t i = 0; i < operands.size(); ++i)
                          if (n.inputs[i] && operands[i].type.element == dtype::undefined)
                            fail(error_code::malformed_model, "the element type of input {} is not known", i);
                        auto found = op.infer(inputs(operands));
                        if (found.size() < n.outputs.size())
                          fail(error_code::malformed_model, "the node names {} outputs, the operator has {}",
                               n.outputs.size(), found.size());
                        found.resize(n.outputs.size());
                        return found;
                      });
}

std::vector<operand> operands_of(graph const& g, node const& n) {
  std::vector<operand> operands;
  for (auto const in : n.inputs)
    operands.push_back(in ? operand{g.at(in).type, g.at(in).is_constant() ? &g.at(in).constant : nullptr} : operand{});
  return operands;
}

types infer(graph const& g, node const& n) { return infer(n, operands_of(g, n)); }

void expect_declared(value const& output, dtype found) {
  auto const declared = output.type.element;
  if (declared != dtype::undefined && declared != found)
    fail(error_code::malformed_model, "the output '{}' of the graph is declared as {}, what computes it gives {}",
         output.name, name(declared), name(found));
}

std::optional<std::vector<tensor_view>> inputs::counted() const {
  if (!counts_) return std::nullopt;
  std::vector<tensor_view> views;
  for (auto const& o : operands_) {
    if (o.type.element != dtype::undefined && !o.value) return std::nullopt;
    views.push_back(o.value ? o.value->view() : tensor_view{});
  }
  return views;
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

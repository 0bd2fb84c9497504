#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/ops/operator.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What passes ask about nodes and values.
namespace sinter::passes {

/// Whether `n` is the operator `op` of ai.onnx.
inline bool is(node const& n, std::string_view op) { return n.op == op && n.domain.empty(); }

/// Whether `n` is the operator `op` of the domain `sinter`.
inline bool is_fused(node const& n, std::string_view op) { return n.op == op && n.domain == "sinter"; }

/// The node that produces input `slot` of `n`, or null.
inline node const* producer(graph const& g, node const& n, std::size_t slot) {
  if (slot >= n.inputs.size() || !n.inputs[slot]) return nullptr;
  auto const id = g.at(n.inputs[slot]).producer;
  return id ? &g.at(id) : nullptr;
}

/// Whether one use is all that a value has: no second one, and it is no graph output.
inline bool used_once(graph const& g, value_id id) { return g.at(id).users.size() == 1 && !g.is_output(id); }

/// An attribute of the type T, or `otherwise` where the node lacks it.
template <typename T>
T attribute_or(node const& n, std::string_view name, T otherwise) {
  auto const it = n.attributes.find(name);
  if (it == n.attributes.end()) return otherwise;
  auto const* found = std::get_if<T>(&it->second);
  return found ? *found : std::move(otherwise);
}

/// The constant that input `slot` of `n` is, or null.
inline any_tensor const* constant_input(graph const& g, node const& n, std::size_t slot) {
  if (slot >= n.inputs.size() || !n.inputs[slot] || !g.at(n.inputs[slot]).is_constant()) return nullptr;
  return &g.at(n.inputs[slot]).constant;
}

/// The constant float32 tensor that input `slot` of `n` is, or null.
inline any_tensor const* float_input(graph const& g, node const& n, std::size_t slot) {
  auto const* c = constant_input(g, n, slot);
  return c && c->type() == dtype::float32 ? c : nullptr;
}

/// The elements of a constant int64 or int32 input.
inline std::optional<std::vector<std::int64_t>> integers(graph const& g, node const& n, std::size_t slot) {
  auto const* c = constant_input(g, n, slot);
  if (!c) return std::nullopt;
  if (c->type() == dtype::int64) {
    auto const view = c->as<std::int64_t>();
    return std::vector<std::int64_t>(view.begin(), view.end());
  }
  if (c->type() != dtype::int32) return std::nullopt;
  auto const view = c->as<std::int32_t>();
  return std::vector<std::int64_t>(view.begin(), view.end());
}

/// The integers of an input, or of the attribute that older versions of the operator have in its place.
inline std::optional<std::vector<std::int64_t>> integers(graph const& g, node const& n, std::size_t slot,
                                                         std::string_view name) {
  if (auto const it = n.attributes.find(name); it != n.attributes.end())
    if (auto const* list = std::get_if<std::vector<std::int64_t>>(&it->second)) return *list;
  return integers(g, n, slot);
}

/// The one element of a constant float32 input that has one.
inline std::optional<float> scalar_input(graph const& g, node const& n, std::size_t slot) {
  auto const* c = float_input(g, n, slot);
  if (!c || c->elements() != 1) return std::nullopt;
  return c->as<float>()[0];
}

/// The elements of `t` for each of `channels` indices of the axis that has `trailing` axes behind it, when `t`
/// broadcasts along all other axes; a tensor of one element counts for all channels. None if `t` does not fit.
inline std::optional<std::vector<float>> per_channel(any_tensor const& t, std::int64_t channels, std::size_t trailing) {
  if (t.type() != dtype::float32) return std::nullopt;
  auto const rank = t.shape().rank();
  auto const elements = t.elements();
  if (elements == 1) return std::vector<float>(static_cast<std::size_t>(channels), t.as<float>()[0]);
  if (elements != static_cast<std::size_t>(channels) || rank <= trailing) return std::nullopt;
  if (t.shape()[rank - 1 - trailing] != channels) return std::nullopt;
  return std::vector<float>(t.as<float>().begin(), t.as<float>().end());
}

}  // namespace sinter::passes

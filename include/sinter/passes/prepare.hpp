#pragma once

#include <sinter/core/hash.hpp>
#include <sinter/core/tensor.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/passes/pass.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>

/// The first chapter of a compilation: what is done once for a model, whatever the shapes of its inputs.
namespace sinter {

/// A graph between the chapters, and what its passes did so far.
struct rewritten_graph {
  graph g{};
  rewrite_totals done{};
  /// The graph without rewrites, which took defaults of inputs for constants; without inputs where no input has one.
  graph imported{};
};

namespace detail {

/// Sets the shapes of inputs that the model declares without open dimensions. Returns whether all are known.
inline bool set_declared_shapes(graph& g) {
  bool all = true;
  for (auto const& p : g.inputs) {
    auto& type = g.at(p.value).type;
    if (!type.shape) type.shape = static_shape(p.declared);
    all = all && type.shape;
  }
  return all;
}

/// Forgets constants that nobody reads, and numbers those that passes made, equal ones alike: no later chapter hashes
/// their bytes.
inline void settle_constants(graph& g) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> numbers;
  for (std::size_t i = 0; i < g.value_count(); ++i) {
    value_id const id{static_cast<std::int32_t>(i)};
    auto& v = g.at(id);
    if (!v.is_constant()) continue;
    if (v.users.empty() && !g.is_output(id) && !g.is_input(id)) {
      v.constant = {};
    } else if (is_plain(v.constant.type()) && v.constant.number() == 0) {
      auto const* bytes = static_cast<std::byte const*>(std::as_const(v.constant).data());
      auto const d = content_digest({bytes, v.constant.bytes()});
      v.constant.set_number(numbers.try_emplace(std::pair(d.high, d.low), next_tensor_number()).first->second);
    }
  }
}

}  // namespace detail

/// Checks that the library has all operators of a graph, and runs the passes that need no shapes. Inputs that have a
/// default are taken for constants. A graph whose input shapes are all known is left to `bind`, which runs all passes.
/// Errors: unsupported_operator, with all of them; those of passes.
inline rewritten_graph prepare(graph g, optimize_options const& how = {}) {
  check_supported(g);
  rewritten_graph result{.g = std::move(g)};
  if (detail::set_declared_shapes(result.g)) return result;
  if (std::ranges::any_of(result.g.inputs, [&](port const& p) { return result.g.at(p.value).is_constant(); }))
    result.imported = result.g;
  result.done = run_passes(result.g, shapes::open, how);
  detail::settle_constants(result.g);
  for (auto const id : result.g.topological_order()) keep_bound(result.g.at(id));
  return result;
}

}  // namespace sinter

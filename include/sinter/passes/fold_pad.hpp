#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

#include <limits>

namespace sinter::passes {

namespace detail {

/// A Pad of the spatial axes with one value: begins, then ends.
struct spatial_padding {
  std::vector<std::int64_t> pads{};
  float value = 0;
};

/// What a Pad node adds, if it adds one float value around the spatial axes only and cuts nothing off.
inline std::optional<spatial_padding> read_padding(graph const& g, node const& n) {
  if (attribute_or<std::string>(n, "mode", "constant") != "constant") return std::nullopt;
  auto const& type = g.at(n.inputs[0]).type;
  if (type.element != dtype::float32 || !type.shape || type.shape->rank() < 3) return std::nullopt;
  if (n.inputs.size() > 3 && n.inputs[3]) return std::nullopt;  // a choice of axes
  auto const all = integers(g, n, 1, "pads");
  auto const rank = type.shape->rank();
  if (!all || all->size() != 2 * rank) return std::nullopt;
  spatial_padding p{.pads = {}, .value = attribute_or(n, "value", 0.0f)};
  if (n.inputs.size() > 2 && n.inputs[2]) {
    auto const value = scalar_input(g, n, 2);
    if (!value) return std::nullopt;
    p.value = *value;
  }
  for (std::size_t i = 0; i < all->size(); ++i) {
    if ((*all)[i] < 0 || (i % rank < 2 && (*all)[i] != 0)) return std::nullopt;
    if (i % rank >= 2) p.pads.push_back((*all)[i]);
  }
  return p;
}

inline bool is_zero_list(std::vector<std::int64_t> const& list) {
  return std::ranges::all_of(list, [](auto v) { return v == 0; });
}

/// Whether window operator `n` may do the padding `p` of its input itself.
inline bool absorbs_padding(node const& n, spatial_padding const& p) {
  if (is_fused(n, "Conv")) return p.value == 0;
  auto const mode = attribute_or<std::string>(n, "auto_pad", "NOTSET");
  if ((mode != "NOTSET" && mode != "VALID") || attribute_or<std::int64_t>(n, "ceil_mode", 0) != 0) return false;
  if (is(n, "MaxPool")) return n.outputs.size() == 1 && p.value <= std::numeric_limits<float>::lowest();
  if (!is(n, "AveragePool") || p.value != 0) return false;
  auto const own = attribute_or(n, "pads", std::vector<std::int64_t>{});
  return mode == "VALID" || is_zero_list(own) || attribute_or<std::int64_t>(n, "count_include_pad", 0) != 0;
}

}  // namespace detail

/// Lets sinter.Conv and AveragePool do the zero Pad of their input by themselves, and MaxPool one of minus infinity.
inline void fold_pad(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const* pad = g.at(id).inputs.empty() ? nullptr : producer(g, g.at(id), 0);
    if (!pad || !is(*pad, "Pad")) return;
    auto const p = detail::read_padding(g, *pad);
    if (!p || !detail::absorbs_padding(g.at(id), *p)) return;
    auto& attributes = g.at(id).attributes;
    auto pads = attribute_or(g.at(id), "pads", std::vector<std::int64_t>{});
    pads.resize(p->pads.size(), 0);
    for (std::size_t i = 0; i < pads.size(); ++i) pads[i] = checked_add(pads[i], p->pads[i]);
    attributes["pads"] = pads;
    attributes.erase("auto_pad");
    if (is(g.at(id), "AveragePool")) attributes["count_include_pad"] = std::int64_t{1};
    auto const padded = g.at(id).inputs[0];
    g.set_input(id, 0, pad->inputs[0]);
    if (g.at(padded).users.empty() && !g.is_output(padded)) g.erase(g.at(padded).producer);
    r.rewrote();
  });
}

}  // namespace sinter::passes

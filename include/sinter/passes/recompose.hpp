#pragma once

#include <sinter/ops/fused_elementwise.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/eliminate_transposes.hpp>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace sinter::passes {

namespace detail {

/// Whether `n` is the mean over exactly the axes from `first` on.
inline bool averages_from(graph const& g, node const& n, std::size_t first) {
  if (is(n, "GlobalAveragePool")) return first == 2;
  if (!is(n, "ReduceMean") || !g.at(n.inputs[0]).type.shape) return false;
  auto const rank = static_cast<std::int64_t>(g.at(n.inputs[0]).type.shape->rank());
  auto axes = integers(g, n, 1, "axes");
  if (!axes) return false;
  for (auto& axis : *axes)
    if (axis < 0) axis += rank;
  std::ranges::sort(*axes);
  if (static_cast<std::int64_t>(axes->size()) != rank - static_cast<std::int64_t>(first)) return false;
  for (std::size_t i = 0; i < axes->size(); ++i)
    if ((*axes)[i] != static_cast<std::int64_t>(first + i)) return false;
  return true;
}

/// Whether `n` is an AveragePool of one window that is the whole plane.
inline bool averages_plane(graph const& g, node const& n) {
  if (!is(n, "AveragePool")) return false;
  auto const& type = g.at(n.inputs[0]).type;
  if (!type.shape) return false;
  auto const kernel = attribute_or(n, "kernel_shape", std::vector<std::int64_t>{});
  auto const pads = attribute_or(n, "pads", std::vector<std::int64_t>{});
  auto const mode = attribute_or<std::string>(n, "auto_pad", "NOTSET");
  return (mode == "NOTSET" || mode == "VALID") && std::ranges::equal(kernel, type.shape->span().subspan(2)) &&
         std::ranges::all_of(pads, [](auto v) { return v == 0; });
}

inline bool recompose_pool(graph& g, node_id id) {
  auto const& n = g.at(id);
  if (is(n, "GlobalAveragePool") || (!averages_plane(g, n) && !averages_from(g, n, 2))) return false;
  auto const source = n.inputs[0], out = n.outputs[0];
  auto const extents = *g.at(source).type.shape;
  if (extents.rank() < 3 || g.at(source).type.element != dtype::float32) return false;
  node pool{.op = "GlobalAveragePool", .version = 1, .inputs = {source}};
  if (g.at(out).type.shape->rank() == extents.rank()) {
    replace_node(g, id, std::move(pool));
    return true;
  }
  shape pooled{extents[0], extents[1]};
  while (pooled.rank() < extents.rank()) pooled.push_back(1);
  auto const average = g.add_value(g.at(out).name + "_pooled", {dtype::float32, pooled});
  pool.outputs = {average};
  pool.name = n.name;
  g.add_node(std::move(pool));
  auto const flat = *g.at(out).type.shape;
  replace_node(g, id, reshape_node(g, average, flat));
  return true;
}

/// The parts of a layer normalisation of `x` over its last axis that is written out.
struct written_normalization {
  value_id x{};
  float epsilon = 0;
};

/// Whether `n` squares `d`.
inline bool squares(graph const& g, node const& n, value_id d) {
  if (is(n, "Mul")) return n.inputs[0] == d && n.inputs[1] == d;
  return is(n, "Pow") && n.inputs[0] == d && scalar_input(g, n, 1) == 2.0f;
}

/// Reads (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon), of which `n` is the division.
inline std::optional<written_normalization> read_normalization(graph const& g, node const& n) {
  auto const* centred = producer(g, n, 0);
  auto const* root = producer(g, n, 1);
  if (!centred || !root || !is(*centred, "Sub") || !is(*root, "Sqrt")) return std::nullopt;
  auto const x = centred->inputs[0];
  if (g.at(x).type.element != dtype::float32 || !g.at(x).type.shape || g.at(x).type.shape->empty()) return std::nullopt;
  auto const last = g.at(x).type.shape->rank() - 1;
  auto const* mean = producer(g, *centred, 1);
  auto const* sum = producer(g, *root, 0);
  if (!mean || !averages_from(g, *mean, last) || mean->inputs[0] != x || !sum || !is(*sum, "Add")) return std::nullopt;
  auto const epsilon = scalar_input(g, *sum, 1);
  auto const* variance = producer(g, *sum, 0);
  if (!epsilon || !variance || !averages_from(g, *variance, last)) return std::nullopt;
  auto const* square = producer(g, *variance, 0);
  if (!square || !squares(g, *square, n.inputs[0])) return std::nullopt;
  return written_normalization{x, *epsilon};
}

/// The only user of `id` if it is `op` with a constant vector as long as the last axis; the slot of that in `slot`.
inline node_id scaling_user(graph const& g, value_id id, std::string_view op, std::size_t& slot) {
  if (!used_once(g, id)) return {};
  auto const user = g.at(id).users[0];
  auto const& n = g.at(user);
  if (!is(n, op) || n.inputs[0] == n.inputs[1]) return {};
  slot = n.inputs[0] == id ? 1 : 0;
  auto const* c = float_input(g, n, slot);
  return c && c->shape() == shape{g.at(id).type.shape->back()} ? user : node_id{};
}

inline bool recompose_layer_normalization(graph& g, node_id id) {
  if (!is(g.at(id), "Div")) return false;
  auto const found = read_normalization(g, g.at(id));
  if (!found) return false;
  std::size_t slot = 0;
  auto const scale = scaling_user(g, g.at(id).outputs[0], "Mul", slot);
  if (!scale) return false;
  node fused{.op = "LayerNormalization", .version = 17, .inputs = {found->x, g.at(scale).inputs[slot]}};
  fused.attributes = {{"axis", std::int64_t{-1}}, {"epsilon", found->epsilon}};
  auto last = scale;
  if (auto const shift = scaling_user(g, g.at(scale).outputs[0], "Add", slot)) {
    fused.inputs.push_back(g.at(shift).inputs[slot]);
    last = shift;
  }
  replace_node(g, last, std::move(fused));
  return true;
}

/// A group normalisation that is written out: x as [N, groups, …], InstanceNormalization of that, and back.
struct written_groups {
  value_id x{};
  std::int64_t groups = 1;
  float epsilon = 0;
  std::vector<float> scale{}, shift{};  ///< of each channel
};

/// Reads such a normalisation, of which `n` is the Reshape at its end.
inline std::optional<written_groups> read_groups(graph const& g, node const& n) {
  auto const* const norm = is(n, "Reshape") ? producer(g, n, 0) : nullptr;
  if (!norm || !is(*norm, "InstanceNormalization") || !used_once(g, n.inputs[0])) return std::nullopt;
  auto const* const split = producer(g, *norm, 0);
  if (!split || !is(*split, "Reshape")) return std::nullopt;
  auto const x = split->inputs[0];
  auto const &type = g.at(x).type, &parts = g.at(norm->inputs[0]).type, &out = g.at(n.outputs[0]).type;
  auto const *scale = float_input(g, *norm, 1), *shift = float_input(g, *norm, 2);
  if (type.element != dtype::float32 || !type.shape || !parts.shape || out.shape != type.shape || !scale || !shift)
    return std::nullopt;
  auto const &s = *type.shape, &p = *parts.shape;
  if (s.rank() < 3 || p.rank() < 3 || s.elements() == 0 || s[0] != p[0] || s[1] % p[1] != 0) return std::nullopt;
  written_groups found{.x = x, .groups = p[1], .epsilon = attribute_or(*norm, "epsilon", 1e-5f)};
  for (std::int64_t c = 0; c < s[1]; ++c) {
    auto const group = static_cast<std::size_t>(c / (s[1] / p[1]));
    found.scale.push_back(scale->as<float>()[group]);
    found.shift.push_back(shift->as<float>()[group]);
  }
  return found;
}

/// The only user of `id` if it is `op` with a constant for each channel or for all: that and its values.
inline std::optional<std::pair<node_id, std::vector<float>>> channel_user(graph const& g, value_id id,
                                                                          std::string_view op) {
  if (!used_once(g, id)) return std::nullopt;
  auto const user = g.at(id).users[0];
  auto const& n = g.at(user);
  auto const& s = *g.at(id).type.shape;
  if (!is(n, op) || g.at(n.outputs[0]).type.shape != g.at(id).type.shape) return std::nullopt;
  auto const* const c = float_input(g, n, n.inputs[0] == id ? 1 : 0);
  auto values = c ? per_channel(*c, s[1], s.rank() - 2) : std::nullopt;
  if (!values) return std::nullopt;
  return std::pair(user, std::move(*values));
}

inline bool recompose_group_normalization(graph& g, node_id id) {
  auto found = read_groups(g, g.at(id));
  if (!found) return false;
  auto last = id;
  auto const scale_all = [](std::vector<float>& to, std::vector<float> const& by) {
    std::ranges::transform(to, by, to.begin(), std::multiplies<>());
  };
  if (auto const scaling = channel_user(g, g.at(last).outputs[0], "Mul")) {
    last = scaling->first;
    scale_all(found->scale, scaling->second);
    scale_all(found->shift, scaling->second);
  }
  if (auto const shifting = channel_user(g, g.at(last).outputs[0], "Add")) {
    last = shifting->first;
    std::ranges::transform(found->shift, shifting->second, found->shift.begin(), std::plus<>());
  }
  auto const name = g.at(g.at(last).outputs[0]).name;
  auto const channels = static_cast<std::int64_t>(found->scale.size());
  auto const scale = g.add_constant(name + "_scale", any_tensor::of<float>({channels}, found->scale));
  auto const shift = g.add_constant(name + "_shift", any_tensor::of<float>({channels}, found->shift));
  node fused{.op = "GroupNormalization", .version = 21, .inputs = {found->x, scale, shift}};
  fused.attributes = {{"num_groups", found->groups}, {"epsilon", found->epsilon}};
  replace_node(g, last, std::move(fused));
  return true;
}

/// Where(IsNaN(x), 0, x) as one pointwise function.
inline bool recompose_nan_guard(graph& g, node_id id) {
  auto const& n = g.at(id);
  auto const* const test = is(n, "Where") ? producer(g, n, 0) : nullptr;
  if (!test || !is(*test, "IsNaN") || test->inputs[0] != n.inputs[2] || scalar_input(g, n, 1) != 0.0f) return false;
  auto const &x = g.at(n.inputs[2]).type, &y = g.at(n.outputs[0]).type;
  if (x.element != dtype::float32 || x.shape != y.shape) return false;
  node fused{.domain = "sinter", .op = "Elementwise", .version = 1, .inputs = {n.inputs[2]}};
  fused.attributes = {{"function", expr::print(zero_for_nan())}};
  replace_node(g, id, std::move(fused));
  return true;
}

}  // namespace detail

/// Finds operators that a model writes out in smaller ones: GlobalAveragePool written as ReduceMean over the spatial
/// axes or as an AveragePool of the whole plane, LayerNormalization over the last axis written as ReduceMean, Sub, Pow,
/// Sqrt and Div, GroupNormalization written as InstanceNormalization between Reshapes, a function that replaces NaN
/// written as IsNaN and Where. What they leave without users is dead.
inline void recompose(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    if (detail::recompose_pool(g, id) || detail::recompose_layer_normalization(g, id) ||
        detail::recompose_group_normalization(g, id) || detail::recompose_nan_guard(g, id))
      r.rewrote();
  });
}

}  // namespace sinter::passes

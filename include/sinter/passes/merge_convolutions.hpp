#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

namespace sinter::passes {

namespace detail {

using int_list = std::vector<std::int64_t>;

/// One summand of the addition: weights over a window of the common input.
struct branch {
  any_tensor weights{};  ///< none: the input itself
  any_tensor bias{};     ///< none: zero
  int_list kernel{};
  int_list pads{};
};

/// The convolution that produces `id` for one user, if its weights are constant and it has no epilogue.
inline node_id plain_convolution(graph const& g, value_id id) {
  auto const source = g.at(id).producer;
  if (!source || !used_once(g, id)) return {};
  auto const& n = g.at(source);
  if (!is_fused(n, "Conv") || n.attributes.contains("epilogue") || !float_input(g, n, 1)) return {};
  auto const* bias = float_input(g, n, 2);
  if (n.inputs.size() > 2 && n.inputs[2] && (!bias || bias->shape() != shape{constant_input(g, n, 1)->shape()[0]}))
    return {};
  return source;
}

inline branch read_branch(graph const& g, node const& n) {
  auto const* bias = constant_input(g, n, 2);
  return {.weights = *constant_input(g, n, 1),
          .bias = bias ? *bias : any_tensor{},
          .kernel = attribute_or(n, "kernel_shape", int_list{}),
          .pads = attribute_or(n, "pads", int_list{})};
}

/// Whether the window of `small` lies within that of `large` for every output.
inline bool covers(branch const& large, branch const& small) {
  auto const rank = large.kernel.size();
  for (std::size_t i = 0; i < rank; ++i) {
    auto const begin = large.pads[i] - small.pads[i], end = large.pads[rank + i] - small.pads[rank + i];
    if (begin < 0 || end < 0 || begin + small.kernel[i] + end != large.kernel[i]) return false;
  }
  return true;
}

/// Where in the window of `large` the element `k` (row-major) of the window of `small` lies.
inline std::size_t place_in(branch const& large, branch const& small, std::size_t k) {
  std::size_t place = 0, step = 1;
  for (std::size_t i = large.kernel.size(); i-- > 0;) {
    auto const extent = static_cast<std::size_t>(small.kernel[i]);
    place += (k % extent + static_cast<std::size_t>(large.pads[i] - small.pads[i])) * step;
    k /= extent;
    step *= static_cast<std::size_t>(large.kernel[i]);
  }
  return place;
}

/// The weights of `large` with those of `small` added.
inline any_tensor added_weights(branch const& large, branch const& small) {
  auto const& extents = large.weights.shape();
  auto sum = any_tensor::of<float>(extents, large.weights.as<float>());
  auto* const to = static_cast<float*>(sum.data());
  auto const planes = extents.elements(0, 2), plane = extents.elements(2, extents.rank());
  if (small.weights) {
    auto const from = small.weights.as<float>();
    auto const taps = small.weights.shape().elements(2, extents.rank());
    for (std::size_t p = 0; p < planes; ++p)
      for (std::size_t k = 0; k < taps; ++k) to[p * plane + place_in(large, small, k)] += from[p * taps + k];
    return sum;
  }
  auto const inputs = static_cast<std::size_t>(extents[1]);  // of each group, as many as it has outputs
  for (std::size_t out = 0; out < planes / inputs; ++out)
    to[(out * inputs + out % inputs) * plane + place_in(large, small, 0)] += 1.0f;
  return sum;
}

inline any_tensor added_bias(branch const& a, branch const& b) {
  any_tensor sum(dtype::float32, {a.weights.shape()[0]});
  auto* const to = static_cast<float*>(sum.data());
  for (auto const* part : {&a, &b})
    if (part->bias)
      for (std::size_t i = 0; i < sum.elements(); ++i) to[i] += part->bias.as<float>()[i];
  return sum;
}

/// Whether two convolutions differ in their windows only.
inline bool parallel(graph const& g, node const& a, node const& b) {
  auto const &v = *g.at(a.inputs[1]).type.shape, &w = *g.at(b.inputs[1]).type.shape;
  if (a.inputs[0] != b.inputs[0] || v.rank() != w.rank() || v[0] != w[0] || v[1] != w[1]) return false;
  if (attribute_or<std::int64_t>(a, "group", 1) != attribute_or<std::int64_t>(b, "group", 1)) return false;
  auto const ones = [](node const& n) {
    return std::ranges::all_of(attribute_or(n, "dilations", int_list{}), [](auto d) { return d == 1; });
  };
  return attribute_or(a, "strides", int_list{}) == attribute_or(b, "strides", int_list{}) && ones(a) && ones(b);
}

/// Whether `n` can add its input to its output: stride 1, as many outputs as inputs in each group.
inline bool keeps_channels(graph const& g, node const& n) {
  auto const& w = *g.at(n.inputs[1]).type.shape;
  auto const ones = [](auto const& list) { return std::ranges::all_of(list, [](auto d) { return d == 1; }); };
  return w[1] > 0 && w[0] == checked_mul(w[1], attribute_or<std::int64_t>(n, "group", 1)) &&
         ones(attribute_or(n, "strides", int_list{})) && ones(attribute_or(n, "dilations", int_list{}));
}

/// Makes convolution `id` compute `out` with the summand `small` added.
inline void add_branch(rewriter& r, node_id id, branch const& large, branch const& small, value_id out) {
  auto& g = r.get();
  r.fold_budget().charge(large.weights.bytes());
  auto const name = g.at(g.at(id).inputs[1]).name;
  auto const weights = g.add_constant(name + "_merged", added_weights(large, small));
  auto const bias = g.add_constant(name + "_merged_bias", added_bias(large, small));
  set_inputs(g, id, {g.at(id).inputs[0], weights, bias});
  take_output(g, id, 0, out);
}

/// Merges the addition `id` of two convolutions of one input.
inline bool merge_pair(rewriter& r, node_id id) {
  auto& g = r.get();
  auto const a = plain_convolution(g, g.at(id).inputs[0]), b = plain_convolution(g, g.at(id).inputs[1]);
  if (!a || !b || a == b || !parallel(g, g.at(a), g.at(b))) return false;
  auto const first = read_branch(g, g.at(a)), second = read_branch(g, g.at(b));
  bool const first_larger = covers(first, second);
  if (!first_larger && !covers(second, first)) return false;
  auto const out = g.at(id).outputs[0];
  g.erase(id);
  g.erase(first_larger ? b : a);
  if (first_larger)
    add_branch(r, a, first, second, out);
  else
    add_branch(r, b, second, first, out);
  return true;
}

/// Merges the addition `id` of a convolution and its own input.
inline bool merge_input(rewriter& r, node_id id) {
  auto& g = r.get();
  for (std::size_t slot = 0; slot < 2; ++slot) {
    auto const source = plain_convolution(g, g.at(id).inputs[slot]);
    if (!source || g.at(source).inputs[0] != g.at(id).inputs[1 - slot] || !keeps_channels(g, g.at(source))) continue;
    auto const large = read_branch(g, g.at(source));
    auto const rank = large.kernel.size();
    branch const small{.weights = {}, .bias = {}, .kernel = int_list(rank, 1), .pads = int_list(2 * rank, 0)};
    if (!covers(large, small)) continue;
    auto const out = g.at(id).outputs[0];
    g.erase(id);
    add_branch(r, source, large, small, out);
    return true;
  }
  return false;
}

}  // namespace detail

/// Merges what networks train as parallel branches: the sum of two convolutions of the same input whose windows lie
/// within one another, and the sum of a convolution and its input, become one convolution.
inline void merge_convolutions(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& n = g.at(id);
    if (!is(n, "Add")) return;
    auto const &a = g.at(n.inputs[0]).type, &b = g.at(n.inputs[1]).type;
    if (a.shape && b.shape && a != b) return;  // else equal channels and windows make them equal
    if (detail::merge_pair(r, id) || detail::merge_input(r, id)) r.rewrote();
  });
}

}  // namespace sinter::passes

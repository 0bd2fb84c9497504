#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

namespace sinter::passes {

namespace detail {

/// The padding of one axis that makes the output ceil(input / stride) long; the odd element goes to the end, or to the
/// begin if `lower`.
inline std::pair<std::int64_t, std::int64_t> same_padding(std::int64_t input, std::int64_t kernel, std::int64_t stride,
                                                          std::int64_t dilation, bool lower) {
  auto const outputs = ceil_div(input, stride);
  auto const reach = checked_add(checked_mul(kernel - 1, dilation), 1);
  auto const total = std::max<std::int64_t>(checked_add(checked_mul(outputs - 1, stride), reach) - input, 0);
  return lower ? std::pair{total - total / 2, total / 2} : std::pair{total / 2, total - total / 2};
}

/// The geometry of a Conv with weights of shape `w` on an input of shape `x`, where known; none: it does not fit, or
/// cannot be known.
inline std::optional<attribute_map> convolution_geometry(node const& n, std::optional<shape> const& x, shape const& w) {
  using list = std::vector<std::int64_t>;
  if (w.rank() < 3 || w.rank() > 5 || (x && x->rank() != w.rank())) return std::nullopt;
  auto const rank = w.rank() - 2;
  list const kernel(w.begin() + 2, w.end());
  auto const strides = attribute_or(n, "strides", list(rank, 1));
  auto const dilations = attribute_or(n, "dilations", list(rank, 1));
  auto pads = attribute_or(n, "pads", list(2 * rank, 0));
  auto const group = attribute_or<std::int64_t>(n, "group", 1);
  auto const positive = [&](list const& l) {
    return l.size() == rank && std::ranges::all_of(l, [](auto v) { return v > 0; });
  };
  if (!positive(strides) || !positive(dilations) || !positive(kernel) || group < 1) return std::nullopt;
  auto const mode = attribute_or<std::string>(n, "auto_pad", "NOTSET");
  if (mode == "VALID") {
    pads.assign(2 * rank, 0);
  } else if (mode != "NOTSET") {
    if (!x || (mode != "SAME_UPPER" && mode != "SAME_LOWER")) return std::nullopt;
    pads.assign(2 * rank, 0);
    for (std::size_t i = 0; i < rank; ++i)
      std::tie(pads[i], pads[rank + i]) =
          same_padding((*x)[i + 2], kernel[i], strides[i], dilations[i], mode == "SAME_LOWER");
  }
  if (pads.size() != 2 * rank) return std::nullopt;
  return attribute_map{
      {"kernel_shape", kernel}, {"strides", strides}, {"dilations", dilations}, {"pads", pads}, {"group", group}};
}

}  // namespace detail

/// Turns float32 Conv into sinter.Conv, all of whose geometry is explicit: kernel shape from the weights, default
/// strides and dilations, `auto_pad` resolved.
inline void canonicalize_convolution(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& n = g.at(id);
    if (!is(n, "Conv")) return;
    auto const &x = g.at(n.inputs[0]).type, &w = g.at(n.inputs[1]).type;
    if (w.element != dtype::float32 || !w.shape || (x.shape && x.element != dtype::float32)) return;
    auto geometry = detail::convolution_geometry(n, x.shape, *w.shape);
    if (!geometry) return;
    node fused{.domain = "sinter", .op = "Conv", .version = 1, .inputs = n.inputs};
    fused.attributes = std::move(*geometry);
    replace_node(g, id, std::move(fused));
    r.rewrote();
  });
}

}  // namespace sinter::passes

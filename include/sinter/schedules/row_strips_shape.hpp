#pragma once

#include <sinter/schedules/convolution_shape.hpp>
#include <sinter/schedules/depthwise.hpp>
#include <sinter/schedules/strip_kernels.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

/// Groups of convolutions that run in strips of rows (see row_strips.hpp): which nodes these are, their geometry and
/// cost.
namespace sinter::detail {

/// The producer of a node's first input, if it is a convolution whose result only this node needs.
inline node_id convolution_before(graph const& g, node_id id) {
  auto const& n = g.at(id);
  if (n.domain != "sinter" || n.op != "Conv" || !n.inputs[0]) return {};
  auto const& x = g.at(n.inputs[0]);
  if (!x.producer || x.users.size() != 1 || g.is_output(n.inputs[0])) return {};
  auto const& before = g.at(x.producer);
  return before.domain == "sinter" && before.op == "Conv" ? x.producer : node_id{};
}

inline std::int64_t groups_of(graph const& g, node_id convolution) {
  return attribute_reader(g.at(convolution)).get<std::int64_t>("group", 1);
}

/// The depthwise convolution of the group that ends with node `last`: the one before it, or `last` itself if nothing
/// that follows might be in the group.
inline node_id depthwise_of_group(graph const& g, node_id last) {
  auto const before = convolution_before(g, last);
  if (!before) return {};
  if (groups_of(g, last) == 1) return groups_of(g, before) > 1 ? before : node_id{};
  auto const& users = g.at(g.at(last).outputs[0]).users;
  bool const goes_on = users.size() == 1 && convolution_before(g, users[0]) == last;
  return goes_on ? node_id{} : last;
}

/// The nodes before `last` of a group that begins with `first`, or with `depthwise` if there is no first.
inline std::vector<node_id> before_last(node_id first, node_id depthwise, node_id last) {
  std::vector<node_id> nodes;
  if (first) nodes.push_back(first);
  if (depthwise != last) nodes.push_back(depthwise);
  return nodes;
}

inline std::vector<node_id> row_strips_match(graph const& g, node_id last) {
  auto const depthwise = depthwise_of_group(g, last);
  if (!depthwise) return {};
  auto const expand = convolution_before(g, depthwise);
  auto const is_pointwise = [&](node_id id) {
    auto const kernel = attribute_reader(g.at(id)).get("kernel_shape", std::vector<std::int64_t>());
    return std::ranges::all_of(kernel, [](auto extent) { return extent == 1; });
  };
  return before_last(expand && is_pointwise(expand) ? expand : node_id{}, depthwise, last);
}

/// The same behind a convolution that reads few channels, as the first of a network does.
inline std::vector<node_id> image_strips_match(graph const& g, node_id last) {
  auto const depthwise = depthwise_of_group(g, last);
  if (!depthwise) return {};
  auto const first = convolution_before(g, depthwise);
  if (!first || groups_of(g, first) != 1) return {};
  auto const& x = g.at(g.at(first).inputs[0]).type.shape;
  return x && x->rank() == 4 && (*x)[1] <= few_channels ? before_last(first, depthwise, last) : std::vector<node_id>{};
}

/// Geometry of a group. Rows of the tensor that the depthwise convolution reads are "wide rows".
struct row_strips_shape {
  std::optional<convolution_shape> expand{};  ///< what makes the wide rows
  bool from_image = false;                    ///< `expand` is not pointwise, but reads a row-major image
  convolution_shape depthwise;
  std::optional<convolution_shape> project{};
  expr::function depthwise_epilogue{};  ///< expanded

  window_axis const& y() const { return depthwise.window.y; }
  std::int64_t stride() const { return y().stride; }
  /// Wide rows that a strip needs anew: enough to hold those that the strip before has in common with it.
  std::int64_t new_rows() const { return round_up(std::max(halo(), stride()), stride()); }
  std::int64_t strip_rows() const { return new_rows() / stride(); }
  std::int64_t halo() const { return y().kernel - stride(); }
  /// Of an item of the tensor that the depthwise convolution reads. Without a project, strips gain something only where
  /// this goes through a far cache.
  std::int64_t wide_bytes() const { return depthwise.out_blocks() * depthwise.in_plane() * channel_block * 4; }
  /// A kernel for `rows` rows of the depthwise result.
  strip_depthwise depthwise_rows(std::int64_t rows) const {
    return {.name = fmt::format("depthwise_{}x{}", rows, depthwise.window.x.out),
            .rows = rows,
            .kernel_rows = y().kernel,
            .stride = stride(),
            .x = depthwise.window.x,
            .blocks = depthwise.out_blocks(),
            .epilogue = {.function = depthwise_epilogue}};
  }
  /// Parts are independent; each expands the halo at its start by itself.
  std::int64_t parts() const { return y().in / 28; }
};

/// Whether a convolution is one of a few taps on a row-major image.
inline bool reads_image(convolution_shape const& c) {
  auto const small = [](window_axis const& axis) { return axis.kernel <= 3 && axis.dilation == 1 && axis.stride <= 2; };
  return c.groups == 1 && c.in_channels <= few_channels && small(c.window.y) && small(c.window.x) &&
         !(c.window.y.pointwise() && c.window.x.pointwise());
}

/// The shape of a group of convolutions; none: no kernels for it.
inline std::optional<row_strips_shape> row_strips_of(scheduled_node const& n, target const& machine) {
  auto const fits = [](scheduled_node const& c) { return is_plain_convolution(c) && c.inputs[0].shape().rank() == 4; };
  auto const per_channel = [](scheduled_node const& c) {  // for results that nobody sees whole
    for (std::size_t i = 3; i < c.inputs.size(); ++i)
      if (!c.inputs[i].constant || classify_extra(c.inputs[i], c.outputs[0].shape(), 1) == extra_kind::element)
        return false;
    return true;
  };
  if (!fits(n) || !std::ranges::all_of(n.before, fits) || !std::ranges::all_of(n.before, per_channel))
    return std::nullopt;
  auto const last = shape_of_convolution(n);
  bool const projects = last.groups == 1;
  if (n.before.empty() || n.before.size() > (projects ? 2 : 1)) return std::nullopt;
  auto const& depthwise = projects ? n.before.back() : n;
  row_strips_shape s{.depthwise = shape_of_convolution(depthwise)};
  if (projects) s.project = last;
  if (!projects || n.before.size() == 2) s.expand = shape_of_convolution(n.before[0]);
  s.from_image = s.expand && reads_image(*s.expand);
  auto const& attributes = depthwise.op.attributes_as<fused_convolution::attributes>();
  if (attributes.epilogue) s.depthwise_epilogue = expr::expand(*attributes.epilogue);
  auto const pointwise = [](std::optional<convolution_shape> const& c) {
    return !c || (c->groups == 1 && c->window.y.pointwise() && c->window.x.pointwise());
  };
  auto const& d = s.depthwise;
  bool const deep = d.groups == d.in_channels && d.groups > 1 && d.group_outputs() == 1 && d.window.y.dilation == 1;
  bool const small = d.window.y.kernel <= 5 && d.window.x.kernel <= 5 && d.window.y.stride <= 2 &&
                     d.window.y.kernel > d.window.y.stride && d.window.y.pad_begin <= s.halo();
  if (!s.project && s.wide_bytes() <= 2 * machine.facts().l2) return std::nullopt;
  if (!(s.from_image || pointwise(s.expand)) || !pointwise(s.project) || !deep || !small || s.parts() < 2)
    return std::nullopt;
  return s.depthwise_rows(1).tile_columns(machine) > 0 ? std::optional(s) : std::nullopt;
}

/// Layouts of the operands of a group.
inline layout_choice row_strips_layouts(scheduled_node const& n, row_strips_shape const& s) {
  layout_choice layouts{.outputs = {layout::blocked}};
  auto const add = [&](scheduled_node const& each) {
    bool const image = s.from_image && &each == &n.before[0];
    auto const own = blocked_convolution_layouts(each, image ? layout::row_major : layout::blocked);
    layouts.inputs.insert(layouts.inputs.end(), own.inputs.begin(), own.inputs.end());
  };
  std::ranges::for_each(n.before, add);
  add(n);
  for (auto const i : overwritable_extras(n, n.op.attributes_as<fused_convolution::attributes>().epilogue, 3, 1))
    layouts.in_place.push_back(n.first_input + i);
  return layouts;
}

/// Without traffic, as wide tensors stay near; halos are expanded once more for each part.
inline double row_strips_cost(row_strips_shape const& s) {
  auto const halo = static_cast<double>((s.parts() - 1) * s.halo()) / static_cast<double>(s.y().in);
  auto const expand = s.expand ? direct_convolution_cost(*s.expand) * (1 + halo) : 0;
  return expand + depthwise_cost(s.depthwise) + (s.project ? direct_convolution_cost(*s.project) : 0);
}

}  // namespace sinter::detail

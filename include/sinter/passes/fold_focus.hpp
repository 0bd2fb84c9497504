#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

namespace sinter::passes {

namespace detail {

/// A value that takes every `step`-th element of `source` from `start` on, along each axis, up to the end.
struct strided_slice {
  value_id source{};
  std::vector<std::int64_t> start{};
  std::vector<std::int64_t> step{};
};

/// What one Slice node does, if its bounds are constant, its steps positive, and it reaches the end of each axis.
inline std::optional<strided_slice> read_slice(graph const& g, node const& n) {
  auto const& type = g.at(n.inputs[0]).type;
  auto const& out = g.at(n.outputs[0]).type;
  auto const starts = integers(g, n, 1, "starts");
  if (!type.shape || !out.shape || !starts) return std::nullopt;
  auto const rank = type.shape->rank();
  strided_slice s{.source = n.inputs[0], .start = std::vector<std::int64_t>(rank, 0), .step = {}};
  s.step.assign(rank, 1);
  auto const has = [&](std::size_t slot) { return n.inputs.size() > slot && n.inputs[slot]; };
  auto const axes = integers(g, n, 3, "axes"), steps = integers(g, n, 4);
  if ((has(3) && !axes) || (has(4) && !steps)) return std::nullopt;
  for (std::size_t i = 0; i < starts->size(); ++i) {
    auto const axis = normalize_axis(axes ? (*axes)[i] : static_cast<std::int64_t>(i), rank);
    s.start[axis] = (*starts)[i];
    s.step[axis] = steps ? (*steps)[i] : 1;
  }
  for (std::size_t i = 0; i < rank; ++i) {
    if (s.start[i] < 0 || s.step[i] < 1 || s.start[i] > (*type.shape)[i]) return std::nullopt;
    if ((*out.shape)[i] != ceil_div((*type.shape)[i] - s.start[i], s.step[i])) return std::nullopt;
  }
  return s;
}

/// Follows a chain of Slice nodes up from `id`.
inline std::optional<strided_slice> follow_slices(graph const& g, value_id id) {
  auto const rank = g.at(id).type.shape ? g.at(id).type.shape->rank() : 0;
  strided_slice total{.source = id, .start = std::vector<std::int64_t>(rank, 0), .step = {}};
  total.step.assign(rank, 1);
  while (g.at(total.source).producer && is(g.at(g.at(total.source).producer), "Slice")) {
    auto const one = read_slice(g, g.at(g.at(total.source).producer));
    if (!one) break;
    for (std::size_t i = 0; i < rank; ++i) {
      total.start[i] = checked_add(one->start[i], checked_mul(one->step[i], total.start[i]));
      total.step[i] = checked_mul(total.step[i], one->step[i]);
    }
    total.source = one->source;
  }
  return total;
}

/// The phases of a Concat along the channels of every `step`-th row and column of one input.
struct focus {
  value_id source{};
  std::int64_t step = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> phases{};  ///< row and column of each part
};

inline std::optional<focus> read_focus(graph const& g, node const& concat) {
  focus f;
  for (auto const part : concat.inputs) {
    auto const s = follow_slices(g, part);
    if (!s || s->start.size() != 4 || s->step[0] != 1 || s->step[1] != 1 || s->step[2] != s->step[3])
      return std::nullopt;
    if (s->start[0] != 0 || s->start[1] != 0 || s->step[2] < 2) return std::nullopt;
    if (f.source && (f.source != s->source || f.step != s->step[2])) return std::nullopt;
    f.source = s->source;
    f.step = s->step[2];
    f.phases.emplace_back(s->start[2], s->start[3]);
    if (s->start[2] >= f.step || s->start[3] >= f.step) return std::nullopt;
  }
  auto const& extents = *g.at(f.source).type.shape;
  if (extents[2] % f.step != 0 || extents[3] % f.step != 0) return std::nullopt;
  return f;
}

/// The shape of `unfocused_weights`.
inline shape unfocused_shape(shape const& w, focus const& f, std::int64_t channels) {
  return {w[0], channels, checked_mul(w[2], f.step), checked_mul(w[3], f.step)};
}

/// The weights of the convolution that reads the whole input in place of its phases.
inline any_tensor unfocused_weights(any_tensor const& w, focus const& f, std::int64_t channels) {
  auto const& s = w.shape();
  any_tensor result(dtype::float32, unfocused_shape(s, f, channels));
  auto const from = w.as<float>();
  auto* const to = static_cast<float*>(result.data());
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(from.size()); ++i) {
    auto const x = i % s[3], y = i / s[3] % s[2], c = i / (s[3] * s[2]) % s[1], m = i / (s[3] * s[2] * s[1]);
    auto const& [row, column] = f.phases[static_cast<std::size_t>(c / channels)];
    auto const plane = (m * channels + c % channels) * s[2] * f.step;
    to[(plane + y * f.step + row) * s[3] * f.step + x * f.step + column] += from[static_cast<std::size_t>(i)];
  }
  return result;
}

inline void scale_list(node& n, std::string_view name, std::int64_t factor) {
  auto list = attribute_or(n, name, std::vector<std::int64_t>{});
  for (auto& v : list) v = checked_mul(v, factor);
  n.attributes[name] = list;
}

}  // namespace detail

/// Lets a sinter.Conv that reads a Concat of every second row and column of an image (the Focus block of YOLO) read the
/// image itself with a kernel and a stride twice as large.
inline void fold_focus(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& n = g.at(id);
    if (!is_fused(n, "Conv")) return;
    auto const* concat = producer(g, n, 0);
    if (!concat || !is(*concat, "Concat") || attribute_or<std::int64_t>(*concat, "axis", 0) != 1) return;
    if (attribute_or<std::int64_t>(n, "group", 1) != 1 || !float_input(g, n, 1)) return;
    if (!std::ranges::all_of(attribute_or(n, "dilations", std::vector<std::int64_t>{}), [](auto d) { return d == 1; }))
      return;
    auto const f = detail::read_focus(g, *concat);
    if (!f) return;
    auto const weights = n.inputs[1];
    auto const channels = (*g.at(f->source).type.shape)[1];
    auto const larger_shape = detail::unfocused_shape(g.at(weights).constant.shape(), *f, channels);
    r.fold_budget().charge(dense_bytes(dtype::float32, larger_shape));
    auto larger = detail::unfocused_weights(g.at(weights).constant, *f, channels);
    g.set_input(id, 0, f->source);
    g.set_input(id, 1, g.add_constant(g.at(weights).name + "_unfocused", std::move(larger)));
    for (auto const* name : {"kernel_shape", "strides", "pads"}) detail::scale_list(g.at(id), name, f->step);
    r.rewrote();
  });
}

}  // namespace sinter::passes

#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

#include <array>

namespace sinter::passes {

namespace detail {

/// Whether a Transpose by `order` leaves the bytes of a tensor of shape `s` where they are: the axes longer than one
/// keep their order.
inline bool keeps_order(shape const& s, std::vector<std::int64_t> const& order) {
  std::int64_t last = -1;
  for (auto const axis : order) {
    if (axis < 0 || axis >= static_cast<std::int64_t>(s.rank())) return false;
    if (s[static_cast<std::size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

inline bool all_are(std::optional<std::vector<std::int64_t>> const& values, std::int64_t expected) {
  return values && std::ranges::all_of(*values, [&](auto v) { return v == expected; });
}

/// Whether Dropout passes its input on: it is not told to train, and nobody asks for its mask.
inline bool is_inference_dropout(graph const& g, node const& n) {
  if (n.outputs.size() > 1 && n.outputs[1] && (!g.at(n.outputs[1]).users.empty() || g.is_output(n.outputs[1])))
    return false;
  if (n.inputs.size() < 3 || !n.inputs[2]) return true;
  auto const* training = constant_input(g, n, 2);
  return training && training->type() == dtype::boolean && training->elements() == 1 && !training->as<bool>()[0];
}

/// Whether `n` is a sum, or the like, of a single input, whatever its type.
inline bool joins_one(node const& n) {
  static constexpr std::array<std::string_view, 5> variadic{"Concat", "Sum", "Max", "Min", "Mean"};
  return n.inputs.size() == 1 && std::ranges::find(variadic, n.op) != variadic.end();
}

/// The input that output 0 of `n` may equal: of a Concat the one that is as large as all, next to which others are
/// empty.
inline std::size_t passed_input(graph const& g, node const& n) {
  if (n.op != "Concat") return 0;
  auto const& out = g.at(n.outputs[0]).type;
  auto const found = std::ranges::find_if(n.inputs, [&](value_id in) { return in && g.at(in).type == out; });
  return found == n.inputs.end() ? 0 : static_cast<std::size_t>(found - n.inputs.begin());
}

/// Whether output 0 of `n`, whose shape and element type are those of its passed input, equals that.
inline bool copies_input(graph const& g, node const& n) {
  static constexpr std::array<std::string_view, 10> always{"Identity", "Cast",      "Reshape",  "Flatten", "Expand",
                                                           "Squeeze",  "Unsqueeze", "CastLike", "Tile",    "Concat"};
  if (std::ranges::find(always, n.op) != always.end() || joins_one(n)) return true;
  if (n.op == "Dropout") return is_inference_dropout(g, n);
  if (n.op == "Pad") return all_are(integers(g, n, 1, "pads"), 0);
  if (n.op == "Slice") return n.inputs.size() < 5 || !n.inputs[4] || all_are(integers(g, n, 4), 1);
  if (n.op == "AveragePool" || n.op == "MaxPool")
    return n.outputs.size() == 1 && all_are(integers(g, n, n.inputs.size(), "kernel_shape"), 1);
  if (n.op != "Transpose") return false;
  auto const order = integers(g, n, n.inputs.size(), "perm");
  return order && keeps_order(*g.at(n.inputs[0]).type.shape, *order);
}

}  // namespace detail

/// Removes nodes that pass their input on: Identity, Dropout, Cast to the same type, Reshape and its like, Expand,
/// Transpose, Pad and Slice that change nothing, pools of one element, Sum of one input, Concat of one that is not
/// empty.
inline void eliminate_identity(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& n = g.at(id);
    if (!n.domain.empty() || n.inputs.empty() || !n.inputs[0] || n.outputs.empty() || !n.outputs[0]) return;
    auto const passed = n.inputs[detail::passed_input(g, n)];
    auto const &in = g.at(passed).type, &out = g.at(n.outputs[0]).type;
    bool const comparable = in.shape || n.op == "Identity" || n.op == "Dropout" || detail::joins_one(n) ||
                            (n.op == "Cast" && in.element != dtype::undefined);
    if (!comparable || in != out) return;
    if (detail::copies_input(g, n) && bypass(g, id, passed, n.outputs[0])) r.rewrote();
  });
}

}  // namespace sinter::passes

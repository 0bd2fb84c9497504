#pragma once

#include <sinter/program/device_gather.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/moves.hpp>
#include <sinter/schedules/cuda/operands.hpp>
#include <sinter/schedules/kernel_call.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Gather, GatherElements and GatherND: kernels of the form `gather`. Indices that are known are not checked.
namespace sinter::detail::cuda {

/// Along an axis of `x`.
inline device_choice choice_of(shape const& x, std::size_t axis) {
  return {x[axis], row_major_strides(sizes_of(x))[axis]};
}

/// Slices along an axis.
inline device_gather gather_of_slices(shape const& x, shape const& indices, std::size_t axis) {
  auto const outer = static_cast<std::int64_t>(x.elements(0, axis)),
             count = static_cast<std::int64_t>(indices.elements());
  auto const inner = static_cast<std::int64_t>(x.elements(axis + 1, x.rank()));
  return {.sizes = {outer, count, inner},
          .from = {x[axis] * inner, 0, 1},
          .of = {0, 1, 0},
          .choices = {choice_of(x, axis)}};
}

/// An index for each element.
inline device_gather gather_of_elements(shape const& x, shape const& indices, std::size_t axis) {
  device_gather g{.sizes = sizes_of(indices),
                  .from = row_major_strides(sizes_of(x)),
                  .of = row_major_strides(sizes_of(indices)),
                  .choices = {choice_of(x, axis)}};
  g.from[axis] = 0;
  return g;
}

/// Slices that tuples choose, behind `batch` axes that x and indices have both.
inline device_gather gather_of_tuples(shape const& x, shape const& indices, std::size_t batch) {
  auto const length = static_cast<std::size_t>(indices.back());
  auto const batches = static_cast<std::int64_t>(x.elements(0, batch));
  auto const tuples = static_cast<std::int64_t>(indices.elements(batch, indices.rank() - 1));
  auto const inner = static_cast<std::int64_t>(x.elements(batch + length, x.rank()));
  device_gather g{.sizes = {batches, tuples, inner},
                  .from = {static_cast<std::int64_t>(x.elements(batch, x.rank())), 0, 1},
                  .of = {tuples * indices.back(), indices.back(), 0}};
  for (std::size_t i = 0; i < length; ++i) g.choices.push_back(choice_of(x, batch + i));
  return g;
}

inline std::optional<device_gather> gather_of(scheduled_node const& n) {
  if (!is_movable(n) || n.inputs.size() != 2) return std::nullopt;
  auto const call = kernel_call_of(n);
  auto const &x = n.inputs[0].shape(), &indices = n.inputs[1].shape();
  auto const make = [&]() -> std::optional<device_gather> {
    if (call.kernel.name == "gather") return gather_of_slices(x, indices, static_cast<std::size_t>(call.integers[0]));
    if (call.kernel.name == "gather_elements")
      return gather_of_elements(x, indices, static_cast<std::size_t>(call.integers[0]));
    if (call.kernel.name == "gather_slices")
      return gather_of_tuples(x, indices, static_cast<std::size_t>(call.integers[0]));
    return std::nullopt;
  };
  auto g = make();
  if (!g || g->choices.empty()) return std::nullopt;
  g->x_elements = static_cast<std::int64_t>(x.elements());
  g->bytes = element_bytes(n.inputs[0]);
  g->index = n.inputs[1].type.element;
  g->checked = call.may_fail;
  return g;
}

inline fragment build_gather(scheduled_node const& n) {
  auto g = *gather_of(n);
  g.alignment = alignment_of(n);
  fragment f;
  std::vector<address> places{input_of(n, 0), input_of(n, 1), output_of()};
  for (std::size_t i = 0; g.checked && i < g.choices.size(); ++i) {
    auto const word = f.check(-g.choices[i].limit, g.choices[i].limit - 1);
    if (i == 0) places.push_back(word);
  }
  f.add(gather_call(std::move(g)), std::move(places));
  return f;
}

inline std::vector<candidate> gather_offer(scheduled_node const& n, target const&) {
  if (!gather_of(n)) return {};
  std::vector<candidate> all;
  auto const offer = [&](layout rows, precision how) {
    all.push_back({.layouts = {.inputs = {rows, layout::row_major}, .outputs = {rows}},
                   .cost = traffic_cost(n),
                   .precision = how,
                   .build = build_gather});
  };
  if (n.inputs[0].constant && is_float_tensor(n.inputs[0]))  // a table, which is rounded when it is packed
    for (auto const how : {precision::float16, precision::bfloat16})
      offer(layout::row_major.as(stored_element(how)), how);
  offer(row_major_of(n.inputs[0]), precision::exact);
  return all;
}

inline constexpr schedule gather_schedule{.name = "cuda gather", .offer = gather_offer};

}  // namespace sinter::detail::cuda

#pragma once

#include <sinter/core/hash.hpp>
#include <sinter/program/device_windows.hpp>
#include <sinter/schedules/cuda/convolution.hpp>
#include <sinter/schedules/resize.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

/// Resize and Upsample of one or two spatial axes: kernels of the form `resize`, which read rows and columns by tables.
namespace sinter::detail::cuda {

/// Which elements of an axis make each of its results, and with which weights.
struct tap_table {
  std::int64_t taps = 1;
  std::vector<std::int32_t> from{};
  std::vector<float> weights{};
};

/// None where a result lies outside of the input.
inline std::optional<tap_table> tap_table_of(kernels::resize_rule const& rule, kernels::resize_axis const& axis) {
  tap_table t{.taps = static_cast<std::int64_t>(kernels::tap_count(rule, axis))};
  std::vector<double> weights(static_cast<std::size_t>(t.taps));
  for (std::int64_t o = 0; o < axis.out; ++o) {
    auto const taps = kernels::taps_of(rule, axis, o, weights);
    if (taps.outside) return std::nullopt;
    for (std::int64_t i = 0; i < t.taps; ++i) {
      t.from.push_back(static_cast<std::int32_t>(std::clamp<std::int64_t>(taps.first + i, 0, axis.in - 1)));
      t.weights.push_back(static_cast<float>(weights[static_cast<std::size_t>(i)]));
    }
  }
  return t;
}

struct resize_tables {
  tap_table rows{}, columns{};
};

inline std::optional<resize_tables> resize_tables_of(scheduled_node const& n) {
  constexpr std::int64_t most_taps = 8;  // more, of a much smaller image, are rather sums
  bool const known = is_standard_operator(*n.n, "Resize") || is_standard_operator(*n.n, "Upsample");
  if (!known || !is_float_tensor(n.inputs[0]) || !is_float_tensor(n.outputs[0])) return std::nullopt;
  auto const rank = n.inputs[0].shape().rank();
  auto const plan = rank == 3 || rank == 4 ? resize_plan_of(n) : std::nullopt;
  if (!plan || plan->axes[0].in != plan->axes[0].out || plan->axes[1].in != plan->axes[1].out) return std::nullopt;
  auto const& rule = n.op.attributes_as<resize_attributes>().rule;
  auto const rows = rank == 3 ? tap_table{1, {0}, {1}} : tap_table_of(rule, plan->axes[2]);
  auto const columns = tap_table_of(rule, plan->axes[rank - 1]);
  if (!rows || !columns || std::max(rows->taps, columns->taps) > most_taps) return std::nullopt;
  return resize_tables{*rows, *columns};
}

/// The numbers of a table as they are.
template <typename T>
packing pack_numbers(std::vector<T> const& numbers) {
  auto const bytes = numbers.size() * sizeof(T);
  auto const name = content_digest(std::as_bytes(std::span(numbers)));
  return {.key = fmt::format("cuda:numbers:{:016x}{:016x}", name.high, name.low),
          .bytes = static_cast<std::int64_t>(bytes),
          .fill = [numbers, bytes](std::byte* to) { std::memcpy(to, numbers.data(), bytes); }};
}

inline fragment build_resize(scheduled_node const& n) {
  auto const tables = *resize_tables_of(n);
  auto const &x = n.inputs[0], &y = n.outputs[0];
  bool const plane = x.shape().rank() == 4;
  auto const strides = image_strides(strides_of(x));
  device_window const w{.n = x.shape()[0],
                        .c = x.shape()[1],
                        .h = plane ? x.shape()[2] : 1,
                        .w = x.shape().back(),
                        .p = plane ? y.shape()[2] : 1,
                        .q = y.shape().back(),
                        .x_n = strides[0],
                        .x_c = strides[3],
                        .x_h = strides[1],
                        .x_w = strides[2],
                        .element = x.element()};
  device_epilogue e{.alignment = alignment_of(n)};
  e.arguments.push_back({y.element(), true, 0, image_strides(strides_of(y))});
  fragment f;
  std::vector<address> places{input_of(n, 0)};
  for (auto const* t : {&tables.rows, &tables.columns}) {
    places.push_back(f.weight(pack_numbers(t->from)));
    places.push_back(f.weight(pack_numbers(t->weights)));
  }
  places.push_back(output_of());
  f.add(resize_call(w, tables.rows.taps, tables.columns.taps, std::move(e)), std::move(places));
  return f;
}

inline std::vector<candidate> resize_offer(scheduled_node const& n, target const&) {
  if (!resize_tables_of(n)) return {};
  return {{.layouts = layouts_as_first(n), .cost = traffic_cost(n), .build = build_resize}};
}

inline constexpr schedule resize_schedule{.name = "cuda resize", .offer = resize_offer};

}  // namespace sinter::detail::cuda

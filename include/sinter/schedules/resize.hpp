#pragma once

#include <sinter/ops/resize.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Resize and Upsample to the nearest pixel by whole factors, blocked. Rows of all channel blocks lie one after the
/// other in both tensors.
///
///     for item, run of input rows:                 (grid)
///       for row, pixel:
///         load; store `rows` x `columns` times
namespace sinter {

namespace detail {

struct resize_factors {
  std::int64_t rows = 1, columns = 1;
};

/// The factor of an axis whose output pixel o repeats input pixel o / factor.
inline std::optional<std::int64_t> whole_factor(kernels::resize_rule const& rule, kernels::resize_axis const& axis) {
  if (axis.in < 1 || axis.out % axis.in != 0) return std::nullopt;
  auto const factor = axis.out / axis.in;
  for (std::int64_t o = 0; o < axis.out; ++o) {
    std::array<double, 2> weights{};
    auto const taps = kernels::taps_of(rule, axis, o, weights);
    if (taps.outside) return std::nullopt;
    auto const which = taps.first + (weights[0] == 1 ? 0 : 1);
    if (std::clamp<std::int64_t>(which, 0, axis.in - 1) != o / factor) return std::nullopt;
  }
  return factor;
}

inline std::optional<resize_plan> resize_plan_of(scheduled_node const& n) {
  auto const& a = n.op.attributes_as<resize_attributes>();
  for (std::size_t i = 1; i < n.inputs.size(); ++i)
    if (n.inputs[i].present() && !n.inputs[i].constant) return std::nullopt;
  auto const view = [&](std::size_t i) -> std::optional<tensor_view> {
    return i < n.inputs.size() && n.inputs[i].constant ? n.inputs[i].constant->view() : tensor_view{};
  };
  auto const& x = n.inputs[0].shape();
  if (n.op.entry->schema.name == "Resize" && n.op.entry->schema.since >= 11)
    return resize::plan(x, a, n.inputs.size(), view);
  auto const scales = *view(1);
  return resize_by_scales<false>::plan(x, a, scales ? std::optional(scales) : std::nullopt);
}

inline std::optional<resize_factors> resize_factors_of(scheduled_node const& n) {
  if (!is_standard_operator(*n.n, "Resize") && !is_standard_operator(*n.n, "Upsample")) return std::nullopt;
  if (!is_float_tensor(n.inputs[0]) || n.inputs[0].shape().rank() != 4 || !is_float_tensor(n.outputs[0]))
    return std::nullopt;
  auto const& rule = n.op.attributes_as<resize_attributes>().rule;
  if (rule.mode != kernels::resize_mode::nearest) return std::nullopt;
  auto const plan = resize_plan_of(n);
  if (!plan || plan->axes[0].in != plan->axes[0].out || plan->axes[1].in != plan->axes[1].out) return std::nullopt;
  auto const rows = whole_factor(rule, plan->axes[2]), columns = whole_factor(rule, plan->axes[3]);
  if (!rows || !columns || *rows * *columns > 64) return std::nullopt;
  return resize_factors{*rows, *columns};
}

/// `rows` input rows of `columns` pixels.
inline vector::program resize_kernel(resize_factors const& f, std::int64_t rows, std::int64_t columns,
                                     target const& t) {
  vector::builder b("resize", t.lanes());
  auto const out_row = columns * f.columns * 64;
  auto const x = b.argument("x", vector::access::in, rows * columns * 64);
  auto const y = b.argument("y", vector::access::out, rows * f.rows * out_row);
  b.loop(rows, {{x, columns * 64}, {y, f.rows * out_row}}, [&] {
    b.loop(columns, {{x, 64}, {y, f.columns * 64}}, [&] {
      for (std::int64_t within = 0; within < 64; within += b.register_bytes()) {
        auto const pixel = b.load(x.at(within));
        for (std::int64_t row = 0; row < f.rows; ++row)
          for (std::int64_t column = 0; column < f.columns; ++column)
            b.store(y.at(row * out_row + column * 64 + within), pixel);
      }
    });
  });
  return std::move(b).take();
}

inline fragment resize_build(resize_factors const& f, scheduled_node const& n, target const& t) {
  auto const& s = n.inputs[0].shape();
  auto const in_row = s[3] * 64, out_rows = f.rows * f.columns * in_row;
  fragment code;
  for (auto const& run : equal_runs(channel_blocks_of(s) * s[2], task_bytes / out_rows)) {
    address const in{
        .in = space::input, .offset = run.first * in_row, .stride = {item_stride(n.inputs[0]), run.length * in_row}};
    address const out{.in = space::output,
                      .offset = run.first * out_rows,
                      .stride = {item_stride(n.outputs[0]), run.length * out_rows}};
    code.add(resize_kernel(f, run.length, s[3], t), {s[0], run.count, 1, 1}, {in, out});
  }
  return code;
}

inline std::vector<candidate> resize_offer(scheduled_node const& n, target const& t) {
  auto const f = resize_factors_of(n);
  if (!f) return {};
  layout_choice layouts{.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::blocked}};
  layouts.inputs[0] = layout::blocked;
  return {{.layouts = std::move(layouts), .cost = traffic_cost(n), .build = [f = *f, t](scheduled_node const& at) {
             return resize_build(f, at, t);
           }}};
}

}  // namespace detail

inline constexpr schedule resize_schedule{.name = "resize", .offer = detail::resize_offer};

}  // namespace sinter

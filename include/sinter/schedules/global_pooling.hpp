#pragma once

#include <sinter/ops/quantized_pooling.hpp>
#include <sinter/schedules/cast.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/pooling.hpp>
#include <sinter/schedules/reduce.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

/// GlobalAveragePool, also sinter.QuantizedGlobalAverage, GlobalMaxPool, and ReduceMean and ReduceMax over all spatial
/// axes: blocked in, blocked out.
///
///     for item, run of channel blocks:           (grid)
///       for channel block:
///         for four pixels: fold each into its accumulator
///         fold the accumulators; scale; store one vector
namespace sinter {

namespace detail {

/// Whether a reduction of `n` is over all spatial axes, and no others.
inline bool reduces_planes(scheduled_node const& n) {
  auto const axes = axes_of_node(n);
  for (std::size_t i = 0; axes && i < n.inputs[0].shape().rank(); ++i)
    if (axes->contains(i) != (i >= 2)) return false;
  return axes.has_value();
}

inline std::optional<pooling_kind> global_pool_kind(scheduled_node const& n) {
  if (n.inputs.empty() || !is_float_tensor(n.inputs[0]) || n.inputs[0].shape().rank() < 3) return std::nullopt;
  if (is_standard_operator(*n.n, "GlobalAveragePool")) return pooling_kind::average;
  if (is_standard_operator(*n.n, "GlobalMaxPool")) return pooling_kind::max;
  bool const mean = is_standard_operator(*n.n, "ReduceMean");
  if ((mean || is_standard_operator(*n.n, "ReduceMax")) && reduces_planes(n))
    return mean ? pooling_kind::average : pooling_kind::max;
  return std::nullopt;
}

/// What becomes of the elements of a plane.
struct plane_pool {
  pooling_kind kind = pooling_kind::average;
  std::int64_t pixels = 1;
  vector::element element = vector::element::f32;
  float lost = 0, scale = 1;  ///< of averages: (sum - lost) * scale
};

/// `blocks` planes.
inline vector::program global_pooling_kernel(plane_pool const& pool, std::int64_t blocks, target const& t) {
  auto const kind = pool.kind;
  auto const pixels = pool.pixels;
  auto const element = pool.element;
  vector::builder b(kind == pooling_kind::max ? "global_max" : "global_average", t.lanes());
  std::int64_t const size = vector::size_of(element), pixel = channel_block * size, part_bytes = t.lanes() * size;
  auto const x = b.argument("x", vector::access::in, blocks * pixels * pixel, element, vector::size_of(element));
  auto const y = b.argument("y", vector::access::out, blocks * 64);
  auto const fold = kind == pooling_kind::max ? vector::opcode::max : vector::opcode::add;
  auto const chains = std::min<std::int64_t>(4, pixels), turns = pixels / chains - 1;
  auto const after = b.stream("after", x, chains * pixel);
  auto const per_pixel = t.registers_per_block();
  b.loop(blocks, {{x, pixels * pixel}, {after, pixels * pixel}, {y, 64}}, [&] {
    std::vector<vector::reg> sums;
    for (std::int64_t i = 0; i < chains * per_pixel; ++i) sums.push_back(b.load(x.at(i * part_bytes)));
    auto const add = [&](vector::pointer from, std::int64_t offset, std::int64_t count) {
      for (std::int64_t i = 0; i < count * per_pixel; ++i) {
        auto const sum = sums[static_cast<std::size_t>(i)];
        b.binary_to(sum, fold, sum, from.at(offset + i * part_bytes));
      }
    };
    if (turns > 0) b.loop(turns, {{after, chains * pixel}}, [&] { add(after, 0, chains); });
    add(x, (turns + 1) * chains * pixel, pixels - (turns + 1) * chains);
    for (std::int64_t part = 0; part < per_pixel; ++part) {
      auto const sum = sums[static_cast<std::size_t>(part)];
      for (std::int64_t i = 1; i < chains; ++i)
        b.binary_to(sum, fold, sum, sums[static_cast<std::size_t>(i * per_pixel + part)]);
      if (pool.lost != 0) b.binary_to(sum, vector::opcode::sub, sum, b.constant(pool.lost));
      if (kind == pooling_kind::average) b.binary_to(sum, vector::opcode::mul, sum, b.constant(pool.scale));
      b.store(y.at(part * b.register_bytes()), sum);
    }
  });
  return std::move(b).take();
}

inline fragment global_pooling_build(plane_pool const& pool, scheduled_node const& n, target const& t) {
  auto const& s = n.inputs[0].shape();
  auto const plane = pool.pixels * channel_block * vector::size_of(pool.element);
  fragment code;
  for (auto const& run : equal_runs(channel_blocks_of(s), task_bytes / plane)) {
    address const in{
        .in = space::input, .offset = run.first * plane, .stride = {item_stride(n.inputs[0]), run.length * plane}};
    address const out{
        .in = space::output, .offset = run.first * 64, .stride = {item_stride(n.outputs[0]), run.length * 64}};
    code.add(global_pooling_kernel(pool, run.length, t), {s[0], run.count, 1, 1}, {in, out});
  }
  return code;
}

/// The same for the mean of quantised planes, whose sums are integers that float32 holds.
inline std::optional<plane_pool> quantized_plane_pool(scheduled_node const& n) {
  if (n.n->domain != "sinter" || n.n->op != "QuantizedGlobalAverage" || !is_byte_tensor(n.inputs[0]))
    return std::nullopt;
  auto const& [x, scale, zero] = std::tie(n.inputs[0], n.inputs[1], n.inputs[2]);
  auto const pixels = pixels_of(x.shape());
  if (!scale.constant || !zero.constant || x.constant || pixels > most_quantized_pixels) return std::nullopt;
  return plane_pool{.pixels = pixels,
                    .element = *float_source(x.type.element),
                    .lost = static_cast<float>(pixels * integers_of(*zero.constant)[0]),
                    .scale = scale.constant->as<float>()[0] / static_cast<float>(pixels)};
}

inline std::optional<plane_pool> plane_pool_of(scheduled_node const& n) {
  auto const kind = global_pool_kind(n);
  if (!kind) return quantized_plane_pool(n);
  auto const pixels = pixels_of(n.inputs[0].shape());
  return plane_pool{.kind = *kind, .pixels = pixels, .scale = 1.0f / static_cast<float>(pixels)};
}

inline std::vector<candidate> global_pooling_offer(scheduled_node const& n, target const& t) {
  auto const pool = plane_pool_of(n);
  if (!pool) return {};
  bool const reduction = n.n->op.starts_with("Reduce");
  if (reduction && n.inputs[0].how != layout::blocked) return {};
  layout_choice layouts{.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::blocked}};
  layouts.inputs[0] = layout::blocked;
  return {{.layouts = std::move(layouts),
           .cost = traffic_cost(n),
           .build = [pool = *pool, t](scheduled_node const& at) { return global_pooling_build(pool, at, t); }}};
}

}  // namespace detail

inline constexpr schedule global_pooling_schedule{.name = "global pooling", .offer = detail::global_pooling_offer};

}  // namespace sinter

#pragma once

#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/pooling.hpp>
#include <sinter/schedules/reduce.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// GlobalAveragePool, GlobalMaxPool, and ReduceMean and ReduceMax over all spatial axes: blocked in, blocked out.
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

/// `blocks` planes of `pixels` pixels each.
inline vector::program global_pooling_kernel(pooling_kind kind, std::int64_t blocks, std::int64_t pixels,
                                             target const& t) {
  vector::builder b(kind == pooling_kind::max ? "global_max" : "global_average", t.lanes());
  auto const x = b.argument("x", vector::access::in, blocks * pixels * 64);
  auto const y = b.argument("y", vector::access::out, blocks * 64);
  auto const fold = kind == pooling_kind::max ? vector::opcode::max : vector::opcode::add;
  auto const chains = std::min<std::int64_t>(4, pixels), turns = pixels / chains - 1;
  auto const after = b.stream("after", x, chains * 64);
  auto const per_pixel = t.registers_per_block();
  b.loop(blocks, {{x, pixels * 64}, {after, pixels * 64}, {y, 64}}, [&] {
    std::vector<vector::reg> sums;
    for (std::int64_t i = 0; i < chains * per_pixel; ++i) sums.push_back(b.load(x.at(i * b.register_bytes())));
    auto const add = [&](vector::pointer from, std::int64_t offset, std::int64_t count) {
      for (std::int64_t i = 0; i < count * per_pixel; ++i) {
        auto const sum = sums[static_cast<std::size_t>(i)];
        b.binary_to(sum, fold, sum, from.at(offset + i * b.register_bytes()));
      }
    };
    if (turns > 0) b.loop(turns, {{after, chains * 64}}, [&] { add(after, 0, chains); });
    add(x, (turns + 1) * chains * 64, pixels - (turns + 1) * chains);
    for (std::int64_t part = 0; part < per_pixel; ++part) {
      auto const sum = sums[static_cast<std::size_t>(part)];
      for (std::int64_t i = 1; i < chains; ++i)
        b.binary_to(sum, fold, sum, sums[static_cast<std::size_t>(i * per_pixel + part)]);
      if (kind == pooling_kind::average)
        b.binary_to(sum, vector::opcode::mul, sum, b.constant(1.0f / static_cast<float>(pixels)));
      b.store(y.at(part * b.register_bytes()), sum);
    }
  });
  return std::move(b).take();
}

inline fragment global_pooling_build(pooling_kind kind, scheduled_node const& n, target const& t) {
  auto const& s = n.inputs[0].shape();
  auto const pixels = pixels_of(s);
  fragment code;
  for (auto const& run : equal_runs(channel_blocks_of(s), task_bytes / (pixels * 64))) {
    address const in{.in = space::input,
                     .offset = run.first * pixels * 64,
                     .stride = {item_stride(n.inputs[0]), run.length * pixels * 64}};
    address const out{
        .in = space::output, .offset = run.first * 64, .stride = {item_stride(n.outputs[0]), run.length * 64}};
    code.add(global_pooling_kernel(kind, run.length, pixels, t), {s[0], run.count, 1, 1}, {in, out});
  }
  return code;
}

inline std::vector<candidate> global_pooling_offer(scheduled_node const& n, target const& t) {
  auto const kind = global_pool_kind(n);
  if (!kind) return {};
  bool const reduction = !n.n->op.starts_with("Global");
  if (reduction && n.inputs[0].how != layout::blocked) return {};
  layout_choice layouts{.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::blocked}};
  layouts.inputs[0] = layout::blocked;
  return {{.layouts = std::move(layouts),
           .cost = traffic_cost(n),
           .build = [kind = *kind, t](scheduled_node const& at) { return global_pooling_build(kind, at, t); }}};
}

}  // namespace detail

inline constexpr schedule global_pooling_schedule{.name = "global pooling", .offer = detail::global_pooling_offer};

}  // namespace sinter

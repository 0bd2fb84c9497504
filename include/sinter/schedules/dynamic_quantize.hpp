#pragma once

#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// DynamicQuantizeLinear, row-major; the bits of the operator.
///
///     for piece: least and greatest element of each lane         (grid)
///     scale and zero point                                       (one task)
///     for piece: quantise                                        (grid)
namespace sinter {
namespace detail {

/// The least and the greatest of `count` elements and 0, in each lane. A NaN counts for nothing.
inline vector::program range_kernel(std::int64_t count, target const& t) {
  using enum vector::opcode;
  vector::builder b("range", t.lanes());
  auto const x = b.argument("x", vector::access::in, count * 4);
  auto const y = b.argument("y", vector::access::out, 2 * b.register_bytes());
  std::int64_t const lanes = b.lanes(), vectors = count / lanes, chains = std::clamp<std::int64_t>(vectors, 1, 4);
  std::vector<vector::reg> least, greatest;
  for (std::int64_t i = 0; i < chains; ++i) least.push_back(b.zero()), greatest.push_back(b.zero());
  auto const fold = [&](std::size_t chain, vector::reg value) {
    b.binary_to(least[chain], min, value, least[chain]);
    b.binary_to(greatest[chain], max, value, greatest[chain]);
  };
  if (vectors > 0)
    b.loop(vectors / chains, {{x, chains * lanes * 4}}, [&] {
      for (std::int64_t i = 0; i < chains; ++i) fold(static_cast<std::size_t>(i), b.load(x.at(i * lanes * 4)));
    });
  for (auto at = vectors / chains * chains * lanes; at < count; at += lanes)
    fold(0, b.load(x.at(at * 4), static_cast<std::int32_t>(std::min(lanes, count - at))));
  for (std::size_t i = 1; i < least.size(); ++i) {
    b.binary_to(least[0], min, least[i], least[0]);
    b.binary_to(greatest[0], max, greatest[i], greatest[0]);
  }
  b.store(y.at(0), least[0]);
  b.store(y.at(b.register_bytes()), greatest[0]);
  return std::move(b).take();
}

/// Scale and zero point from the ranges of `pieces`.
inline vector::program range_scale_kernel(std::int64_t pieces, target const& t) {
  using enum vector::opcode;
  vector::builder b("range_scale", t.lanes());
  auto const bytes = b.register_bytes();
  auto const ranges = b.argument("r", vector::access::in, pieces * 2 * bytes);
  auto const scale_at = b.argument("s", vector::access::out, 4);
  auto const zero_at = b.argument("z", vector::access::out, 1, vector::element::u8, 1);
  auto const none = b.zero();
  auto const least = b.zero(), greatest = b.zero();
  b.loop(pieces, {{ranges, 2 * bytes}}, [&] {
    b.binary_to(least, min, b.load(ranges.at(0)), least);
    b.binary_to(greatest, max, b.load(ranges.at(bytes)), greatest);
  });
  auto const below = b.unary(hmax, b.binary(sub, none, least));
  auto const scale = b.binary(div, b.binary(add, b.unary(hmax, greatest), below), b.constant(255));
  auto point = b.unary(round, b.binary(div, below, scale));
  point = b.select(vector::compare::gt, scale, none, point, none);
  point = b.select(vector::compare::eq, point, point, point, none);
  b.store(scale_at.at(0), scale, 1);
  b.store(zero_at.at(0), b.binary(min, point, b.constant(255)), 1);
  return std::move(b).take();
}

/// `count` elements with the scale and the zero point that memory holds.
inline vector::program quantize_by_range_kernel(std::int64_t count, target const& t) {
  using enum vector::opcode;
  vector::builder b("quantize_by_range", t.lanes());
  auto const x = b.argument("x", vector::access::in, count * 4);
  auto const scale_at = b.argument("s", vector::access::in, 4);
  auto const zero_at = b.argument("z", vector::access::in, 1, vector::element::u8, 1);
  auto const y = b.argument("y", vector::access::out, count, vector::element::u8, 1);
  auto const scale = b.load(scale_at.broadcast(0)), point = b.load(zero_at.broadcast(0));
  auto const none = b.zero(), greatest = b.constant(255);
  auto const convert = [&](std::int64_t at, std::int64_t elements) {
    auto const n = static_cast<std::int32_t>(elements);
    auto value = b.binary(add, b.unary(round, b.binary(div, b.load(x.at(at * 4), n), scale)), point);
    value = b.select(vector::compare::eq, value, value, value, point);
    value = b.binary(max, b.binary(min, value, greatest), none);
    b.store(y.at(at), b.select(vector::compare::gt, scale, none, value, point), n);
  };
  std::int64_t const lanes = b.lanes(), vectors = count / lanes, unroll = std::clamp<std::int64_t>(vectors, 1, 4);
  if (vectors > 0)
    b.loop(vectors / unroll, {{x, unroll * lanes * 4}, {y, unroll * lanes}}, [&] {
      for (std::int64_t i = 0; i < unroll; ++i) convert(i * lanes, lanes);
    });
  for (auto at = vectors / unroll * unroll * lanes; at < count; at += lanes) convert(at, std::min(lanes, count - at));
  return std::move(b).take();
}

inline fragment dynamic_quantize_build(scheduled_node const& n, target const& t) {
  fragment code;
  auto const count = static_cast<std::int64_t>(n.inputs[0].shape().elements());
  auto const runs = full_runs(count, task_bytes / 4);
  std::int64_t pieces = 0;
  for (auto const& run : runs) pieces += run.count;
  std::int64_t const range_bytes = std::int64_t{8} * t.lanes();
  auto const ranges = code.temporary("ranges", checked_mul(pieces, range_bytes), 0, 1);
  address const scale{.in = space::output, .index = 1}, zero_point{.in = space::output, .index = 2};
  auto const x = [&](tile_run const& run) {
    return address{.in = space::input, .offset = run.first * 4, .stride = {run.length * 4}};
  };
  std::int64_t piece = 0;
  for (auto const& run : runs) {
    auto to = ranges;
    to.offset = piece * range_bytes;
    to.stride = {range_bytes};
    code.add(range_kernel(run.length, t), {run.count, 1, 1, 1}, {x(run), to});
    piece += run.count;
  }
  code.barrier();
  code.add(range_scale_kernel(pieces, t), {1, 1, 1, 1}, {ranges, scale, zero_point});
  code.barrier();
  for (auto const& run : runs)
    code.add(quantize_by_range_kernel(run.length, t), {run.count, 1, 1, 1},
             {x(run), scale, zero_point, {.in = space::output, .offset = run.first, .stride = {run.length}}});
  return code;
}

inline std::vector<candidate> dynamic_quantize_offer(scheduled_node const& n, target const& t) {
  if (!is_standard_operator(*n.n, "DynamicQuantizeLinear") || !is_float_tensor(n.inputs[0])) return {};
  if (!has_output(n, 1) || !has_output(n, 2)) return {};
  return {{.layouts = {.inputs = {layout::row_major}, .outputs = std::vector(3, layout::row_major)},
           .cost = 2 * traffic_cost(n),
           .build = [t](scheduled_node const& at) { return dynamic_quantize_build(at, t); }}};
}

}  // namespace detail

inline constexpr schedule dynamic_quantize_schedule{.name = "dynamic quantize",
                                                    .offer = detail::dynamic_quantize_offer};

}  // namespace sinter

#pragma once

#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// DynamicQuantizeLinear in any layout; the bits of the operator.
///
///     for item, piece: least and greatest element of each lane         (grid)
///     scale and zero point                                       (one task)
///     for item, piece: quantise, where the integers are read     (grid)
namespace sinter {
namespace detail {

/// The least and the greatest of `count` elements and 0, in each lane. A NaN counts for nothing. With less than 16
/// `channels` the elements are pixels of a block that has so many.
inline vector::program range_kernel(std::int64_t count, std::int64_t channels, target const& t) {
  using enum vector::opcode;
  vector::builder b("range", t.lanes());
  auto const x = b.argument("x", vector::access::in, count * 4);
  auto const y = b.argument("y", vector::access::out, 2 * b.register_bytes());
  std::int64_t const lanes = b.lanes(), vectors = count / lanes, chains = std::clamp<std::int64_t>(vectors, 1, 4);
  std::vector<vector::reg> least, greatest;
  for (std::int64_t i = 0; i < chains; ++i) least.push_back(b.zero()), greatest.push_back(b.zero());
  auto const fold = [&](std::size_t chain, std::int64_t at, std::int64_t elements) {
    if (elements <= 0) return;
    auto const value = b.load(x.at(at * 4), static_cast<std::int32_t>(std::min(lanes, elements)));
    b.binary_to(least[chain], min, value, least[chain]);
    b.binary_to(greatest[chain], max, value, greatest[chain]);
  };
  auto const in_block = [&](std::int64_t at) { return channels - at % channel_block; };
  if (channels < channel_block) {
    b.loop(count / channel_block, {{x, channel_block * 4}}, [&] {
      for (std::int64_t at = 0; at < channel_block; at += lanes) fold(0, at, in_block(at));
    });
  } else {
    if (vectors > 0)
      b.loop(vectors / chains, {{x, chains * lanes * 4}}, [&] {
        for (std::int64_t i = 0; i < chains; ++i) fold(static_cast<std::size_t>(i), i * lanes, lanes);
      });
    for (auto at = vectors / chains * chains * lanes; at < count; at += lanes) fold(0, at, count - at);
  }
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

/// Elements of an item that lie side by side, and how many channels of their blocks are some.
struct range_part {
  tile_run run{};
  std::int64_t channels = channel_block;
};

/// Row-major elements, or those of the whole blocks and of the last one.
inline std::vector<range_part> range_parts(operand_info const& x) {
  std::vector<range_part> parts;
  auto const add = [&](std::int64_t from, std::int64_t count, std::int64_t channels) {
    for (auto run : full_runs(count, task_bytes / 4)) {
      run.first += from;
      parts.push_back({run, channels});
    }
  };
  if (x.how != layout::blocked) {
    add(0, static_cast<std::int64_t>(x.shape().elements()), channel_block);
    return parts;
  }
  auto const plane = pixels_of(x.shape()) * channel_block, rest = x.shape()[1] % channel_block;
  auto const whole = x.shape()[1] / channel_block * plane;
  add(0, whole, channel_block);
  if (rest > 0) add(whole, plane, rest);
  return parts;
}

inline fragment dynamic_quantize_build(scheduled_node const& n, target const& t) {
  fragment code;
  auto const& in = n.inputs[0];
  bool const by_item = in.how == layout::blocked;
  auto const items = by_item ? in.shape()[0] : 1;
  auto const parts = range_parts(in);
  std::int64_t pieces = 0;
  for (auto const& part : parts) pieces += part.run.count * items;
  std::int64_t const range_bytes = std::int64_t{8} * t.lanes();
  auto const ranges = code.temporary("ranges", checked_mul(pieces, range_bytes), 0, 1);
  address const scale{.in = space::output, .index = 1}, zero_point{.in = space::output, .index = 2};
  auto const x = [&](tile_run const& run) {
    return address{
        .in = space::input, .offset = run.first * 4, .stride = {by_item ? item_stride(in) : 0, run.length * 4}};
  };
  std::int64_t piece = 0;
  for (auto const& [run, channels] : parts) {
    auto to = ranges;
    to.offset = piece * range_bytes;
    to.stride = {run.count * range_bytes, range_bytes};
    code.add(range_kernel(run.length, channels, t), {items, run.count, 1, 1}, {x(run), to});
    piece += run.count * items;
  }
  code.barrier();
  code.add(range_scale_kernel(pieces, t), {1, 1, 1, 1}, {ranges, scale, zero_point});
  if (!has_output(n, 0)) return code;
  code.barrier();
  auto const y_item = by_item ? item_stride(n.outputs[0]) : 0;
  for (auto const& [run, channels] : parts)
    code.add(quantize_by_range_kernel(run.length, t), {items, run.count, 1, 1},
             {x(run), scale, zero_point, {.in = space::output, .offset = run.first, .stride = {y_item, run.length}}});
  return code;
}

inline std::vector<candidate> dynamic_quantize_offer(scheduled_node const& n, target const& t) {
  if (!is_standard_operator(*n.n, "DynamicQuantizeLinear") || !is_float_tensor(n.inputs[0])) return {};
  if (!has_output(n, 1) || !has_output(n, 2)) return {};
  auto const how = n.inputs[0].shape().rank() >= 2 ? n.inputs[0].how : layout::row_major;
  return {{.layouts = {.inputs = {how}, .outputs = {how, layout::row_major, layout::row_major}},
           .cost = 2 * traffic_cost(n),
           .build = [t](scheduled_node const& at) { return dynamic_quantize_build(at, t); }}};
}

}  // namespace detail

inline constexpr schedule dynamic_quantize_schedule{.name = "dynamic quantize",
                                                    .offer = detail::dynamic_quantize_offer};

}  // namespace sinter

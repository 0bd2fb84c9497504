#pragma once

#include <sinter/core/float16.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/pack_weights.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

/// Operands of products of bfloat16: two neighbouring steps of the reduction are one lane of `dot2.bf16`.
namespace sinter::detail {

/// Whether `machine` multiplies pairs of bfloat16 faster than float32. Machines with tiles do not: theirs take four
/// times as long as an FMA.
inline bool multiplies_pairs(target const& machine) {
  return machine.has(feature::avx512bf16) && !machine.has(feature::amx) && machine.lanes() == 16;
}

/// Packed float32 weights, rows of `width` outputs, as pairs: each two rows become one, rounded to even.
inline packing paired(packing floats, std::int64_t width) {
  SINTER_ASSERT(floats.bytes % (8 * width) == 0);
  return {
      .key = "pairs:" + std::move(floats.key),
      .bytes = floats.bytes / 2,
      .fill = [fill = std::move(floats.fill), bytes = floats.bytes, width](std::byte* to) {
        auto const rows = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(bytes / 4));
        fill(reinterpret_cast<std::byte*>(rows.get()));
        auto const* first = rows.get();
        for (auto left = bytes / (8 * width); left > 0; --left, first += 2 * width)
          for (std::int64_t o = 0; o < width; ++o, to += 4) {
            std::uint16_t const pair[]{float_to_normal_bfloat16(first[o]), float_to_normal_bfloat16(first[width + o])};
            std::memcpy(to, pair, sizeof pair);
          }
      }};
}

/// `count` float32 to bfloat16, side by side; an even number.
inline vector::program round_kernel(std::int64_t count, target const& t) {
  vector::builder b("round_bf16", t.lanes());
  using vector::access;
  auto const x = b.argument("x", access::in, count * 4);
  auto const y = b.argument("y", access::out, count * 2, vector::element::i32);
  std::int64_t const lanes = t.lanes(), turns = count / (2 * lanes), rest = count % (2 * lanes);
  auto const part = [&](std::int64_t at, std::int64_t left) {
    return left <= 0 ? b.zero() : b.load(x.at(at), static_cast<std::int32_t>(std::min(lanes, left)));
  };
  if (turns > 0)
    b.loop(turns, {{x, 8 * lanes}, {y, 4 * lanes}},
           [&] { b.store(y.at(0), b.pack_bf16(part(0, lanes), part(4 * lanes, lanes))); });
  if (rest > 0) {
    auto const at = turns * 2 * lanes;
    b.store(y.at(at * 2), b.pack_bf16(part(at * 4, rest), part((at + lanes) * 4, rest - lanes)),
            static_cast<std::int32_t>(rest / 2));
  }
  return std::move(b).take();
}

/// Adds a region that rounds `items` times `count` elements of input 0, `item_stride` bytes apart, to a temporary that
/// the regions up to the next read. Returns where they lie, densely.
inline address add_rounded(fragment& code, std::int64_t items, std::int64_t count, std::int64_t item_stride,
                           target const& t) {
  auto to = code.temporary("bf16", checked_mul(items, count * 2), 0, 1);
  for (auto const& piece : full_runs(count, task_bytes / 2)) {
    address const x{
        .in = space::input, .index = 0, .offset = piece.first * 4, .stride = {item_stride, piece.length * 4}};
    auto y = to;
    y.offset += piece.first * 2;
    y.stride = {count * 2, piece.length * 2};
    vector::recipe_key key("round_bf16", t);
    key.add(piece.length);
    code.add({key.take(), [length = piece.length, t] { return round_kernel(length, t); }}, {items, piece.count},
             {x, y});
  }
  code.barrier();
  return to;
}

/// Rounding the input.
inline double rounding_cost(scheduled_node const& n) {
  return traffic_cost(1.5 * static_cast<double>(item_bytes(n.inputs[0].shape(), dtype::float32, layout::row_major)));
}

/// What `products` multiply-adds cost, and rounding the input before them.
inline double pairs_cost(scheduled_node const& n, double products) { return products / 2 + rounding_cost(n); }

}  // namespace sinter::detail

#pragma once

#include <sinter/schedules/requantize.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/recipe.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// 8-bit integers as words, which dot2 multiplies where no instruction multiplies bytes exactly. Of the four channels
/// a, b, c, d that an int32 holds, one has a and c, another b and d; int8 become uint8, 128 more. Each plane of memory
/// becomes two of the same length, that with all first int32 and that with all second ones.
///
///     parallel for item, run of planes, piece of a plane: widen                (a region of its own, into the arena)
namespace sinter::detail {

/// `count` planes of `bytes` each, one after the other, in each item.
struct byte_planes {
  std::int64_t items = 1, item_stride = 0;
  std::int64_t count = 1, bytes = 0;  ///< whole int32
  bool is_signed = false;

  std::int64_t widened_bytes() const { return checked_mul(count, 2 * bytes); }
};

/// The kernel for `length` bytes of each of `planes` neighbouring planes. Arguments: x; the two results.
inline vector::recipe widening_recipe(byte_planes const& s, std::int64_t planes, std::int64_t length, target const& t) {
  vector::recipe_key key("widen", t);
  key.add(s.bytes).add(s.is_signed).add(planes).add(length);
  auto const build = [s, planes, length, t] {
    using vector::access, vector::element, vector::opcode;
    constexpr auto i32 = vector::register_type::i32;
    vector::builder b("widen", t.lanes());
    auto const reached = [&](std::int64_t step) { return (planes - 1) * step + length; };
    auto const x = b.argument("x", access::in, reached(s.bytes), element::i32);
    auto const first = b.argument("first", access::out, reached(2 * s.bytes), element::i32);
    auto const second = b.argument("second", access::out, reached(2 * s.bytes), element::i32);
    auto const flip = input_flip({.is_signed = s.is_signed}, b);
    auto const low_bytes = b.constant_i32(0x00ff00ff);
    auto const widen = [&](std::int64_t at, std::int32_t lanes) {
      auto bytes = b.load(x.at(at), lanes, i32);
      if (flip) bytes = b.binary(opcode::ixor, bytes, flip, i32);
      b.store(first.at(at), b.binary(opcode::iand, bytes, low_bytes, i32), lanes);
      b.store(second.at(at), b.binary(opcode::iand, b.shift(opcode::ishr, bytes, 8), low_bytes, i32), lanes);
    };
    auto const step = b.register_bytes(), vectors = length / step;
    b.loop(planes, {{x, s.bytes}, {first, 2 * s.bytes}, {second, 2 * s.bytes}}, [&] {
      if (vectors > 0) b.loop(vectors, {{x, step}, {first, step}, {second, step}}, [&] { widen(0, 0); });
      if (auto const rest = length % step; rest > 0) widen(vectors * step, static_cast<std::int32_t>(rest / 4));
    });
    return std::move(b).take();
  };
  return {key.take(), build};
}

/// Adds the region that widens the bytes at `x`, before the one that reads the result.
inline address widen_bytes(byte_planes const& s, address const& x, target const& t, fragment& code) {
  SINTER_ASSERT(code.regions.empty());
  auto const item = s.widened_bytes();
  auto to = code.temporary("words", checked_mul(s.items, item), 0, 1);
  auto const at_once = std::max<std::int64_t>(1, task_bytes / 2 / s.bytes);
  for (auto const& planes : equal_runs(s.count, at_once))
    for (auto const& piece : equal_runs(s.bytes / 4, task_bytes / 8)) {
      auto const place = [&](address a, std::int64_t item_bytes, std::int64_t plane) {
        a.offset += planes.first * plane + piece.first * 4;
        a.stride = {item_bytes, planes.length * plane, piece.length * 4};
        return a;
      };
      auto const first = place(to, item, 2 * s.bytes);
      auto second = first;
      second.offset += s.bytes;
      code.add(widening_recipe(s, planes.length, piece.length * 4, t), {s.items, planes.count, piece.count, 1},
               {place(x, s.item_stride, s.bytes), first, second});
    }
  code.barrier();
  to.stride[0] = item;
  return to;
}

}  // namespace sinter::detail

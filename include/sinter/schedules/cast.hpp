#pragma once

#include <sinter/ops/cast.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Cast between float32, float16 and bfloat16, and from int32, int8, uint8 and bool to float32; row-major.
///
///     for piece: for vector: load and convert, convert and store         (grid)
namespace sinter {

namespace detail {

/// The element type of vector programs whose loads give the floats that Cast does; none for types without one.
inline std::optional<vector::element> float_source(dtype type) {
  switch (type) {
    case dtype::float32: return vector::element::f32;
    case dtype::float16: return vector::element::f16;
    case dtype::bfloat16: return vector::element::bf16;
    case dtype::int32: return vector::element::i32;
    case dtype::int8: return vector::element::s8;
    case dtype::uint8:
    case dtype::boolean: return vector::element::u8;
    default: return std::nullopt;
  }
}

/// The same for stores, which round as Cast does for floats only.
inline std::optional<vector::element> float_destination(dtype type) {
  return is_floating(type) ? float_source(type) : std::nullopt;
}

inline vector::program cast_kernel(vector::element from, vector::element to, std::int64_t count, target const& t) {
  vector::builder b("cast", t.lanes());
  auto const x = b.argument("x", vector::access::in, count * vector::size_of(from), from, vector::size_of(from));
  auto const y = b.argument("y", vector::access::out, count * vector::size_of(to), to, vector::size_of(to));
  std::int64_t const lanes = t.lanes(), vectors = count / lanes, unroll = std::clamp<std::int64_t>(vectors, 1, 4);
  auto const convert = [&](std::int64_t at, std::int64_t elements) {
    auto const n = static_cast<std::int32_t>(elements);
    b.store(y.at(at * vector::size_of(to)), b.load(x.at(at * vector::size_of(from)), n), n);
  };
  if (vectors > 0)
    b.loop(vectors / unroll, {{x, unroll * lanes * vector::size_of(from)}, {y, unroll * lanes * vector::size_of(to)}},
           [&] {
             for (std::int64_t v = 0; v < unroll; ++v) convert(v * lanes, lanes);
           });
  for (auto at = vectors / unroll * unroll * lanes; at < count; at += lanes) convert(at, std::min(lanes, count - at));
  return std::move(b).take();
}

inline fragment cast_build(vector::element from, vector::element to, std::int64_t count, target const& t) {
  fragment code;
  for (auto const& piece : full_runs(count, task_bytes / 4)) {
    auto const of = [&](space in, std::int64_t size) {
      return address{.in = in, .offset = piece.first * size, .stride = {piece.length * size}};
    };
    code.add(cast_kernel(from, to, piece.length, t), {piece.count, 1, 1, 1},
             {of(space::input, vector::size_of(from)), of(space::output, vector::size_of(to))});
  }
  return code;
}

inline std::vector<candidate> cast_offer(scheduled_node const& n, target const& t) {
  if (!is_standard_operator(*n.n, "Cast") || n.inputs[0].constant) return {};
  auto const &in = n.inputs[0].type, &out = n.outputs[0].type;
  auto const from = float_source(in.element), to = float_destination(out.element);
  if (in.element == out.element || !from || !to) return {};
  if (!is_floating(in.element) && out.element != dtype::float32) return {};
  auto const count = static_cast<std::int64_t>(in.shape->elements());
  return {{.layouts = {.inputs = {layout::row_major}, .outputs = {layout::row_major}},
           .cost = traffic_cost(n),
           .build = [=](scheduled_node const&) { return cast_build(*from, *to, count, t); }}};
}

}  // namespace detail

inline constexpr schedule cast_schedule{.name = "cast", .offer = detail::cast_offer};

}  // namespace sinter

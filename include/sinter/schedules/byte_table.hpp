#pragma once

#include <sinter/ops/quantized_elementwise.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

/// Functions of one 8-bit integer, in any layout: a table of what the operator gives for each of the 256.
///
///     for item, piece: for vector: load, look up, store                  (grid)
namespace sinter {
namespace detail {

/// What `op` gives for bytes of type `in` from 0 to 255, read as uint8.
inline packing pack_byte_table(std::string key, bound_operator op, dtype in, dtype out) {
  constexpr std::int64_t size = 256;
  return {.key = std::move(key), .bytes = size, .fill = [=, op = std::move(op)](std::byte* to) {
            std::array<std::uint8_t, size> all{};
            std::iota(all.begin(), all.end(), std::uint8_t{0});
            tensor_view const from{in, {size}, all.data()};
            mutable_tensor_view const result{out, {size}, to};
            op.evaluate({&from, 1}, {&result, 1});
          }};
}

/// `count` bytes, four in a lane; without a multiple of four at most three, one in a lane.
inline vector::program byte_table_kernel(std::int64_t count, target const& t) {
  using namespace vector;
  bool const words = count % 4 == 0;
  auto const e = words ? element::i32 : element::u8;
  builder b("byte_table", t.lanes());
  auto const x = b.argument("x", access::in, count, e, 1),
             table = b.argument("table", access::constant, 256, element::i32);
  auto const y = b.argument("y", access::out, count, e, 1);
  auto const mask = words ? reg{} : b.constant_i32(0xff);
  auto const look_up = [&](std::int64_t at, std::int64_t lanes) {
    auto const n = static_cast<std::int32_t>(lanes);
    auto found = b.lookup(b.load(x.at(at), n, register_type::i32), table.at(0));
    if (!words) found = b.binary(opcode::iand, found, mask, register_type::i32);
    b.store(y.at(at), found, n);
  };
  std::int64_t const lanes = words ? count / 4 : count, vectors = lanes / t.lanes();
  std::int64_t const bytes = b.register_bytes(), unroll = std::clamp<std::int64_t>(vectors, 1, 4);
  if (vectors > 0)
    b.loop(vectors / unroll, {{x, unroll * bytes}, {y, unroll * bytes}}, [&] {
      for (std::int64_t v = 0; v < unroll; ++v) look_up(v * bytes, t.lanes());
    });
  for (auto v = vectors / unroll * unroll; v * t.lanes() < lanes; ++v)
    look_up(v * bytes, std::min<std::int64_t>(t.lanes(), lanes - v * t.lanes()));
  return std::move(b).take();
}

inline vector::recipe byte_table_recipe(std::int64_t count, target const& t) {
  vector::recipe_key key("byte_table", t);
  key.add(count);
  return {key.take(), [count, t] { return byte_table_kernel(count, t); }};
}

inline fragment byte_table_build(scheduled_node const& n, target const& t) {
  fragment code;
  auto const &x = n.inputs[0], &y = n.outputs[0];
  auto const function = expr::print(n.op.attributes_as<quantized_elementwise::attributes>().pointwise.function);
  auto const key = fmt::format("byte table:{}:{}:{}", name(x.type.element), name(y.type.element), function);
  auto const table = code.weight(pack_byte_table(key, n.op, x.type.element, y.type.element));
  bool const by_item = y.how == layout::blocked;
  auto const items = by_item ? y.shape()[0] : 1;
  auto const bytes = by_item ? item_bytes(y.shape(), y.type.element, y.how) : std::int64_t(y.shape().elements());
  auto pieces = full_runs(bytes / 4 * 4, task_bytes);
  if (bytes % 4 != 0) pieces.push_back({bytes / 4 * 4, bytes % 4, 1});
  for (auto const& piece : pieces) {
    auto const of = [&](space in, operand_info const& o) {
      return address{.in = in, .offset = piece.first, .stride = {by_item ? item_stride(o) : 0, piece.length}};
    };
    code.add(byte_table_recipe(piece.length, t), {items, piece.count, 1, 1},
             {of(space::input, x), table, of(space::output, y)});
  }
  return code;
}

inline std::vector<candidate> byte_table_offer(scheduled_node const& n, target const& t) {
  if (n.n->domain != "sinter" || n.n->op != "QuantizedElementwise" || n.inputs.size() != 1) return {};
  auto const &x = n.inputs[0], &y = n.outputs[0];
  if (!is_byte_tensor(x) || x.constant || x.shape() != y.shape()) return {};
  auto const how = y.shape().rank() >= 2 ? x.how : layout::row_major;
  layout_choice choice{.inputs = {how}, .outputs = {how}};
  if (x.type.element == y.type.element) choice.in_place = {0};
  return {{.layouts = std::move(choice), .cost = traffic_cost(n), .build = [t](scheduled_node const& at) {
             return byte_table_build(at, t);
           }}};
}

}  // namespace detail

inline constexpr schedule byte_table_schedule{.name = "byte table", .offer = detail::byte_table_offer};

}  // namespace sinter

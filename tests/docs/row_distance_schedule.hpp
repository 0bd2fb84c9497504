#pragma once

#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include "docs/row_distance_operator.hpp"
#include <utility>
#include <vector>

/// The schedule of docs/add-a-schedule.md. Row distances, rows of whole blocks of 16:
///
///     parallel for run of rows:
///       for row of the run: for block of 16 columns: sum += |x - c|
namespace sinter {
namespace detail {

/// What decides the code: rows of one task, elements of a row, and whether their mean is wanted.
struct row_distance_shape {
  std::int64_t rows = 1, length = 16;
  bool mean = false;
  std::int64_t row_bytes() const { return length * 4; }
};

inline vector::program row_distance_kernel(row_distance_shape const& s, target const& t) {
  using enum vector::opcode;
  vector::builder b("row_distance", t.lanes());
  auto const x = b.argument("x", vector::access::in, s.rows * s.row_bytes());
  auto const c = b.argument("c", vector::access::constant, s.row_bytes());
  auto const y = b.argument("y", vector::access::out, s.rows * 4);
  b.loop(s.rows, {{x, s.row_bytes()}, {y, 4}}, [&] {
    std::vector<vector::reg> sums;  // of lanes 0 .. 15, in one or two registers
    for (int part = 0; part < t.registers_per_block(); ++part) sums.push_back(b.zero());
    auto const zero = b.zero();
    b.loop(s.length / 16, {{x, 64}, {c, 64}}, [&] {
      for (std::size_t part = 0; part < sums.size(); ++part) {
        auto const at = static_cast<std::int64_t>(part) * b.register_bytes();
        auto const d = b.binary(sub, b.load(x.at(at)), c.at(at));
        b.binary_to(sums[part], add, sums[part], b.binary(max, d, b.binary(sub, zero, d)));
      }
    });
    for (std::size_t part = 1; part < sums.size(); ++part) b.binary_to(sums[0], add, sums[0], sums[part]);
    auto const sum = b.hsum(sums[0]);
    auto const divisor = b.constant(s.mean ? static_cast<float>(s.length) : 1.0f);
    b.store(y.at(0), b.binary(div, sum, divisor), 1);
  });
  return std::move(b).take();
}

inline fragment row_distance_build(scheduled_node const& n, row_distance_shape const& all, target const& t) {
  fragment code;
  auto const c = code.weight(pack_raw(n.inputs[1]));
  for (auto const& run : equal_runs(all.rows, task_bytes / all.row_bytes())) {
    auto s = all;
    s.rows = run.length;
    address const x{
        .in = space::input, .index = 0, .offset = run.first * s.row_bytes(), .stride = {run.length * s.row_bytes()}};
    address const y{.in = space::output, .index = 0, .offset = run.first * 4, .stride = {run.length * 4}};
    vector::recipe_key key("row_distance", t);
    key.add(s.rows).add(s.length).add(s.mean);
    code.add({key.take(), [s, t] { return row_distance_kernel(s, t); }}, {run.count}, {x, c, y});
  }
  return code;
}

inline std::vector<candidate> row_distance_offer(scheduled_node const& n, target const& t) {
  if (n.n->domain != "example" || n.n->op != "RowDistance") return {};
  auto const& x = n.inputs[0];
  if (!is_float_tensor(x) || !n.inputs[1].constant || x.shape()[1] % 16 != 0) return {};
  row_distance_shape const s{
      .rows = x.shape()[0], .length = x.shape()[1], .mean = n.op.attributes_as<row_distance::attributes>().mean};
  return {{.layouts = {.inputs = {layout::row_major, layout::row_major}, .outputs = {layout::row_major}},
           .cost = traffic_cost(n),
           .build = [s, t](scheduled_node const& at) { return row_distance_build(at, s, t); }}};
}

}  // namespace detail

inline constexpr schedule row_distance_schedule{.name = "row distance", .offer = detail::row_distance_offer};

}  // namespace sinter

#pragma once

#include <sinter/ops/reduce.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/row_walk.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

/// ReduceSum, ReduceMean and ReduceMax over neighbouring axes, row-major, seen as [outer, reduced, inner].
///
///     for outer index, run of inner indices:          (grid; where inner is 1, runs of outer indices)
///       for reduced index:
///         fold into accumulators, one a lane          (where inner is 1, sixteen lanes and four chains along the row)
namespace sinter {

namespace detail {

enum class reduce_kind : std::uint8_t { sum, mean, max };

struct reduced_axes {
  reduce_kind kind = reduce_kind::sum;
  std::int64_t outer = 1, reduced = 1, inner = 1;
};

/// The axes that a reduction node names; none where they are not known.
inline std::optional<axis_set> axes_of_node(scheduled_node const& n) {
  std::vector<std::int64_t> axes;
  if (n.inputs.size() > 1 && n.inputs[1].present()) {
    if (!n.inputs[1].constant) return std::nullopt;
    axes = integers_of(n.inputs[1].constant->view());
  }
  return axes_of_reduction(n.op.attributes_as<reduce_attributes>(), axes, n.inputs[0].shape().rank());
}

inline std::optional<reduced_axes> reduced_axes_of(scheduled_node const& n) {
  reduced_axes r;
  if (is_standard_operator(*n.n, "ReduceMean"))
    r.kind = reduce_kind::mean;
  else if (is_standard_operator(*n.n, "ReduceMax"))
    r.kind = reduce_kind::max;
  else if (!is_standard_operator(*n.n, "ReduceSum"))
    return std::nullopt;
  if (!is_float_tensor(n.inputs[0])) return std::nullopt;
  auto const axes = axes_of_node(n);
  if (!axes) return std::nullopt;
  auto const& s = n.inputs[0].shape();
  for (std::size_t i = 0; i < s.rank(); ++i) {
    if (s[i] == 1) continue;
    if (axes->contains(i)) {
      if (r.inner != 1) return std::nullopt;
      r.reduced *= s[i];
    } else {
      (r.reduced == 1 ? r.outer : r.inner) *= s[i];
    }
  }
  return r;
}

constexpr vector::opcode fold_of(reduce_kind kind) {
  return kind == reduce_kind::max ? vector::opcode::max : vector::opcode::add;
}

/// `rows` rows of `r.reduced` elements, each to one element.
inline vector::program reduce_rows_kernel(reduced_axes const& r, std::int64_t rows, target const& t) {
  vector::builder b("reduce_rows", t.lanes());
  auto const x = b.argument("x", vector::access::in, rows * r.reduced * 4);
  auto const y = b.argument("y", vector::access::out, rows * 4);
  b.loop(rows, {{x, r.reduced * 4}, {y, 4}}, [&] {
    row_walk const walk(b, r.reduced);
    if (r.kind == reduce_kind::max) return b.store(y.at(0), walk.greatest(x), 1);
    std::vector<vector::reg> sums;
    for (std::size_t i = 0; i < walk.accumulators(); ++i) sums.push_back(b.zero());
    walk.run({x}, [&](row_part const& at) {
      auto const sum = sums[at.accumulator];
      b.binary_to(sum, vector::opcode::add, sum, at.count == 0 ? b.zero() : b.load(x.at(at.offset), at.count));
    });
    auto sum = walk.fold(sums, vector::opcode::add, vector::opcode::hsum);
    if (r.kind == reduce_kind::mean)
      sum = b.binary(vector::opcode::mul, sum, b.constant(1.0f / static_cast<float>(r.reduced)));
    b.store(y.at(0), sum, 1);
  });
  return std::move(b).take();
}

/// `columns` <= 64 neighbouring inner indices.
inline vector::program reduce_columns_kernel(reduced_axes const& r, std::int64_t columns, target const& t) {
  vector::builder b("reduce_columns", t.lanes());
  auto const row = r.inner * 4;
  auto const x = b.argument("x", vector::access::in, (r.reduced - 1) * row + columns * 4);
  auto const y = b.argument("y", vector::access::out, columns * 4);
  auto const next = b.stream("next", x, r.reduced > 1 ? row : 0);
  auto const count = [&](std::int64_t at) {
    return static_cast<std::int32_t>(std::min<std::int64_t>(t.lanes(), columns - at));
  };
  std::vector<vector::reg> sums;
  for (std::int64_t at = 0; at < columns; at += t.lanes()) sums.push_back(b.load(x.at(at * 4), count(at)));
  if (r.reduced > 1)
    b.loop(r.reduced - 1, {{next, row}}, [&] {
      for (std::int64_t at = 0; at < columns; at += t.lanes()) {
        auto const sum = sums[static_cast<std::size_t>(at / t.lanes())];
        b.binary_to(sum, fold_of(r.kind), sum, b.load(next.at(at * 4), count(at)));
      }
    });
  for (std::int64_t at = 0; at < columns; at += t.lanes()) {
    auto const sum = sums[static_cast<std::size_t>(at / t.lanes())];
    if (r.kind == reduce_kind::mean)
      b.binary_to(sum, vector::opcode::mul, sum, b.constant(1.0f / static_cast<float>(r.reduced)));
    b.store(y.at(at * 4), sum, count(at));
  }
  return std::move(b).take();
}

inline fragment reduce_build(reduced_axes const& r, target const& t) {
  fragment code;
  if (r.inner == 1) {
    for (auto const& run : row_runs(r.outer, r.reduced)) {
      auto const row = r.reduced * 4;
      address const in{.in = space::input, .offset = run.first * row, .stride = {run.length * row}};
      address const out{.in = space::output, .offset = run.first * 4, .stride = {run.length * 4}};
      code.add(reduce_rows_kernel(r, run.length, t), {run.count, 1, 1, 1}, {in, out});
    }
  } else {
    for (auto const& run : full_runs(r.inner, 64)) {
      address const in{.in = space::input, .offset = run.first * 4, .stride = {r.reduced * r.inner * 4, 256}};
      address const out{.in = space::output, .offset = run.first * 4, .stride = {r.inner * 4, 256}};
      code.add(reduce_columns_kernel(r, run.length, t), {r.outer, run.count, 1, 1}, {in, out});
    }
  }
  return code;
}

inline std::vector<candidate> reduce_offer(scheduled_node const& n, target const& t) {
  auto const r = reduced_axes_of(n);
  if (!r) return {};
  return {{.layouts = {.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::row_major}},
           .cost = traffic_cost(n),
           .build = [r = *r, t](scheduled_node const&) { return reduce_build(r, t); }}};
}

}  // namespace detail

inline constexpr schedule reduce_schedule{.name = "reduce", .offer = detail::reduce_offer};

}  // namespace sinter

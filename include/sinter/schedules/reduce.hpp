#pragma once

#include <sinter/ops/reduce.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/row_walk.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

/// ReduceSum, ReduceMean, ReduceMax, ReduceL1, ReduceL2 and ReduceSumSquare over neighbouring axes, row-major, seen as
/// [outer, reduced, inner].
///
///     for outer index, run of inner indices:          (grid; where inner is 1, runs of outer indices)
///       for reduced index:
///         fold into accumulators, one a lane          (where inner is 1, sixteen lanes and four chains along the row)
namespace sinter {

namespace detail {

enum class reduce_kind : std::uint8_t { sum, mean, max, l1, l2, sum_square };

/// The kind of a reduction node; none: no kernel computes it.
inline std::optional<reduce_kind> reduce_kind_of(node const& n) {
  constexpr std::array<std::string_view, 6> names{"ReduceSum", "ReduceMean", "ReduceMax",
                                                  "ReduceL1",  "ReduceL2",   "ReduceSumSquare"};
  auto const name = std::ranges::find(names, n.op);
  if (!n.domain.empty() || name == names.end()) return std::nullopt;
  return static_cast<reduce_kind>(name - names.begin());
}

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
  auto const kind = reduce_kind_of(*n.n);
  if (!kind) return std::nullopt;
  reduced_axes r{.kind = *kind};
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

/// What a reduction of one element `x` gives before it is finished.
inline vector::reg reduce_start(vector::builder& b, reduce_kind kind, vector::reg x) {
  switch (kind) {
    case reduce_kind::l1: return b.binary(vector::opcode::max, x, b.binary(vector::opcode::sub, b.zero(), x));
    case reduce_kind::l2:
    case reduce_kind::sum_square: return b.binary(vector::opcode::mul, x, x);
    default: return x;
  }
}

inline void reduce_step(vector::builder& b, reduce_kind kind, vector::reg sum, vector::reg x) {
  switch (kind) {
    case reduce_kind::max: return b.binary_to(sum, vector::opcode::max, sum, x);
    case reduce_kind::l2:
    case reduce_kind::sum_square: return b.fma_to(sum, x, x);
    default: return b.binary_to(sum, vector::opcode::add, sum, reduce_start(b, kind, x));
  }
}

inline vector::reg reduce_finish(vector::builder& b, reduced_axes const& r, vector::reg sum) {
  switch (r.kind) {
    case reduce_kind::mean: return b.binary(vector::opcode::mul, sum, b.constant(1.0f / static_cast<float>(r.reduced)));
    case reduce_kind::l2: return b.unary(vector::opcode::sqrt, sum);
    default: return sum;
  }
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
      reduce_step(b, r.kind, sums[at.accumulator], at.count == 0 ? b.zero() : b.load(x.at(at.offset), at.count));
    });
    b.store(y.at(0), reduce_finish(b, r, walk.fold(sums, vector::opcode::add, vector::opcode::hsum)), 1);
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
  for (std::int64_t at = 0; at < columns; at += t.lanes())
    sums.push_back(reduce_start(b, r.kind, b.load(x.at(at * 4), count(at))));
  if (r.reduced > 1)
    b.loop(r.reduced - 1, {{next, row}}, [&] {
      for (std::int64_t at = 0; at < columns; at += t.lanes())
        reduce_step(b, r.kind, sums[static_cast<std::size_t>(at / t.lanes())], b.load(next.at(at * 4), count(at)));
    });
  for (std::int64_t at = 0; at < columns; at += t.lanes())
    b.store(y.at(at * 4), reduce_finish(b, r, sums[static_cast<std::size_t>(at / t.lanes())]), count(at));
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

#pragma once

#include <sinter/expr/math.hpp>
#include <sinter/ops/softmax.hpp>
#include <sinter/schedules/apply.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/row_walk.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/verify.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Softmax and LogSoftmax along contiguous rows, row-major.
///
///     for run of rows:                        (grid)
///       for row:
///         m = greatest element
///         for piece: y = e^(x - m), sum y     (LogSoftmax: sum only)
///         for piece: y *= 1 / sum             (LogSoftmax: y = x - m - log sum)
namespace sinter {

namespace detail {

struct softmax_rows {
  bool logarithmic = false;
  std::int64_t rows = 1, length = 1;
};

inline std::optional<softmax_rows> softmax_rows_of(scheduled_node const& n) {
  bool const logarithmic = is_standard_operator(*n.n, "LogSoftmax");
  if (!logarithmic && !is_standard_operator(*n.n, "Softmax")) return std::nullopt;
  if (!is_float_tensor(n.inputs[0])) return std::nullopt;
  auto const& s = n.inputs[0].shape();
  auto const view = logarithmic ? log_softmax::lines(s, n.op.attributes_as<log_softmax::attributes>())
                                : softmax::lines(s, n.op.attributes_as<softmax::attributes>());
  if (view.inner != 1) return std::nullopt;
  return softmax_rows{logarithmic, view.outer, view.extent};
}

/// Instructions for the exponentials of one register, about.
inline constexpr std::int64_t instructions_of_part = 48;

/// One task: `rows` rows.
class softmax_kernel {
 public:
  softmax_kernel(softmax_rows const& shape, target const& t) : shape_(shape), b_("softmax", t.lanes()) {}

  vector::program build() && {
    auto const bytes = shape_.rows * shape_.length * 4;
    x_ = b_.argument("x", vector::access::in, bytes);
    y_ = b_.argument("y", vector::access::out, bytes);
    b_.loop(shape_.rows, {{x_, shape_.length * 4}, {y_, shape_.length * 4}}, [&] {
      row_walk const walk(b_, shape_.length);
      auto const greatest = walk.greatest(x_);
      auto const sum = exponentials(walk, greatest);
      shape_.logarithmic ? subtract(walk, greatest, sum) : scale(walk, sum);
    });
    return std::move(b_).take();
  }

 private:
  vector::reg exponentials(row_walk const& walk, vector::reg greatest) {
    auto const function = expr::expand(expr::flatten(expr::exp_flushed(expr::input(0) - expr::input(1)), 2));
    std::vector<vector::reg> sums;
    for (std::size_t i = 0; i < walk.accumulators(); ++i) sums.push_back(b_.zero());
    walk.run({x_, y_}, [&](row_part const& at) {
      auto const sum = sums[at.accumulator];
      if (at.count == 0) return b_.binary_to(sum, vector::opcode::add, sum, b_.zero());
      auto e = apply(function, b_, std::array{b_.load(x_.at(at.offset), at.count), greatest});
      if (!shape_.logarithmic || !at.whole) b_.store(y_.at(at.offset), e, at.count);
      if (!at.whole) e = b_.load(y_.at(at.offset), at.count);  // zeros behind the row's end
      b_.binary_to(sum, vector::opcode::add, sum, e);
    });
    return walk.fold(sums, vector::opcode::add, vector::opcode::hsum);
  }

  void scale(row_walk const& walk, vector::reg sum) {
    auto const factor = b_.binary(vector::opcode::div, b_.constant(1), sum);
    walk.run({y_}, [&](row_part const& at) {
      if (at.count == 0) return;
      auto const y = b_.load(y_.at(at.offset), at.count);
      b_.store(y_.at(at.offset), b_.binary(vector::opcode::mul, y, factor), at.count);
    });
  }

  void subtract(row_walk const& walk, vector::reg greatest, vector::reg sum) {
    auto const logarithm = apply(expr::expand(expr::flatten(expr::log(expr::input(0)), 1)), b_, std::array{sum});
    walk.run({x_, y_}, [&](row_part const& at) {
      if (at.count == 0) return;
      auto const shifted = b_.binary(vector::opcode::sub, b_.load(x_.at(at.offset), at.count), greatest);
      b_.store(y_.at(at.offset), b_.binary(vector::opcode::sub, shifted, logarithm), at.count);
    });
  }

  softmax_rows shape_;
  vector::builder b_;
  vector::pointer x_{}, y_{};
};

inline fragment softmax_build(softmax_rows const& all, target const& t) {
  fragment code;
  // Rows of less than two turns are straight code; where that is too long for a loop over rows, each is a task.
  auto const parts = ceil_div(all.length, 16) * (16 / t.lanes());
  bool const alone =
      all.length / 16 / row_walk::chains == 1 && parts * instructions_of_part > vector::longest_innermost_body;
  auto const runs = alone ? std::vector<tile_run>{{0, 1, all.rows}} : row_runs(all.rows, all.length);
  for (auto const& run : runs) {
    auto part = all;
    part.rows = run.length;
    auto const bytes = all.length * 4;
    address const in{.in = space::input, .offset = run.first * bytes, .stride = {run.length * bytes}};
    auto out = in;
    out.in = space::output;
    code.add(softmax_kernel(part, t).build(), {run.count, 1, 1, 1}, {in, out});
  }
  return code;
}

inline std::vector<candidate> softmax_offer(scheduled_node const& n, target const& t) {
  auto const rows = softmax_rows_of(n);
  if (!rows) return {};
  layout_choice layouts{.inputs = {layout::row_major}, .outputs = {layout::row_major}};
  if (!rows->logarithmic) layouts.in_place = {0};
  return {{.layouts = std::move(layouts), .cost = traffic_cost(n), .build = [rows = *rows, t](scheduled_node const&) {
             return softmax_build(rows, t);
           }}};
}

}  // namespace detail

inline constexpr schedule softmax_schedule{.name = "softmax", .offer = detail::softmax_offer};

}  // namespace sinter

#pragma once

#include <sinter/schedules/softmax.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Softmax and LogSoftmax along an axis that is not the innermost one, row-major, seen as [outer, length, inner].
///
///     for outer index, up to 32 neighbouring inner indices:        (grid)
///       m = greatest element of each column
///       for index of the axis: y = e^(x - m), sum y                (LogSoftmax: sum only)
///       for index of the axis: y *= 1 / sum                        (LogSoftmax: y = x - m - log sum)
namespace sinter {

namespace detail {

struct softmax_columns {
  bool logarithmic = false;
  std::int64_t outer = 1, length = 1, inner = 1;
};

inline std::optional<softmax_columns> softmax_columns_of(scheduled_node const& n) {
  bool const logarithmic = is_standard_operator(*n.n, "LogSoftmax");
  if ((!logarithmic && !is_standard_operator(*n.n, "Softmax")) || !is_float_tensor(n.inputs[0])) return std::nullopt;
  auto const& s = n.inputs[0].shape();
  auto const view = logarithmic ? log_softmax::lines(s, n.op.attributes_as<log_softmax::attributes>())
                                : softmax::lines(s, n.op.attributes_as<softmax::attributes>());
  if (view.inner == 1) return std::nullopt;
  return softmax_columns{logarithmic, view.outer, view.extent, view.inner};
}

/// One task: `columns` neighbouring columns.
class softmax_columns_kernel {
 public:
  static constexpr std::int64_t widest = 32;

  softmax_columns_kernel(softmax_columns const& shape, std::int64_t columns, target const& t)
      : shape_(shape), columns_(columns), b_("softmax_columns", t.lanes()) {}

  vector::program build() && {
    using enum vector::opcode;
    auto const bytes = (shape_.length - 1) * row() + columns_ * 4;
    x_ = b_.argument("x", vector::access::in, bytes);
    y_ = b_.argument("y", vector::access::out, bytes);
    std::vector<vector::reg> greatest, sums, factors;
    each_vector(
        [&](std::int64_t at, std::int32_t count, std::size_t) { greatest.push_back(b_.load(x_.at(at), count)); });
    each_row([&](std::int64_t at, std::int32_t count, std::size_t v) {
      b_.binary_to(greatest[v], max, greatest[v], b_.load(x_.at(at), count));
    });
    for (std::size_t v = 0; v < greatest.size(); ++v) sums.push_back(b_.zero());
    auto const function = expr::expand(expr::flatten(expr::exp_flushed(expr::input(0) - expr::input(1)), 2));
    each_row([&](std::int64_t at, std::int32_t count, std::size_t v) {
      auto const e = apply(function, b_, std::array{b_.load(x_.at(at), count), greatest[v]});
      if (!shape_.logarithmic) b_.store(y_.at(at), e, count);
      b_.binary_to(sums[v], add, sums[v], e);
    });
    auto const logarithm = expr::expand(expr::flatten(expr::log(expr::input(0)), 1));
    for (auto const sum : sums)
      factors.push_back(shape_.logarithmic ? apply(logarithm, b_, std::array{sum})
                                           : b_.binary(div, b_.constant(1), sum));
    each_row([&](std::int64_t at, std::int32_t count, std::size_t v) {
      auto const from = b_.load((shape_.logarithmic ? x_ : y_).at(at), count);
      b_.store(y_.at(at),
               shape_.logarithmic ? b_.binary(sub, b_.binary(sub, from, greatest[v]), factors[v])
                                  : b_.binary(mul, from, factors[v]),
               count);
    });
    return std::move(b_).take();
  }

 private:
  std::int64_t row() const { return shape_.inner * 4; }

  template <typename Visit>
  void each_vector(Visit&& visit) {
    for (std::int64_t at = 0; at < columns_; at += b_.lanes())
      visit(at * 4, static_cast<std::int32_t>(std::min<std::int64_t>(b_.lanes(), columns_ - at)),
            static_cast<std::size_t>(at / b_.lanes()));
  }
  template <typename Visit>
  void each_row(Visit&& visit) {
    b_.loop(shape_.length, {{x_, row()}, {y_, row()}}, [&] { each_vector(visit); });
  }

  softmax_columns shape_;
  std::int64_t columns_;
  vector::builder b_;
  vector::pointer x_{}, y_{};
};

inline fragment softmax_columns_build(softmax_columns const& s, target const& t) {
  fragment code;
  for (auto const& run : full_runs(s.inner, softmax_columns_kernel::widest)) {
    address const in{.in = space::input, .offset = run.first * 4, .stride = {s.length * s.inner * 4, run.length * 4}};
    auto out = in;
    out.in = space::output;
    vector::recipe_key key("softmax_columns", t);
    key.add(s.logarithmic).add(s.length).add(s.inner).add(run.length);
    code.add({key.take(), [s, run, t] { return softmax_columns_kernel(s, run.length, t).build(); }},
             {s.outer, run.count}, {in, out});
  }
  return code;
}

inline std::vector<candidate> softmax_columns_offer(scheduled_node const& n, target const& t) {
  auto const s = softmax_columns_of(n);
  if (!s) return {};
  layout_choice layouts{.inputs = {layout::row_major}, .outputs = {layout::row_major}};
  if (!s->logarithmic) layouts.in_place = {0};
  return {{.layouts = std::move(layouts), .cost = traffic_cost(n), .build = [s = *s, t](scheduled_node const&) {
             return softmax_columns_build(s, t);
           }}};
}

}  // namespace detail

inline constexpr schedule softmax_columns_schedule{.name = "softmax columns", .offer = detail::softmax_columns_offer};

}  // namespace sinter

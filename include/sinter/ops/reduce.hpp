#pragma once

#include <sinter/kernels/integer_range.hpp>
#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <cmath>
#include <limits>

namespace sinter {

enum class reduction { sum, mean, product, max, min, l1, l2, log_sum, log_sum_exp, sum_square };

/// What one reduction does: start value, what is done with each element, and what with the result.
template <reduction Kind, typename Sum>
struct reducer {
  /// Where sums and products are formed, so that those of integers wrap.
  using modular = std::conditional_t<std::is_integral_v<Sum>, std::uint64_t, Sum>;

  static Sum start() {
    using limits = std::numeric_limits<Sum>;
    if constexpr (Kind == reduction::max) return limits::has_infinity ? -limits::infinity() : limits::lowest();
    if constexpr (Kind == reduction::min) return limits::has_infinity ? limits::infinity() : limits::max();
    return Sum{Kind == reduction::product};
  }
  static Sum step(Sum sum, Sum x) {
    if constexpr (Kind == reduction::max) return x > sum || x != x ? x : sum;
    if constexpr (Kind == reduction::min) return x < sum || x != x ? x : sum;
    auto const a = static_cast<modular>(sum), b = static_cast<modular>(x);
    if constexpr (Kind == reduction::product) return static_cast<Sum>(a * b);
    if constexpr (Kind == reduction::l1) return static_cast<Sum>(x < Sum{} ? a - b : a + b);
    if constexpr (Kind == reduction::l2 || Kind == reduction::sum_square) return static_cast<Sum>(a + b * b);
    return static_cast<Sum>(a + b);
  }
  static Sum finish(Sum sum, std::int64_t count) {
    if constexpr (Kind == reduction::mean) {
      if constexpr (std::is_integral_v<Sum>) return count ? sum / static_cast<Sum>(count) : Sum{};
      return sum / static_cast<Sum>(count);
    }
    if constexpr (Kind == reduction::l2) return static_cast<Sum>(std::sqrt(static_cast<double>(sum)));
    if constexpr (Kind == reduction::log_sum) return static_cast<Sum>(std::log(static_cast<double>(sum)));
    return sum;
  }
};

struct reduce_attributes {
  std::vector<std::int64_t> axes{};
  bool keep = true;
  bool noop_when_empty = false;
};

/// The axes of a reduction: its attribute, or the second input; none means all, unless that is declared a no-op.
inline axis_set axes_of_reduction(reduce_attributes const& a, std::vector<std::int64_t> const& input,
                                  std::size_t rank) {
  auto const& axes = a.axes.empty() ? input : a.axes;
  if (axes.empty()) return a.noop_when_empty ? axis_set() : axis_set::all(rank);
  return {axes, rank};
}

constexpr std::string_view name_of(reduction kind) {
  constexpr std::string_view names[] = {"ReduceSum",       "ReduceMean",     "ReduceProd", "ReduceMax",
                                        "ReduceMin",       "ReduceL1",       "ReduceL2",   "ReduceLogSum",
                                        "ReduceLogSumExp", "ReduceSumSquare"};
  return names[static_cast<int>(kind)];
}

/// ReduceSum and its kin; up to 12 (ReduceSum) or 17 (others) the axes are an attribute, later an input.
/// https://onnx.ai/onnx/operators/onnx__ReduceSum.html
template <reduction Kind>
struct reduce {
  static constexpr op_schema schema{.name = name_of(Kind), .since = 1, .max_inputs = 2};
  using attributes = reduce_attributes;

  static attributes parse(attribute_reader const& r) {
    return {.axes = r.get("axes", std::vector<std::int64_t>{}),
            .keep = r.get("keepdims", true),
            .noop_when_empty = r.get("noop_with_empty_axes", false)};
  }

  static types infer(inputs const& in, attributes const& a) {
    std::vector<std::int64_t> axes;
    if (in.has(1)) {
      auto const known = in.integers(1);
      if (!known) return {unknown_shape(in.element(0))};
      axes = *known;
    }
    auto const set = axes_of_reduction(a, axes, in.shape(0).rank());
    return {{in.element(0), set.reduced(in.shape(0), a.keep)}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[0].shape;
    auto const given = in.size() > 1 && in[1] ? integers_of(in[1]) : std::vector<std::int64_t>{};
    auto const axes = axes_of_reduction(a, given, s.rank());
    visit_compute(in[0].type, [&]<typename T>() {
      using Sum = std::conditional_t<std::is_same_v<T, float>, double, T>;
      kernels::staged_input<T> x(in[0]);
      kernels::staged_output<T> y(out[0]);
      if (in[0].type == dtype::boolean && out[0].elements() != 0)
        return reduce_booleans(s, axes, x.data(), y.data(), out[0].elements());
      std::vector<Sum> sums(out[0].elements(), start<Sum>(in[0].type));
      auto const each = [&](auto&& step) {
        kernels::for_each_reduced(
            s, [&](std::size_t axis) { return axes.contains(axis); },
            [&](std::int64_t i, std::int64_t o) {
              sums[static_cast<std::size_t>(o)] = step(sums[static_cast<std::size_t>(o)], static_cast<Sum>(x[i]), o);
            });
      };
      if constexpr (Kind == reduction::log_sum_exp) {
        log_sum_exp(each, sums);
      } else {
        each([](Sum sum, Sum v, std::int64_t) { return reducer<Kind, Sum>::step(sum, v); });
        for (auto& sum : sums) sum = reducer<Kind, Sum>::finish(sum, axes.elements(s));
      }
      for (std::size_t i = 0; i < sums.size(); ++i) y[i] = static_cast<T>(sums[i]);
    });
  }

 private:
  /// What a reduction of no elements gives: for narrow integers, the bounds of their own type.
  template <typename Sum>
  static Sum start(dtype type) {
    if (is_integer(type) && size_of(type) < 8) {
      if constexpr (Kind == reduction::max) return static_cast<Sum>(range_of(type).least);
      if constexpr (Kind == reduction::min) return static_cast<Sum>(range_of(type).greatest);
    }
    return reducer<Kind, Sum>::start();
  }

  /// log(sum(exp(x))), shifted by the greatest element so that nothing overflows.
  template <typename Each, typename Sum>
  static void log_sum_exp(Each const& each, std::vector<Sum>& sums) {
    std::ranges::fill(sums, reducer<reduction::max, Sum>::start());
    each([](Sum sum, Sum v, std::int64_t) { return reducer<reduction::max, Sum>::step(sum, v); });
    auto greatest = sums;
    for (auto& g : greatest)
      if (std::isinf(static_cast<double>(g))) g = Sum{};
    std::ranges::fill(sums, Sum{});
    each([&](Sum sum, Sum v, std::int64_t o) {
      return sum + static_cast<Sum>(
                       std::exp(static_cast<double>(v) - static_cast<double>(greatest[static_cast<std::size_t>(o)])));
    });
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] = convert<Sum>(std::log(static_cast<double>(sums[i])) + static_cast<double>(greatest[i]));
  }

  /// Of booleans, where an empty maximum is false and an empty minimum true.
  template <typename T>
  static void reduce_booleans(shape const& s, axis_set const& axes, T const* x, T* y, std::size_t count) {
    using step = reducer<Kind, T>;
    std::fill_n(y, count, static_cast<T>(Kind == reduction::min || Kind == reduction::product));
    kernels::for_each_reduced(
        s, [&](std::size_t axis) { return axes.contains(axis); },
        [&](std::int64_t i, std::int64_t o) { y[o] = step::step(y[o], x[i]); });
  }
};

/// All reductions.
struct reduction_family {
  static constexpr auto entries =
      operator_list<reduce<reduction::sum>, reduce<reduction::mean>, reduce<reduction::product>, reduce<reduction::max>,
                    reduce<reduction::min>, reduce<reduction::l1>, reduce<reduction::l2>, reduce<reduction::log_sum>,
                    reduce<reduction::log_sum_exp>, reduce<reduction::sum_square>>::entries;
};

}  // namespace sinter

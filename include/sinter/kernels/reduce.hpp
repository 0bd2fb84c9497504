#pragma once

#include <sinter/kernels/integer_range.hpp>
#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

/// Kernels along axes: reductions, searches, running sums, softmax.
namespace sinter::kernels {

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
  /// What a reduction of no elements gives: for narrow integers, the bounds of their own type.
  static Sum start(dtype type) {
    if (is_integer(type) && size_of(type) < 8) {
      if constexpr (Kind == reduction::max) return static_cast<Sum>(range_of(type).least);
      if constexpr (Kind == reduction::min) return static_cast<Sum>(range_of(type).greatest);
    }
    return start();
  }
};

/// log(sum(exp(x))), shifted by the greatest element so that nothing overflows. `each` calls its argument on a sum, an
/// element and the sum's number; `greatest` is room for as many values as there are sums.
template <typename Each, typename Sum>
void log_sum_exp(Each const& each, Sum* sums, Sum* greatest, std::size_t count) {
  std::fill_n(sums, count, reducer<reduction::max, Sum>::start());
  each([](Sum sum, Sum v, std::int64_t) { return reducer<reduction::max, Sum>::step(sum, v); });
  for (std::size_t i = 0; i < count; ++i) greatest[i] = std::isinf(static_cast<double>(sums[i])) ? Sum{} : sums[i];
  std::fill_n(sums, count, Sum{});
  each([&](Sum sum, Sum v, std::int64_t o) {
    return sum + static_cast<Sum>(std::exp(static_cast<double>(v) - static_cast<double>(greatest[o])));
  });
  for (std::size_t i = 0; i < count; ++i)
    sums[i] = convert<Sum>(std::log(static_cast<double>(sums[i])) + static_cast<double>(greatest[i]));
}

/// Reduces axes. Numbers: the axes as bits, the elements that one result is made of.
template <reduction Kind>
status reduce(call const& c) {
  auto const& s = c.in[0].shape;
  auto const reduced = [&](std::size_t axis) { return c.integers[0] >> axis & 1; };
  auto const count = c.out[0].elements();
  return visit_compute(c.in[0].type, [&]<typename T>() -> status {
    using Sum = std::conditional_t<std::is_same_v<T, float>, double, T>;
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    auto* const sums = c.memory.take<Sum>(count);
    auto* const greatest = c.memory.take<Sum>(Kind == reduction::log_sum_exp ? count : 0);
    if (c.memory.measuring()) return {};
    if (c.in[0].type == dtype::boolean && count != 0) {  // an empty maximum is false, an empty minimum true
      std::fill_n(y.data(), count, static_cast<T>(Kind == reduction::min || Kind == reduction::product));
      for_each_reduced(s, reduced, [&](std::int64_t i, std::int64_t o) { y[o] = reducer<Kind, T>::step(y[o], x[i]); });
      return {};
    }
    auto const each = [&](auto&& step) {
      for_each_reduced(s, reduced,
                       [&](std::int64_t i, std::int64_t o) { sums[o] = step(sums[o], static_cast<Sum>(x[i]), o); });
    };
    if constexpr (Kind == reduction::log_sum_exp) {
      log_sum_exp(each, sums, greatest, count);
    } else {
      std::fill_n(sums, count, reducer<Kind, Sum>::start(c.in[0].type));
      each([](Sum sum, Sum v, std::int64_t) { return reducer<Kind, Sum>::step(sum, v); });
      for (std::size_t i = 0; i < count; ++i) sums[i] = reducer<Kind, Sum>::finish(sums[i], c.integers[1]);
    }
    for (std::size_t i = 0; i < count; ++i) y[static_cast<std::int64_t>(i)] = static_cast<T>(sums[i]);
    return {};
  });
}

/// Where along an axis the greatest or least element lies. Numbers: the axis, whether the greatest, whether the last of
/// equal ones.
inline status arg_reduce(call const& c) {
  auto const view = axis_view::of(c.in[0].shape, static_cast<std::size_t>(c.integers[0]));
  bool const max = c.integers[1] != 0, last = c.integers[2] != 0;
  return visit_compute(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    if (c.memory.measuring()) return {};
    auto* y = static_cast<std::int64_t*>(c.out[0].data);
    view.for_each_line([&](std::int64_t first) {
      auto const at = [&](std::int64_t i) { return x[first + i * view.inner]; };
      std::int64_t best = 0;
      for (std::int64_t i = 1; i < view.extent; ++i)
        if ((max ? at(i) > at(best) : at(i) < at(best)) || (last && at(i) == at(best))) best = i;
      *y++ = best;
    });
    return {};
  });
}

/// An element and where it lies.
template <typename T>
struct ranked {
  T value;
  std::int64_t index;

  /// Whether it comes before `other`, the greatest or the least first; of equal ones the first. A NaN is greater than
  /// all.
  bool before(ranked const& other, bool largest) const {
    bool const nan = value != value, other_nan = other.value != other.value;
    if (nan != other_nan) return nan == largest;
    if (!nan && value != other.value) return largest ? value > other.value : value < other.value;
    return index < other.index;
  }
};

/// Moves the first `k` of `count` elements to the front, in their order.
template <typename T>
void take_first(ranked<T>* elements, std::int64_t k, std::int64_t count, bool largest) {
  auto const before = [&](ranked<T> const& a, ranked<T> const& b) { return a.before(b, largest); };
  std::nth_element(elements, elements + k, elements + count, before);
  std::sort(elements, elements + k, before);
}

/// The greatest or least elements along an axis, and where they lie. Numbers: the axis, whether the greatest, how many;
/// without the last one, in[1] says how many, and the kernel is a counting one.
inline status top_elements(call const& c) {
  auto const view = axis_view::of(c.in[0].shape, static_cast<std::size_t>(c.integers[0]));
  bool const largest = c.integers[1] != 0;
  staged_input<std::int64_t> given(c.input(1), c.memory);
  bool const counts = c.integers.size() < 3;
  auto const k = !counts ? c.integers[2] : c.memory.measuring() ? view.extent : given[0];
  if (k < 0 || k > view.extent) return status::outside(k, 0, view.extent);
  auto const first_k = [&](mutable_tensor_view v) {
    if (v) v.shape[static_cast<std::size_t>(c.integers[0])] = k;
    return v;
  };
  return visit_compute(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> values(first_k(c.output(0)), c.memory);
    staged_output<std::int64_t> indices(first_k(c.output(1)), c.memory);
    auto* const order = c.memory.take<ranked<T>>(static_cast<std::size_t>(view.extent));
    if (c.memory.measuring()) return {};
    std::int64_t line = 0;
    view.for_each_line([&](std::int64_t first) {
      for (std::int64_t i = 0; i < view.extent; ++i) order[i] = {x[first + i * view.inner], i};
      take_first(order, k, view.extent, largest);
      auto const target = line / view.inner * k * view.inner + line % view.inner;
      ++line;
      for (std::int64_t i = 0; i < k; ++i) {
        if (values.data()) values[target + i * view.inner] = order[i].value;
        if (indices.data()) indices[target + i * view.inner] = order[i].index;
      }
    });
    return status::found(k);
  });
}

/// Running sums or products along an axis. Numbers: the axis, whether products, whether an element's own value is left
/// out, whether from the end.
inline status accumulate(call const& c) {
  auto const view = axis_view::of(c.in[0].shape, static_cast<std::size_t>(c.integers[0]));
  bool const product = c.integers[1] != 0, exclusive = c.integers[2] != 0, reverse = c.integers[3] != 0;
  return visit_modular(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (c.memory.measuring()) return {};
    view.for_each_line([&](std::int64_t first) {
      auto running = static_cast<T>(product);
      for (std::int64_t i = 0; i < view.extent; ++i) {
        auto const at = first + (reverse ? view.extent - 1 - i : i) * view.inner;
        auto const next = product ? running * x[at] : running + x[at];
        y[at] = exclusive ? running : next;
        running = next;
      }
    });
    return {};
  });
}

enum class softmax_kind { softmax, log_softmax, hardmax };

/// One line of softmax and its kin: `count` elements, `step` apart. Each step of ONNX's definition rounds to `type`,
/// the elements' own.
template <typename T>
void normalize_line(softmax_kind kind, dtype type, T const* x, T* y, std::int64_t count, std::int64_t step) {
  bool const narrow = type != dtype_of<T>;
  auto const round = [&](T value) {
    std::uint32_t element = 0;
    if (!narrow) return value;
    store<T>(type, &element, 0, value);
    return load<T>(type, &element, 0);
  };
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < count; ++i)
    if (x[i * step] > x[best * step]) best = i;
  if (kind == softmax_kind::hardmax) {
    for (std::int64_t i = 0; i < count; ++i) y[i * step] = static_cast<T>(i == best);
    return;
  }
  auto const greatest = x[best * step];
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    auto const e = round(std::exp(round(x[i * step] - greatest)));
    if (kind == softmax_kind::softmax) y[i * step] = e;
    sum += static_cast<double>(e);
  }
  if (auto const s = round(static_cast<T>(sum)); narrow && std::isfinite(s)) sum = static_cast<double>(s);
  auto const scale = static_cast<T>(1 / sum), shift = round(static_cast<T>(std::log(sum)));
  for (std::int64_t i = 0; i < count; ++i)
    y[i * step] = kind == softmax_kind::softmax ? y[i * step] * scale : round(x[i * step] - greatest) - shift;
}

/// Softmax and its kin along lines. Numbers: the kind, and how the tensor is seen: outer, extent, inner.
inline status softmax(call const& c) {
  axis_view const view{c.integers[1], c.integers[2], c.integers[3]};
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (c.memory.measuring() || view.extent == 0) return {};
    view.for_each_line([&](std::int64_t first) {
      normalize_line(static_cast<softmax_kind>(c.integers[0]), c.in[0].type, x + first, y + first, view.extent,
                     view.inner);
    });
    return {};
  });
}

}  // namespace sinter::kernels

#pragma once

#include <sinter/ops/attribute_reader.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace sinter {

/// What models of ai.onnx.ml do to the scores of a row at last.
enum class post_transform : std::size_t { none, softmax, logistic, softmax_zero, probit };

inline post_transform parse_post_transform(attribute_reader const& r) {
  static constexpr std::array<std::string_view, 5> names{"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  return static_cast<post_transform>(r.choice("post_transform", "NONE", names));
}

namespace detail {

/// The x for which a standard normal number is less with probability `p`: Newton's method on erf.
inline double probit(double p) {
  if (!(p > 0)) return p == 0 ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  if (!(p < 1)) return p == 1 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  double low = -40, high = 40;
  for (int i = 0; i < 200; ++i) {
    auto const middle = (low + high) / 2;
    (std::erfc(-middle * std::sqrt(0.5)) / 2 < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace detail

/// Applies it to a row. `softmax_zero` leaves scores of 0 as they are.
inline void post_process(post_transform t, std::span<double> row) {
  bool const normalises = t == post_transform::softmax || t == post_transform::softmax_zero;
  if (normalises && !row.empty()) {
    auto const counts = [&](double x) { return t == post_transform::softmax || std::abs(x) > 1e-7; };
    auto const most = *std::ranges::max_element(row);
    double sum = 0;
    for (auto& x : row) sum += x = counts(x) ? std::exp(x - most) : 0;
    for (auto& x : row) x = sum > 0 ? x / sum : 0;
  }
  for (auto& x : row) {
    if (t == post_transform::logistic) x = 1 / (1 + std::exp(-x));
    if (t == post_transform::probit) x = detail::probit(x);
  }
}

/// The names of classes, integers or strings.
struct class_labels {
  std::vector<std::int64_t> integers{};
  std::vector<std::string> strings{};

  static class_labels parse(attribute_reader const& r, std::string_view integers_name, std::string_view strings_name) {
    class_labels l{.integers = r.get(integers_name, std::vector<std::int64_t>()),
                   .strings = r.get(strings_name, std::vector<std::string>())};
    if (l.integers.empty() == l.strings.empty())
      fail(error_code::malformed_model, "expected either '{}' or '{}'", integers_name, strings_name);
    return l;
  }
  std::size_t size() const { return std::max(integers.size(), strings.size()); }
  dtype type() const { return strings.empty() ? dtype::int64 : dtype::string; }
  /// Writes the name of class `which` as element `i`.
  void write(mutable_tensor_view to, std::size_t i, std::size_t which) const {
    if (strings.empty())
      to.as<std::int64_t>()[i] = integers[which];
    else
      to.as<std::string>()[i] = strings[which];
  }
  any_tensor tensor() const {
    auto const count = static_cast<std::int64_t>(size());
    return strings.empty() ? any_tensor::of<std::int64_t>({count}, std::span<std::int64_t const>(integers))
                           : any_tensor::of<std::string>({count}, std::span<std::string const>(strings));
  }
};

/// Rows and columns of features: a vector is one row.
struct feature_matrix {
  std::int64_t rows = 1, columns = 0;

  static feature_matrix of(shape const& x) {
    if (x.rank() == 1) return {1, x[0]};
    if (x.rank() == 2) return {x[0], x[1]};
    fail(error_code::malformed_model, "the features have shape {}, expected NxF or F", x);
  }
};

}  // namespace sinter

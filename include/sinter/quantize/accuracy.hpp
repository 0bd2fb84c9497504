#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/quantize/calibration.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace sinter::quantize {

/// An output of a model beside that of another form of it.
struct output_accuracy {
  std::string name{};
  std::size_t rows = 0;          ///< of scores, where the output looks like those of a classifier
  std::size_t agreed = 0;        ///< of these rows, with the same element for the largest
  double signal = 0, noise = 0;  ///< sums of squares: of what is expected, of the differences
  double largest = 0;            ///< difference

  /// Of rows that agree; none: this is no classifier's output.
  std::optional<double> agreement() const {
    return rows == 0 ? std::nullopt : std::optional(static_cast<double>(agreed) / static_cast<double>(rows));
  }
  /// Signal to quantisation noise ratio in dB; infinite where there is no difference.
  double sqnr() const { return noise > 0 ? 10 * std::log10(signal / noise) : std::numeric_limits<double>::infinity(); }
};

using accuracy = std::vector<output_accuracy>;

/// The length of the rows of scores that a shape is if it looks like a classifier's: [N,C] or [N,C,1,…], C of two or
/// more; 0: it does not.
inline std::size_t scores_of(shape const& s) {
  if (s.rank() < 2 || s[1] < 2 || s.elements(2, s.rank()) != 1) return 0;
  return static_cast<std::size_t>(s[1]);
}

/// Adds what one run gave to the accuracy of its outputs. Elements that are no numbers count as differences of any
/// size. Errors: invalid_argument where shapes differ.
inline void add_run(accuracy& all, tensors const& expected, tensors const& got) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    auto& a = all.at(i);
    auto const &e = expected[i], &g = got.at(i);
    if (!is_plain(e.type())) continue;
    if (e.shape() != g.shape())
      fail(error_code::invalid_argument, "output '{}' has shape {}, expected {}", a.name, g.shape(), e.shape());
    std::vector<double> x(e.elements()), y(e.elements());
    load_run<double>(e.type(), e.data(), 0, 1, x.size(), x.data());
    load_run<double>(g.type(), g.data(), 0, 1, y.size(), y.data());
    for (std::size_t k = 0; k < x.size(); ++k) {
      auto const difference = x[k] == y[k] ? 0 : std::fabs(x[k] - y[k]);
      a.signal += x[k] * x[k];
      a.noise += std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference * difference;
      a.largest = std::max(a.largest, std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference);
    }
    auto const length = scores_of(e.shape());
    if (length == 0) continue;
    auto const top = [&](std::vector<double> const& v, std::size_t row) {
      auto const from = v.begin() + static_cast<std::ptrdiff_t>(row * length);
      return std::max_element(from, from + static_cast<std::ptrdiff_t>(length)) - from;
    };
    for (std::size_t row = 0; row < x.size() / length; ++row) ++a.rows, a.agreed += top(x, row) == top(y, row);
  }
}

/// The outputs of `g`, none compared yet.
inline accuracy no_runs(graph const& g) {
  accuracy all;
  for (auto const& p : g.outputs) all.push_back({.name = g.at(p.value).name});
  return all;
}

/// What accuracy must be at least, in all outputs.
struct accuracy_budget {
  std::optional<double> agreement{};  ///< 0.99, say: of classifiers
  std::optional<double> sqnr{};       ///< dB

  bool holds(accuracy const& all) const {
    return std::ranges::all_of(all, [&](output_accuracy const& a) {
      bool const agrees = !agreement || !a.agreement() || *a.agreement() >= *agreement;
      return agrees && (!sqnr || a.sqnr() >= *sqnr);
    });
  }
};

}  // namespace sinter::quantize

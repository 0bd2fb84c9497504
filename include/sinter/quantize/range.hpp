#pragma once

#include <sinter/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace sinter::quantize {

/// The numbers that a value is expected to be, least to greatest.
struct range {
  float least = 0;
  float greatest = 0;
};

/// uint8 as real numbers: (quantised - zero) * step.
struct byte_steps {
  float step = 1;
  std::uint8_t zero = 0;
};

/// The steps for a range and 0, which is exact. A range of nothing but 0 has the step 1.
inline byte_steps steps_of(range r) {
  auto const least = std::min(double{r.least}, 0.0), greatest = std::max(double{r.greatest}, 0.0);
  auto const step = static_cast<float>((greatest - least) / 255);
  if (!(step >= std::numeric_limits<float>::min())) return {};
  return {step, static_cast<std::uint8_t>(std::clamp(std::nearbyint(-least / step), 0.0, 255.0))};
}

/// How often numbers of a range occurred, in bins of equal width.
class histogram {
 public:
  static constexpr std::size_t bins = 4096;

  histogram() = default;
  /// `least` must be less than `greatest`.
  explicit histogram(range r) : range_(r), counts_(bins, 0) {}

  void add(std::span<float const> values) {
    auto const scale = bins / (double{range_.greatest} - range_.least);
    for (float const v : values) {
      auto const bin = (double{v} - range_.least) * scale;
      ++counts_[static_cast<std::size_t>(std::clamp(bin, 0.0, bins - 1.0))];
    }
  }

  range whole() const { return range_; }
  std::span<std::uint64_t const> counts() const { return counts_; }
  /// The number where a bin begins.
  float edge(std::size_t bin) const {
    return static_cast<float>(range_.least +
                              (double{range_.greatest} - range_.least) * static_cast<double>(bin) / bins);
  }

 private:
  range range_{};
  std::vector<std::uint64_t> counts_{};
};

/// The range that `percent` of all numbers lie in, as many of the others below as above.
inline range percentile_range(histogram const& h, double percent) {
  auto const counts = h.counts();
  std::uint64_t total = 0;
  for (auto const c : counts) total += c;
  auto const outside = static_cast<std::uint64_t>(static_cast<double>(total) * (100 - percent) / 200);
  std::size_t low = 0, high = counts.size();
  for (std::uint64_t below = counts[low]; below <= outside && low + 1 < high; below += counts[low]) ++low;
  for (std::uint64_t above = counts[high - 1]; above <= outside && high > low + 1; above += counts[high - 1]) --high;
  return {h.edge(low), h.edge(high)};
}

namespace detail {

/// The numbers without their sign, in bins of [0, largest magnitude]. Zeros, which any range holds and of which there
/// may be more than of all others, count like the numbers beside them.
inline std::vector<double> magnitudes(histogram const& h) {
  auto const [least, greatest] = h.whole();
  auto const largest = std::max(std::fabs(double{least}), std::fabs(double{greatest}));
  std::vector<double> result(histogram::bins, 0);
  for (std::size_t i = 0; i < histogram::bins; ++i) {
    auto const middle = std::fabs((double{h.edge(i)} + h.edge(i + 1)) / 2);
    auto const bin = static_cast<std::size_t>(middle / largest * histogram::bins);
    result[std::min(bin, histogram::bins - 1)] += static_cast<double>(h.counts()[i]);
  }
  result[0] = result[1];
  return result;
}

/// The divergence (Kullback-Leibler) of the first `kept` bins, the rest counted as the last of them, from what
/// `levels` levels say of them.
inline double divergence(std::span<double const> counts, std::size_t kept, std::size_t levels) {
  double total = 0, beyond = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) total += counts[i], beyond += i < kept ? 0 : counts[i];
  double result = 0;
  for (std::size_t level = 0; level < levels; ++level) {
    auto const first = level * kept / levels, last = (level + 1) * kept / levels;
    double sum = 0, occupied = 0;
    for (auto i = first; i < last; ++i) sum += counts[i], occupied += counts[i] > 0;
    for (auto i = first; i < last; ++i) {
      auto const p = (counts[i] + (i + 1 == kept ? beyond : 0)) / total;
      auto const q = counts[i] > 0 ? sum / occupied / (total - beyond) : 1e-12;
      if (p > 0) result += p * std::log(p / q);
    }
  }
  return result;
}

}  // namespace detail

/// The range whose 8-bit form says most about how often numbers occur: the threshold of the least divergence, for
/// magnitudes (Migacz, 8-bit Inference with TensorRT, GTC 2017).
inline range entropy_range(histogram const& h) {
  auto const counts = detail::magnitudes(h);
  bool const one_sign = h.whole().least >= 0 || h.whole().greatest <= 0;
  std::size_t const levels = one_sign ? 256 : 128;
  std::size_t best = counts.size();
  auto least = std::numeric_limits<double>::infinity();
  for (auto kept = levels; kept <= counts.size(); kept += levels / 8) {
    auto const d = detail::divergence(counts, kept, levels);
    if (d < least) least = d, best = kept;
  }
  auto const largest = std::max(std::fabs(h.whole().least), std::fabs(h.whole().greatest));
  auto const threshold = largest * static_cast<float>(best) / histogram::bins;
  return {std::max(h.whole().least, -threshold), std::min(h.whole().greatest, threshold)};
}

}  // namespace sinter::quantize

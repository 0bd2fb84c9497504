#pragma once

#include <sinter/quantize/candidates.hpp>
#include <sinter/quantize/range.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter::quantize {

/// Tensors for the inputs of a graph, or its outputs, in order.
using tensors = std::vector<any_tensor>;
/// Runs a graph.
using runner = std::function<tensors(tensors const&)>;
/// Makes what runs a graph on inputs of the shapes of the samples at hand, for example by `evaluate`.
using graph_compiler = std::function<runner(graph const&)>;
/// Is told what is done, how many of how many.
using progress_report = std::function<void(std::string_view what, std::size_t done, std::size_t all)>;

/// How the range of a value follows from the numbers that it had.
enum class range_method : std::uint8_t { minmax, percentile, entropy };

struct calibration_options {
  range_method method = range_method::minmax;
  double percent = 99.99;  ///< of the numbers that the range of `percentile` holds
};

/// What was seen of a value.
struct value_statistics {
  range seen{};                 ///< least and greatest number
  std::vector<double> means{};  ///< of each channel; empty where nobody asked
  range chosen{};               ///< by the method
};

using calibration = std::map<value_id, value_statistics>;

namespace detail {

/// The channels of a value: of a convolution's input those of axis 1, else of the last axis.
struct channel_means {
  bool convolved = false;
  std::vector<double> sums{};
  double count = 0;

  void add(any_tensor const& t) {
    auto const& s = t.shape();
    if (s.empty() || (convolved && s.rank() < 2) || t.elements() == 0) return;
    auto const axis = convolved ? std::size_t{1} : s.rank() - 1;
    auto const channels = static_cast<std::size_t>(s[axis]), inner = s.elements(axis + 1, s.rank());
    sums.resize(channels, 0);
    auto const values = t.as<float>();
    for (std::size_t i = 0; i < values.size(); i += inner) {
      double sum = 0;
      for (std::size_t k = 0; k < inner; ++k) sum += double{values[i + k]};
      sums[i / inner % channels] += sum;
    }
    auto const rows = values.size() / channels;
    count += static_cast<double>(rows);
  }
  std::vector<double> means() const {
    auto result = sums;
    for (auto& m : result) m /= count;
    return result;
  }
};

/// A run over samples with values of a graph as outputs. Values that are inputs are read from the samples.
class observed_run {
 public:
  observed_run(graph g, std::span<value_id const> values, graph_compiler const& compile) {
    for (auto const v : values) {
      auto const input = std::ranges::find(g.inputs, v, &port::value);
      if (input != g.inputs.end()) given_.emplace_back(v, static_cast<std::size_t>(input - g.inputs.begin()));
      if (input == g.inputs.end()) computed_.push_back(v);
    }
    if (computed_.empty()) return;
    g.outputs.clear();
    for (auto const v : computed_) g.outputs.push_back({.value = v, .declared = {}});
    run_ = compile(g);
  }

  /// Calls `see(value, tensor)` for all values.
  template <typename See>
  void operator()(tensors const& sample, See&& see) const {
    for (auto const& [v, input] : given_) see(v, sample.at(input));
    if (!run_) return;
    auto const results = run_(sample);
    for (std::size_t i = 0; i < computed_.size(); ++i) see(computed_[i], results.at(i));
  }

 private:
  std::vector<std::pair<value_id, std::size_t>> given_{};
  std::vector<value_id> computed_{};
  runner run_{};
};

inline void widen(range& r, any_tensor const& t, bool first, std::string const& name) {
  for (float const v : t.as<float>()) {
    if (!std::isfinite(v))
      fail(error_code::invalid_argument, "value '{}' is {} for a sample; expected finite numbers", name, v);
    r.least = first ? v : std::min(r.least, v);
    r.greatest = first ? v : std::max(r.greatest, v);
    first = false;
  }
}

inline range chosen_range(histogram const& h, calibration_options const& how) {
  return how.method == range_method::entropy ? entropy_range(h) : percentile_range(h, how.percent);
}

}  // namespace detail

/// Runs `g`, a graph in standard form, over samples and notes what numbers its quantisable values have. Methods other
/// than minmax need a second run, as histograms need a range. Errors: invalid_argument where there are no samples, or
/// numbers that are not finite; those of runs.
inline calibration calibrate(graph const& g, std::span<tensors const> samples, graph_compiler const& compile,
                             calibration_options const& how = {}, progress_report const& report = {}) {
  if (samples.empty()) fail(error_code::invalid_argument, "there is no sample to calibrate with");
  auto const nodes = quantizable_nodes(g);
  std::vector<value_id> values;
  for (auto const& p : quantized_points(g, nodes)) values.push_back(p.value);
  std::map<value_id, detail::channel_means> means;
  for (auto const id : nodes)
    if (auto const p = product_of(g, g.at(id)))
      means.try_emplace(g.at(id).inputs[0]).first->second.convolved = p->convolves;

  calibration result;
  detail::observed_run const run(g, values, compile);
  auto const over_samples = [&](std::string_view what, auto const& see) {
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (report) report(what, i, samples.size());
      run(samples[i], see);
    }
  };
  over_samples("calibrating: ranges", [&](value_id v, any_tensor const& t) {
    auto const [at, first] = result.try_emplace(v);
    detail::widen(at->second.seen, t, first, g.at(v).name);
    if (auto const m = means.find(v); m != means.end()) m->second.add(t);
  });
  for (auto& [v, m] : means) result[v].means = m.means();
  for (auto& [v, s] : result) s.chosen = s.seen;
  if (how.method == range_method::minmax) return result;

  std::map<value_id, histogram> histograms;
  for (auto const& [v, s] : result)
    if (s.seen.least < s.seen.greatest) histograms.emplace(v, s.seen);
  over_samples("calibrating: histograms", [&](value_id v, any_tensor const& t) {
    if (auto const h = histograms.find(v); h != histograms.end()) h->second.add(t.as<float>());
  });
  for (auto const& [v, h] : histograms) result[v].chosen = detail::chosen_range(h, how);
  return result;
}

}  // namespace sinter::quantize

#pragma once

#include <sinter/quantize/accuracy.hpp>
#include <sinter/quantize/static_quantization.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace sinter::quantize {

/// What a graph is measured on: samples, and what the graph makes of them in float32.
struct measured_samples {
  std::span<tensors const> inputs{};
  std::vector<tensors> expected{};
};

inline measured_samples measure_float(graph const& g, std::span<tensors const> samples, graph_compiler const& compile) {
  measured_samples result{.inputs = samples};
  auto const run = compile(g);
  for (auto const& s : samples) result.expected.push_back(run(s));
  return result;
}

/// The accuracy of another form of the graph.
inline accuracy measure_accuracy(graph const& g, measured_samples const& samples, graph_compiler const& compile) {
  auto result = no_runs(g);
  auto const run = compile(g);
  for (std::size_t i = 0; i < samples.inputs.size(); ++i) add_run(result, samples.expected[i], run(samples.inputs[i]));
  return result;
}

/// The accuracy of the graph with one node quantised.
struct node_sensitivity {
  node_id node{};
  double sqnr = 0;  ///< of the output where it is least
};

/// Of each quantisable node, the worst first. Compiles the graph once for each.
inline std::vector<node_sensitivity> measure_sensitivity(graph const& g, calibration const& seen,
                                                         measured_samples const& samples, graph_compiler const& compile,
                                                         static_options how = {}, progress_report const& report = {}) {
  auto nodes = quantizable_nodes(g);
  std::erase_if(nodes, [&](node_id id) { return how.in_float.contains(id); });
  std::vector<node_sensitivity> result;
  for (auto const id : nodes) {
    if (report) report("sensitivity: nodes", result.size(), nodes.size());
    auto all = quantizable_nodes(g);
    how.in_float = {all.begin(), all.end()};
    how.in_float.erase(id);
    auto least = std::numeric_limits<double>::infinity();
    for (auto const& a : measure_accuracy(quantize_static(g, seen, how), samples, compile))
      least = std::min(least, a.sqnr());
    result.push_back({id, least});
  }
  std::ranges::stable_sort(result, {}, &node_sensitivity::sqnr);
  return result;
}

/// A quantised graph, and how it was found.
struct quantized_graph {
  graph g{};
  accuracy reached{};                     ///< on the samples of the search
  std::set<node_id> in_float{};           ///< nodes of the graph in standard form that were not quantised
  std::vector<node_sensitivity> table{};  ///< the worst first; empty where it was not needed
};

/// Quantises as many nodes as leave the accuracy within a budget: first all but those of `how`; where that is too many
/// the worst stay in float, one, two, three, then half as many more each time. Nothing is quantised in the end if
/// nothing else will do.
inline quantized_graph quantize_within(graph const& g, calibration const& seen, accuracy_budget const& budget,
                                       measured_samples const& samples, graph_compiler const& compile,
                                       static_options how = {}, progress_report const& report = {}) {
  quantized_graph result{.g = quantize_static(g, seen, how), .in_float = how.in_float};
  result.reached = measure_accuracy(result.g, samples, compile);
  if (budget.holds(result.reached)) return result;
  result.table = measure_sensitivity(g, seen, samples, compile, how, report);
  for (std::size_t count = 1; !budget.holds(result.reached) && !result.table.empty();
       count = std::min(count + std::max<std::size_t>(1, count / 2), result.table.size())) {
    if (report) report("leaving nodes in float", count, result.table.size());
    for (std::size_t i = 0; i < count; ++i) how.in_float.insert(result.table[i].node);
    result.g = quantize_static(g, seen, how);
    result.reached = measure_accuracy(result.g, samples, compile);
    result.in_float = how.in_float;
    if (count == result.table.size()) break;
  }
  return result;
}

}  // namespace sinter::quantize

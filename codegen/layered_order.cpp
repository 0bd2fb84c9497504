#include "layered_graph.hpp"
#include <algorithm>
#include <cstdint>
#include <utility>

namespace codegen::layered {
namespace {

constexpr int most_sweeps = 12;

using layers = std::vector<std::vector<std::size_t>>;

void number(layered_graph& g) {
  for (auto const& layer : g.layers)
    for (std::size_t i = 0; i < layer.size(); ++i) g.vertices[layer[i]].place = i;
}

/// Vertices in the order in which a walk down from each box comes to them: what hangs together stands together.
void order_by_walk(layered_graph& g) {
  std::vector<bool> seen(g.vertices.size());
  std::vector<std::size_t> open;
  for (std::size_t start = 0; start < g.vertices.size(); ++start) {
    open.push_back(start);
    while (!open.empty()) {
      auto const v = open.back();
      open.pop_back();
      if (seen[v]) continue;
      seen[v] = true;
      g.layers[g.vertices[v].layer].push_back(v);
      auto const& down = g.vertices[v].down;
      open.insert(open.end(), down.rbegin(), down.rend());
    }
  }
}

/// How many pairs of lines cross.
std::int64_t crossings(layered_graph const& g) {
  std::int64_t sum = 0;
  std::vector<std::size_t> below, left;
  for (auto const& layer : g.layers) {
    left.clear();  // the lower ends of lines further left, in order
    for (auto const v : layer) {
      below.clear();
      for (auto const u : g.vertices[v].down) below.push_back(g.vertices[u].place);
      for (auto const place : below) sum += left.end() - std::ranges::upper_bound(left, place);
      for (auto const place : below) left.insert(std::ranges::upper_bound(left, place), place);
    }
  }
  return sum;
}

/// Sorts a layer by the mean place of the neighbours that `side` names; those without stay where they are.
void sort_by_barycentre(layered_graph& g, std::vector<std::size_t>& layer, std::vector<std::size_t> vertex::*side) {
  std::vector<std::pair<double, std::size_t>> keyed;
  for (auto const v : layer) {
    auto const& vertex = g.vertices[v];
    double sum = 0;
    for (auto const u : vertex.*side) sum += static_cast<double>(g.vertices[u].place);
    if (auto const n = (vertex.*side).size(); n > 0) keyed.emplace_back(sum / static_cast<double>(n), v);
  }
  std::ranges::stable_sort(keyed, {}, &std::pair<double, std::size_t>::first);
  auto next = keyed.begin();
  for (auto& v : layer)
    if (!(g.vertices[v].*side).empty()) v = (next++)->second;
  for (std::size_t i = 0; i < layer.size(); ++i) g.vertices[layer[i]].place = i;
}

}  // namespace

void order_layers(layered_graph& g) {
  order_by_walk(g);
  number(g);
  auto best = g.layers;
  auto fewest = crossings(g);
  for (int i = 0; i < most_sweeps && fewest > 0; ++i) {
    if (i % 2 == 0)
      for (std::size_t l = 1; l < g.layers.size(); ++l) sort_by_barycentre(g, g.layers[l], &vertex::up);
    else
      for (auto l = g.layers.size() - 1; l-- > 0;) sort_by_barycentre(g, g.layers[l], &vertex::down);
    if (auto const now = crossings(g); now < fewest) fewest = now, best = g.layers;
  }
  g.layers = std::move(best);
  number(g);
  auto const by_place = [&](std::size_t v) { return g.vertices[v].place; };
  for (auto& v : g.vertices) {
    std::ranges::sort(v.up, {}, by_place);
    std::ranges::sort(v.down, {}, by_place);
  }
}

}  // namespace codegen::layered

// Brandes and Köpf, Fast and Simple Horizontal Coordinate Assignment (2001): each vertex is aligned with a median
// neighbour above or below, from the left or from the right; of the four results each vertex takes the mean of the
// middle two.
#include "layered_graph.hpp"
#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

namespace codegen::layered {
namespace {

using segment = std::pair<std::size_t, std::size_t>;  // upper and lower vertex

/// Lines between boxes that cross one which passes layers: those that pass are straight.
std::set<segment> conflicts(layered_graph const& g) {
  std::set<segment> found;
  for (auto const& layer : g.layers) {
    std::vector<segment> passing, others;
    for (auto const u : layer)
      for (auto const v : g.vertices[u].down)
        (g.vertices[u].passes && g.vertices[v].passes ? passing : others).emplace_back(u, v);
    auto const place = [&](std::size_t v) { return g.vertices[v].place; };
    for (auto const& [u, v] : passing)
      for (auto const& o : others) {
        bool const left_above = place(o.first) < place(u), left_below = place(o.second) < place(v);
        if (o.first != u && o.second != v && left_above != left_below) found.insert(o);
      }
  }
  return found;
}

/// One of the four ways.
class alignment {
 public:
  alignment(layered_graph const& g, std::set<segment> const& conflicts, bool upward, bool rightward, double gap)
      : g_(g), conflicts_(conflicts), upward_(upward), rightward_(rightward), gap_(gap), root_(g.vertices.size()) {
    for (std::size_t v = 0; v < root_.size(); ++v) root_[v] = v;
    align();
    compact();
  }

  /// Where each vertex is.
  std::vector<double> result() const {
    std::vector<double> x(root_.size());
    for (std::size_t v = 0; v < x.size(); ++v) x[v] = rightward_ ? -x_[root_[v]] : x_[root_[v]];
    return x;
  }

 private:
  /// The vertices of a layer in the direction of this way.
  std::vector<std::size_t> row(std::size_t layer) const {
    auto row = g_.layers[layer];
    if (rightward_) std::ranges::reverse(row);
    return row;
  }

  void align() {
    auto const n = g_.layers.size();
    std::vector<bool> taken(root_.size());  // has a vertex below it in its block
    for (std::size_t i = 0; i < n; ++i) {
      std::ptrdiff_t last = -1;
      for (auto const v : row(upward_ ? n - 1 - i : i)) {
        auto near = upward_ ? g_.vertices[v].down : g_.vertices[v].up;
        if (near.empty()) continue;
        if (rightward_) std::ranges::reverse(near);
        for (auto const m : {(near.size() - 1) / 2, near.size() / 2}) {
          auto const u = near[m];
          auto const at = position(u);
          if (taken[u] || at <= last || conflicts_.contains(upward_ ? segment{v, u} : segment{u, v})) continue;
          taken[u] = true;
          root_[v] = root_[u];
          last = at;
          break;
        }
      }
    }
  }

  std::ptrdiff_t position(std::size_t v) const {
    auto const& at = g_.vertices[v];
    return static_cast<std::ptrdiff_t>(rightward_ ? g_.layers[at.layer].size() - 1 - at.place : at.place);
  }

  struct neighbour {
    std::size_t block;
    double distance;
  };

  /// Places blocks as far left as they go, then each as near to what is right of it as that allows.
  void compact() {
    std::vector<std::vector<neighbour>> right(root_.size());
    std::vector<std::size_t> waiting(root_.size()), order;
    for (std::size_t l = 0; l < g_.layers.size(); ++l) {
      auto const vertices = row(l);
      for (std::size_t i = 1; i < vertices.size(); ++i) {
        auto const a = vertices[i - 1], b = vertices[i];
        right[root_[a]].push_back({root_[b], (g_.vertices[a].width + g_.vertices[b].width) / 2 + gap_});
        ++waiting[root_[b]];
      }
    }
    for (std::size_t v = 0; v < root_.size(); ++v)
      if (root_[v] == v && waiting[v] == 0) order.push_back(v);
    x_.assign(root_.size(), 0);
    for (std::size_t i = 0; i < order.size(); ++i)
      for (auto const& [block, distance] : right[order[i]]) {
        x_[block] = std::max(x_[block], x_[order[i]] + distance);
        if (--waiting[block] == 0) order.push_back(block);
      }
    for (auto b = order.rbegin(); b != order.rend(); ++b) {
      auto most = std::numeric_limits<double>::infinity();
      for (auto const& [block, distance] : right[*b]) most = std::min(most, x_[block] - distance);
      if (!right[*b].empty()) x_[*b] = most;
    }
  }

  layered_graph const& g_;
  std::set<segment> const& conflicts_;
  bool upward_, rightward_;
  double gap_;
  std::vector<std::size_t> root_;  // of each vertex the first of those that stand above each other with it
  std::vector<double> x_{};        // of roots
};

std::pair<double, double> extent_of(layered_graph const& g, std::vector<double> const& x) {
  auto low = std::numeric_limits<double>::infinity(), high = -low;
  for (std::size_t v = 0; v < x.size(); ++v) {
    low = std::min(low, x[v] - g.vertices[v].width / 2);
    high = std::max(high, x[v] + g.vertices[v].width / 2);
  }
  return {low, high};
}

}  // namespace

void place_vertices(layered_graph& g, double gap) {
  if (g.vertices.empty()) return;
  auto const crossing = conflicts(g);
  std::array<std::vector<double>, 4> ways;
  std::array<std::pair<double, double>, 4> extents;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    ways[i] = alignment(g, crossing, i / 2 == 1, i % 2 == 1, gap).result();
    extents[i] = extent_of(g, ways[i]);
  }
  auto const width = [](auto const& e) { return e.second - e.first; };
  auto const narrowest = *std::ranges::min_element(extents, {}, width);
  for (std::size_t i = 0; i < ways.size(); ++i) {
    auto const shift = i % 2 == 1 ? narrowest.second - extents[i].second : narrowest.first - extents[i].first;
    for (auto& x : ways[i]) x += shift;
  }
  for (std::size_t v = 0; v < g.vertices.size(); ++v) {
    std::array<double, 4> x{ways[0][v], ways[1][v], ways[2][v], ways[3][v]};
    std::ranges::sort(x);
    g.vertices[v].x = (x[1] + x[2]) / 2;
  }
}

}  // namespace codegen::layered

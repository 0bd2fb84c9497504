#include "layered_drawing.hpp"

#include "layered_graph.hpp"
#include <algorithm>
#include <map>
#include <utility>

namespace codegen {

namespace layered {
namespace {

/// The boxes, each after those that lines lead to it from.
std::vector<std::size_t> downward_order(drawing const& d, std::vector<std::vector<std::size_t>> const& lines_from) {
  std::vector<std::size_t> waiting(d.boxes.size()), order;
  for (auto const& l : d.lines) ++waiting[l.to];
  for (std::size_t b = 0; b < d.boxes.size(); ++b)
    if (waiting[b] == 0) order.push_back(b);
  for (std::size_t i = 0; i < order.size(); ++i)
    for (auto const l : lines_from[order[i]])
      if (--waiting[d.lines[l].to] == 0) order.push_back(d.lines[l].to);
  return order;
}

/// The layer of each box: as near to the top as its lines allow, but below what is far away only where it has as many
/// lines to there.
std::vector<std::size_t> layers_of(drawing const& d) {
  std::vector<std::vector<std::size_t>> lines_from(d.boxes.size());
  std::vector<std::size_t> lines_to(d.boxes.size()), layer(d.boxes.size());
  for (std::size_t l = 0; l < d.lines.size(); ++l) {
    lines_from[d.lines[l].from].push_back(l);
    ++lines_to[d.lines[l].to];
  }
  auto const order = downward_order(d, lines_from);
  for (auto const b : order)
    for (auto const l : lines_from[b]) layer[d.lines[l].to] = std::max(layer[d.lines[l].to], layer[b] + 1);
  for (auto b = order.rbegin(); b != order.rend(); ++b) {
    auto const& down = lines_from[*b];
    if (down.size() <= lines_to[*b]) continue;
    auto const next = [&](std::size_t l) { return layer[d.lines[l].to]; };
    layer[*b] = next(*std::ranges::min_element(down, {}, next)) - 1;
  }
  return layer;
}

}  // namespace

layered_graph make_layers(drawing const& d) {
  layered_graph g;
  auto const layer = layers_of(d);
  for (std::size_t b = 0; b < d.boxes.size(); ++b) g.vertices.push_back({.layer = layer[b], .width = d.boxes[b].width});
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> bundles;
  auto const join = [&](std::size_t above, std::size_t below) {
    auto& down = g.vertices[above].down;
    if (std::ranges::find(down, below) != down.end()) return;
    down.push_back(below);
    g.vertices[below].up.push_back(above);
  };
  for (auto const& l : d.lines) {
    auto& bundle = bundles[{l.from, l.bundle}];
    std::vector<std::size_t> passed;
    auto above = l.from;
    for (auto at = layer[l.from] + 1; at < layer[l.to]; ++at) {
      auto const depth = passed.size();
      if (depth == bundle.size()) {
        bundle.push_back(g.vertices.size());
        g.vertices.push_back({.layer = at, .passes = true});
      }
      join(above, bundle[depth]);
      passed.push_back(above = bundle[depth]);
    }
    join(above, l.to);
    g.passed_by_line.push_back(std::move(passed));
  }
  for (auto const& v : g.vertices) g.layers.resize(std::max(g.layers.size(), v.layer + 1));
  return g;
}

}  // namespace layered

namespace {

constexpr double gap = 28;        // between what stands side by side
constexpr double layer_gap = 40;  // room for the label of a line
constexpr double margin = 24;

/// Appends unless the last two points lie on one line with it.
void extend(std::vector<point>& path, point p) {
  auto const n = path.size();
  if (n >= 1 && path[n - 1] == p) return;
  if (n >= 2 && path[n - 1].x == p.x && path[n - 2].x == p.x) path.pop_back();
  path.push_back(p);
}

}  // namespace

void lay_out(drawing& d) {
  auto g = layered::make_layers(d);
  layered::order_layers(g);
  layered::place_vertices(g, gap);

  std::vector<double> top(g.layers.size()), height(g.layers.size());
  for (std::size_t b = 0; b < d.boxes.size(); ++b)
    height[g.vertices[b].layer] = std::max(height[g.vertices[b].layer], d.boxes[b].height);
  d.height = margin;
  for (std::size_t l = 0; l < top.size(); ++l) {
    top[l] = d.height;
    d.height += height[l] + (l + 1 < top.size() ? layer_gap : margin);
  }
  double left = 0, right = 0;
  for (auto const& v : g.vertices) {
    left = std::min(left, v.x - v.width / 2);
    right = std::max(right, v.x + v.width / 2);
  }
  d.width = right - left + 2 * margin;
  for (auto& v : g.vertices) v.x += margin - left;

  for (std::size_t b = 0; b < d.boxes.size(); ++b) {
    auto const& v = g.vertices[b];
    auto& box = d.boxes[b];
    box.at = {v.x - box.width / 2, top[v.layer] + (height[v.layer] - box.height) / 2};
  }
  for (std::size_t l = 0; l < d.lines.size(); ++l) {
    auto& line = d.lines[l];
    auto const& from = g.vertices[line.from];
    auto const& to = g.vertices[line.to];
    line.path = {{from.x, d.boxes[line.from].at.y + d.boxes[line.from].height}};
    extend(line.path, {from.x, top[from.layer] + height[from.layer]});
    for (auto const v : g.passed_by_line[l]) {
      auto const& passed = g.vertices[v];
      extend(line.path, {passed.x, top[passed.layer]});
      extend(line.path, {passed.x, top[passed.layer] + height[passed.layer]});
    }
    extend(line.path, {to.x, top[to.layer]});
    extend(line.path, {to.x, d.boxes[line.to].at.y});
  }
}

}  // namespace codegen

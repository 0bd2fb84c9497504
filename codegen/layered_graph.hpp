#pragma once

#include "layered_drawing.hpp"
#include <cstddef>
#include <vector>

/// What `lay_out` works on.
namespace codegen::layered {

/// A box, or where a line passes a layer.
struct vertex {
  std::size_t layer = 0;
  std::size_t place = 0;  ///< among those of its layer, from the left
  double width = 0;
  double x = 0;  ///< of the middle
  bool passes = false;
  std::vector<std::size_t> up{}, down{};  ///< neighbours in the layers above and below
};

struct layered_graph {
  std::vector<vertex> vertices{};                          ///< those of the boxes first
  std::vector<std::vector<std::size_t>> layers{};          ///< vertices from left to right
  std::vector<std::vector<std::size_t>> passed_by_line{};  ///< for each line the vertices between its boxes
};

/// A layer for each box, and a vertex where a bundle passes one.
layered_graph make_layers(drawing const& d);
/// Orders the vertices of each layer so that few lines cross.
void order_layers(layered_graph& g);
/// Gives each vertex its `x`; straight lines where neighbours allow, `gap` between vertices.
void place_vertices(layered_graph& g, double gap);

}  // namespace codegen::layered

#pragma once

#include <cstddef>
#include <vector>

/// Drawings of graphs in layers from top to bottom.
namespace codegen {

struct point {
  double x = 0, y = 0;
  friend bool operator==(point, point) = default;
};

/// What stands for a node. Lengths are pixels, `at` is its upper left corner.
struct box {
  double width = 0, height = 0;
  point at{};
};

/// A line from the lower edge of one box to the upper edge of another. Lines of one box with the same `bundle` run
/// together until they branch off.
struct line {
  std::size_t from = 0, to = 0;
  std::size_t bundle = 0;
  std::vector<point> path{};  ///< within a layer vertical, else from one layer to the next
};

struct drawing {
  std::vector<box> boxes{};
  std::vector<line> lines{};  ///< without cycles
  double width = 0, height = 0;
};

/// Gives boxes and lines their places: boxes share no point, lines lead down and around boxes. After Sugiyama, Tagawa
/// and Toda (1981): layers by the longest path, order by barycentres; the places within layers after Brandes and Köpf
/// (2001). The same drawing gives the same places.
void lay_out(drawing& d);

}  // namespace codegen

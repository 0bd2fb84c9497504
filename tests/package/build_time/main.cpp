#include <digits.hpp>

int main() {
  static_assert(digits::image::shape == std::array<std::size_t, 4>{1, 1, 8, 8});
  digits net;
  std::array<float, digits::image::size> const image{1};
  auto const out = net.run({.image = image});
  return out.scores[0] == out.scores[0] ? 0 : 1;
}

#include <first.hpp>

float apart(float const* scores);

int main() {
  first net;
  std::array<float, first::image::size> const image{};
  return apart(net.run({.image = image}).scores.data()) < 0 ? 0 : 1;
}

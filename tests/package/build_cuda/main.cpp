#include <cmath>
#include <cstdio>
#include <digits.hpp>
#include <digits_batch.hpp>
#include <stdexcept>
#include <string_view>

/// Runs the model on the first GPU that it has code for; without one, what is missing is said when an object is made.
int main() {
  static_assert(digits::architectures == std::array<int, 2>{80, 90});
  static_assert(digits_batch::image<4>::size == 256);
  digits_batch::weights const weights(WEIGHTS);
  std::array<float, digits::image::size> const image{1};
  try {
    digits net;
    auto const out = net.run({.image = image});
    return std::abs(out.scores[0] + 0.33616f) < 1e-4f && std::abs(out.scores[9] + 1.21880f) < 1e-4f ? 0 : 1;
  } catch (std::runtime_error const& e) {
    std::printf("%s\n", e.what());
    return !digits::supports() && std::string_view(e.what()).starts_with("digits: ") ? 0 : 1;
  }
}

// hello [--device cuda] MODEL PICTURE...: says which digit each 8x8 picture shows.
#include <sinter/sinter.hpp>

#include <fmt/format.h>

#include "../read_picture.hpp"
#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

namespace {

/// Probabilities from scores.
void softmax(std::span<float const> scores, std::span<float> probabilities) {
  auto const highest = std::ranges::max(scores);
  float total = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) total += probabilities[i] = std::exp(scores[i] - highest);
  for (auto& p : probabilities) p /= total;
}

/// Draws the picture as text, each line of it after `margin`.
void draw(decoded_picture const& picture, std::string_view margin) {
  constexpr std::string_view shades = " .:-=+*#%@";
  for (int y = 0; y < picture.height; ++y) {
    fmt::print("{}", margin);
    for (int x = 0; x < picture.width; ++x) {
      auto const shade = shades[picture.values[static_cast<std::size_t>(y * picture.width + x)] * 9u / 255];
      fmt::print("{0}{0}", shade);
    }
    fmt::print("\n");
  }
}

int run(std::span<char* const> arguments) {
  sinter::options how;
  if (arguments.size() > 1 && std::string_view(arguments[0]) == "--device") {
    how.device = sinter::device_named(arguments[1]);
    arguments = arguments.subspan(2);
  }
  if (arguments.size() < 2) {
    fmt::print(stderr, "usage: hello [--device cuda] MODEL PICTURE...\n");
    return 2;
  }
  auto const net = sinter::load(arguments[0], how);
  fmt::print("{}: {}\n", arguments[0], to_string(net.compiled_for()));
  for (auto const* file : arguments.subspan(1)) {
    auto const picture = read_picture(file, 1);
    sinter::tensor<float> image({1, 1, picture.height, picture.width});
    std::ranges::transform(picture.values, image.begin(), [](auto grey) { return static_cast<float>(grey) / 255; });

    auto const out = net.run({{"image", image}});
    auto const scores = out["scores"].as<float>();

    sinter::tensor<float> probabilities({10});
    softmax(scores, probabilities.span());
    auto const best = std::ranges::max_element(probabilities);
    draw(picture, "    ");
    fmt::print("{}: this is a {}, {:.1f} % sure\n", file, best - probabilities.begin(), 100 * *best);
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run({arguments + 1, static_cast<std::size_t>(count - 1)});
  } catch (sinter::error const& problem) {
    fmt::print(stderr, "hello: {}\n", problem.what());
    return 1;
  }
}

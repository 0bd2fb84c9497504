#include "../../examples/classify/preprocess.hpp"

#include "catch.hpp"
#include <cstdint>
#include <vector>

namespace {

/// A picture of texture that any mistake in weights, order or rounding changes.
preprocess::picture textured(int width, int height) {
  preprocess::picture p{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c)
        p.pixels.push_back(static_cast<std::uint8_t>((x * x + 3 * y * y + 85 * c + x * y) / 7));
  return p;
}

/// FNV-1a.
std::uint64_t hash(std::vector<std::uint8_t> const& bytes) {
  std::uint64_t h = 14695981039346656037u;
  for (auto const b : bytes) h = (h ^ b) * 1099511628211u;
  return h;
}

}  // namespace

// The hashes are those of torchvision 0.14's Resize(256) and CenterCrop(224) on Pillow 9.4 images.
TEST_CASE("pictures are resized and cropped to the bytes that torchvision makes") {
  auto const prepare = [](int width, int height) {
    return hash(preprocess::center_crop(preprocess::resize_shorter_side(textured(width, height), 256), 224).pixels);
  };
  CHECK(prepare(300, 200) == 13446778928325373929u);
  CHECK(prepare(64, 64) == 13028078452391748193u);
  CHECK(prepare(257, 1001) == 17738762341939347193u);
  CHECK(prepare(640, 483) == 2687051028491783344u);
  CHECK(prepare(256, 511) == 15389829692710292325u);
}

TEST_CASE("normalisation writes planes, red first unless told otherwise") {
  preprocess::picture const p{2, 1, {255, 0, 51, 0, 255, 102}};
  std::vector<float> planes(6);
  preprocess::normalize(p, {.mean = {0.5f, 0, 0}, .deviation = {0.5f, 1, 1}}, planes);
  CHECK(planes == std::vector<float>{1, -1, 0, 1, 51 / 255.f, 102 / 255.f});
  preprocess::normalize(p, {.mean = {0, 0, 0}, .deviation = {1, 1, 1}, .blue_first = true}, planes);
  CHECK(planes == std::vector<float>{51 / 255.f, 102 / 255.f, 0, 1, 1, 0});
}

// imagenet PICTURE...: the classes that an ImageNet classifier sees in pictures. The model, which takes 1x3x224x224 and
// gives 1x1000, was compiled into the program; export_model.py makes one.
#include <stb/stb_image.h>

#include "../classify/preprocess.hpp"
#include <algorithm>
#include <classifier.hpp>
#include <cstdio>
#include <memory>
#include <numeric>

namespace {

constexpr int side = 224;
using image = std::array<float, 3 * side * side>;

/// Reads a PNG or JPEG file; false if it is none.
bool read(char const* file, image& to) {
  int width = 0, height = 0, channels = 0;
  std::unique_ptr<stbi_uc, void (*)(void*)> const rgb(stbi_load(file, &width, &height, &channels, 3), stbi_image_free);
  if (!rgb) return false;
  preprocess::picture const picture{width, height, {rgb.get(), rgb.get() + std::ptrdiff_t{3} * width * height}};
  preprocess::normalize(preprocess::center_crop(preprocess::resize_shorter_side(picture, 256), side), {}, to);
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  classifier net;
  auto const pixels = std::make_unique<image>();
  for (int i = 1; i < count; ++i) {
    if (!read(arguments[i], *pixels)) {
      std::fprintf(stderr, "imagenet: cannot read %s as PNG or JPEG\n", arguments[i]);
      return 1;
    }
    auto const [scores] = net.run({*pixels});
    std::array<int, 1000> order;
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + 5, order.end(),
                      [s = scores](int a, int b) { return s[a] > s[b]; });
    std::printf("%s: classes %d %d %d %d %d\n", arguments[i], order[0], order[1], order[2], order[3], order[4]);
  }
}

// build_time PICTURE...: says which digit each 8x8 picture shows. The model was compiled into the program.
#include <stb/stb_image.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <digits.hpp>
#include <memory>

int main(int count, char** arguments) {
  digits net;
  for (int i = 1; i < count; ++i) {
    int width = 0, height = 0, channels = 0;
    std::unique_ptr<stbi_uc, void (*)(void*)> const grey(stbi_load(arguments[i], &width, &height, &channels, 1),
                                                         stbi_image_free);
    if (!grey || width != 8 || height != 8) {
      std::fprintf(stderr, "build_time: %s is no picture of 8x8 pixels\n", arguments[i]);
      return 1;
    }
    std::array<float, digits::image::size> image;
    std::transform(grey.get(), grey.get() + image.size(), image.begin(), [](auto value) { return value / 255.0f; });

    auto const out = net.run({.image = image});
    auto const best = std::ranges::max_element(out.scores) - out.scores.begin();
    std::printf("%s: this is a %d\n", arguments[i], static_cast<int>(best));
  }
}

#pragma once

#include <sinter/core/error.hpp>

#include <stb/stb_image.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// A PNG or JPEG file as 8-bit values, rows from the top, channels interleaved.
struct decoded_picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> values{};
};

/// Reads a picture with 1 (grey) or 3 (RGB) channels, whatever the file has. Throws `sinter::error`.
inline decoded_picture read_picture(std::string const& file, int channels) {
  decoded_picture p;
  int in_file = 0;
  std::unique_ptr<stbi_uc, void (*)(void*)> const bytes(
      stbi_load(file.c_str(), &p.width, &p.height, &in_file, channels), stbi_image_free);
  if (!bytes) sinter::fail(sinter::error_code::io, "cannot read {} as PNG or JPEG: {}", file, stbi_failure_reason());
  auto const count =
      static_cast<std::size_t>(p.width) * static_cast<std::size_t>(p.height) * static_cast<std::size_t>(channels);
  p.values.assign(bytes.get(), bytes.get() + count);
  return p;
}

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// Pictures to the input of an ImageNet classifier, as torchvision does it on Pillow images: Resize (bilinear with
/// antialiasing), CenterCrop, ToTensor, Normalize.
namespace preprocess {

/// 8-bit RGB, rows from the top, pixels interleaved.
struct picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels{};
};

/// The input pixels that one output pixel averages, as fixed-point weights.
struct taps {
  int first = 0;
  std::vector<std::int32_t> weights{};
};

/// Bits after the point: 8 bits of a pixel, this many, and two to spare in 32.
inline constexpr int weight_bits = 22;

/// Triangle filter as wide as one output pixel, at least one input pixel, cut at the borders and normalised.
inline std::vector<taps> bilinear_taps(int from, int to) {
  double const scale = static_cast<double>(from) / to;
  double const support = std::max(scale, 1.0);
  std::vector<taps> result(static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) {
    double const center = (i + 0.5) * scale;
    int const first = std::max(static_cast<int>(center - support + 0.5), 0);
    int const last = std::min(static_cast<int>(center + support + 0.5), from);
    std::vector<double> weights;
    double total = 0;
    for (int x = first; x < last; ++x) {
      weights.push_back(std::max(1 - std::abs((x - center + 0.5) / support), 0.0));
      total += weights.back();
    }
    auto& out = result[static_cast<std::size_t>(i)];
    out.first = first;
    for (double const w : weights)
      out.weights.push_back(static_cast<std::int32_t>(w / total * (1 << weight_bits) + 0.5));
  }
  return result;
}

/// One output value: the weighted sum of bytes `stride` apart, rounded.
inline std::uint8_t weigh(taps const& t, std::uint8_t const* at, std::ptrdiff_t stride) {
  std::int32_t sum = 1 << (weight_bits - 1);
  for (std::size_t i = 0; i < t.weights.size(); ++i)
    sum += at[(t.first + static_cast<std::ptrdiff_t>(i)) * stride] * t.weights[i];
  return static_cast<std::uint8_t>(std::clamp(sum >> weight_bits, 0, 255));
}

inline picture resize_width(picture const& in, int width) {
  if (width == in.width) return in;
  auto const columns = bilinear_taps(in.width, width);
  picture out{width, in.height, std::vector<std::uint8_t>(std::size_t{3} * width * in.height)};
  auto* to = out.pixels.data();
  for (int y = 0; y < in.height; ++y)
    for (auto const& column : columns)
      for (int c = 0; c < 3; ++c) *to++ = weigh(column, in.pixels.data() + std::ptrdiff_t{3} * y * in.width + c, 3);
  return out;
}

inline picture resize_height(picture const& in, int height) {
  if (height == in.height) return in;
  auto const row_bytes = std::ptrdiff_t{3} * in.width;
  picture out{in.width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(row_bytes) * height)};
  auto* to = out.pixels.data();
  for (auto const& row : bilinear_taps(in.height, height))
    for (std::ptrdiff_t x = 0; x < row_bytes; ++x) *to++ = weigh(row, in.pixels.data() + x, row_bytes);
  return out;
}

/// Resizes in two passes with 8 bits between them, width first, as Pillow does: equal bytes.
inline picture resize(picture const& in, int width, int height) {
  return resize_height(resize_width(in, width), height);
}

/// Resizes so that the shorter side becomes `side`; the longer one keeps the proportion, rounded down.
inline picture resize_shorter_side(picture const& in, int side) {
  auto const longer = [&](int a, int b) { return static_cast<int>(static_cast<double>(side) * a / b); };
  return in.width <= in.height ? resize(in, side, longer(in.height, in.width))
                               : resize(in, longer(in.width, in.height), side);
}

/// The square of `side` pixels in the middle; halves go to the even neighbour. Both sides are at least `side`.
inline picture center_crop(picture const& in, int side) {
  auto const left = static_cast<int>(std::nearbyint((in.width - side) / 2.0));
  auto const top = static_cast<int>(std::nearbyint((in.height - side) / 2.0));
  picture out{side, side, {}};
  for (int y = 0; y < side; ++y) {
    auto const row = in.pixels.begin() + std::ptrdiff_t{3} * ((top + y) * in.width + left);
    out.pixels.insert(out.pixels.end(), row, row + std::ptrdiff_t{3} * side);
  }
  return out;
}

struct normalization {
  std::array<float, 3> mean{0.485f, 0.456f, 0.406f};  ///< red, green, blue; of values in 0..1
  std::array<float, 3> deviation{0.229f, 0.224f, 0.225f};
  bool blue_first = false;
};

/// Writes the picture as planes of (value / 255 - mean) / deviation.
inline void normalize(picture const& in, normalization const& how, std::span<float> planes) {
  auto const count = in.pixels.size() / 3;
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = 0; i < count; ++i)
      planes[(how.blue_first ? 2 - c : c) * count + i] =
          (static_cast<float>(in.pixels[3 * i + c]) / 255 - how.mean[c]) / how.deviation[c];
}

}  // namespace preprocess

#pragma once

#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/recipe.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Row-major images of at most four channels of 8-bit integers, with the channels of a pixel side by side in an int32:
/// what products of four bytes take, in a quarter of the memory of NCHW16c. As words (widened_bytes.hpp) a pixel is one
/// int32 in each of two planes.
///
///     parallel for item, piece of the plane: interleave                       (a region of its own, into the arena)
namespace sinter::detail {

struct byte_image {
  static constexpr std::int64_t most_channels = 4, pixel_bytes = 4;

  std::int64_t items = 1, item_stride = 0;
  std::int64_t channels = 1, pixels = 1;
  bool is_signed = false;
  bool words = false;

  std::int64_t planes() const { return words ? 2 : 1; }
  std::int64_t interleaved_bytes() const { return checked_mul(pixels, planes() * pixel_bytes); }
};

/// The kernel for `length` pixels. Arguments: x, its first channel; the results, one for each plane.
inline vector::recipe interleaving_recipe(byte_image const& s, std::int64_t length, target const& t) {
  vector::recipe_key key("interleave", t);
  key.add(s.channels).add(s.pixels).add(s.is_signed).add(s.words).add(length);
  auto const build = [s, length, t] {
    using enum vector::opcode;
    using vector::access, vector::element;
    constexpr auto i32 = vector::register_type::i32;
    vector::builder b("interleave", t.lanes());
    std::int64_t const lanes = t.lanes(), step = b.register_bytes();
    auto const x =
        b.argument("x", access::in, (s.channels - 1) * s.pixels + length, s.is_signed ? element::s8 : element::u8, 1);
    std::vector<vector::pointer> planes;
    std::vector<std::pair<vector::pointer, std::int64_t>> steps{{x, lanes}};
    for (std::int64_t plane = 0; plane < s.planes(); ++plane) {
      planes.push_back(
          b.argument("y" + std::to_string(plane), access::out, length * byte_image::pixel_bytes, element::i32));
      steps.emplace_back(planes.back(), step);
    }
    auto const fix = !s.is_signed ? vector::reg{} : b.constant_i32(s.words ? 128 : 0xff);
    auto const channel_of = [&](std::int64_t channel, std::int64_t at, std::int32_t n) {
      auto const value = b.load(x.at(channel * s.pixels + at), n, i32);
      return fix ? b.binary(s.words ? iadd : iand, value, fix, i32) : value;
    };
    auto const pixels = [&](std::int64_t at, std::int64_t count) {
      auto const n = static_cast<std::int32_t>(count);
      for (std::int64_t plane = 0; plane < s.planes(); ++plane) {
        auto all = plane < s.channels ? channel_of(plane, at, n) : b.zero(i32);
        for (auto c = plane + s.planes(); c < s.channels; c += s.planes())
          all =
              b.binary(ior, all, b.shift(ishl, channel_of(c, at, n), static_cast<std::int32_t>(8 * (c - plane))), i32);
        b.store(planes[static_cast<std::size_t>(plane)].at(at * byte_image::pixel_bytes), all, n);
      }
    };
    auto const vectors = length / lanes;
    if (vectors > 0) b.loop(vectors, steps, [&] { pixels(0, lanes); });
    if (length % lanes != 0) pixels(vectors * lanes, length % lanes);
    return std::move(b).take();
  };
  return {key.take(), build};
}

/// Adds the region that interleaves the image at `x`, before the one that reads the result.
inline address interleave_image(byte_image const& s, address const& x, target const& t, fragment& code) {
  SINTER_ASSERT(code.regions.empty());
  auto const item = s.interleaved_bytes(), plane = s.pixels * byte_image::pixel_bytes;
  auto to = code.temporary("image", checked_mul(s.items, item), 0, 1);
  for (auto const& piece : equal_runs(s.pixels, task_bytes / 8)) {
    auto const place = [&](address a, std::int64_t item_bytes, std::int64_t pixel) {
      a.offset += piece.first * pixel;
      a.stride = {item_bytes, piece.length * pixel};
      return a;
    };
    std::vector<address> arguments{place(x, s.item_stride, 1)};
    for (std::int64_t i = 0; i < s.planes(); ++i) {
      arguments.push_back(place(to, item, byte_image::pixel_bytes));
      arguments.back().offset += i * plane;
    }
    code.add(interleaving_recipe(s, piece.length, t), {s.items, piece.count, 1, 1}, std::move(arguments));
  }
  code.barrier();
  to.stride[0] = item;
  return to;
}

}  // namespace sinter::detail

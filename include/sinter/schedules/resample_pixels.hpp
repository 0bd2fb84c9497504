#pragma once

#include <sinter/schedules/resample_taps.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// The kernel of Resize along rows: see resample.hpp.
namespace sinter::detail {

/// Neighbouring pixels of `rows` rows of vectors of 16.
struct resampled_pixels {
  std::vector<tap_pattern> pixels{};  ///< of each pixel, from the piece's first input pixel on
  bool copies = false;
  std::int64_t most_taps = 1, rows = 1, in_row = 0, out_row = 0;

  std::int64_t reach() const {
    std::int64_t most = 0;
    for (auto const& p : pixels) most = std::max(most, p.back());
    return (most + 1) * 64;
  }

  vector::recipe recipe(target const& t) const {
    vector::recipe_key key("resample_pixels", t);
    key.add_all(pixels, add_taps).add(copies).add(most_taps).add(rows).add(in_row).add(out_row);
    return {key.take(), [s = *this, t] { return s.build(t); }};
  }

  vector::program build(target const& t) const {
    auto const count = static_cast<std::int64_t>(pixels.size());
    vector::builder b("resample_pixels", t.lanes());
    auto const x = b.argument("x", vector::access::in, (rows - 1) * in_row + reach());
    vector::pointer w;
    if (!copies) w = b.argument("w", vector::access::constant, count * most_taps * 4);
    auto const y = b.argument("y", vector::access::out, (rows - 1) * out_row + count * 64);
    b.loop(rows, {{x, in_row}, {y, out_row}}, [&] {
      for (std::int64_t pixel = 0; pixel < count; ++pixel)
        for (std::int64_t part = 0; part < 64; part += b.register_bytes()) {
          auto const& taps = pixels[static_cast<std::size_t>(pixel)];
          auto const load = [&](std::size_t k) { return b.load(x.at(taps[k] * 64 + part)); };
          auto const weight = [&](std::size_t k) {
            return w.broadcast((pixel * most_taps + static_cast<std::int64_t>(k)) * 4);
          };
          b.store(y.at(pixel * 64 + part), copies ? load(0) : sum_of_taps(taps.size(), b, load, weight));
        }
    });
    return std::move(b).take();
  }
};

}  // namespace sinter::detail

#pragma once

#include <sinter/schedules/resample_taps.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// The kernels of Resize along rows and across rows: see resample.hpp.
namespace sinter::detail {

/// The sum of `load(tap)` times `weight(tap)` over `taps` taps, in order.
template <typename Load, typename Weight>
vector::reg sum_of_taps(std::size_t taps, vector::builder& b, Load&& load, Weight&& weight) {
  auto const sum = b.binary(vector::opcode::mul, load(0), weight(0));
  for (std::size_t k = 1; k < taps; ++k) b.fma_to(sum, load(k), weight(k));
  return sum;
}

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

/// One row of `length` floats from several rows of each of `planes` planes.
struct resampled_line {
  tap_pattern taps{};
  bool copies = false;
  std::int64_t length = 1, planes = 1, in_plane = 0, out_plane = 0;

  vector::recipe recipe(target const& t) const {
    vector::recipe_key key("resample_line", t);
    key.add_all(taps).add(copies).add(length).add(planes).add(in_plane).add(out_plane);
    return {key.take(), [s = *this, t] { return s.build(t); }};
  }

  vector::program build(target const& t) const {
    constexpr std::size_t kept = 8;  // weights in registers
    vector::builder b("resample_line", t.lanes());
    auto const line = length * 4, count = static_cast<std::int64_t>(taps.size());
    auto const x = b.argument("x", vector::access::in, (planes - 1) * in_plane + (taps.back() + 1) * line);
    vector::pointer w;
    if (!copies) w = b.argument("w", vector::access::constant, count * 4);
    auto const y = b.argument("y", vector::access::out, (planes - 1) * out_plane + line);
    std::vector<vector::reg> weights;
    for (std::int64_t k = 0; !copies && taps.size() <= kept && k < count; ++k)
      weights.push_back(b.load(w.broadcast(k * 4)));
    auto const held = [&](std::size_t k) { return weights[k]; };
    auto const loaded = [&](std::size_t k) { return w.broadcast(4 * static_cast<std::int64_t>(k)); };
    auto const compute = [&](std::int64_t at, std::int64_t lanes) {
      auto const n = static_cast<std::int32_t>(lanes);
      auto const load = [&](std::size_t k) { return b.load(x.at(taps[k] * line + at), n); };
      auto const sum = [&] {
        return weights.empty() ? sum_of_taps(taps.size(), b, load, loaded) : sum_of_taps(taps.size(), b, load, held);
      };
      b.store(y.at(at), copies ? load(0) : sum(), n);
    };
    b.loop(planes, {{x, in_plane}, {y, out_plane}}, [&] {
      auto const vectors = length / t.lanes(), unroll = std::clamp<std::int64_t>(vectors, 1, count > 8 ? 1 : 4);
      auto const bytes = b.register_bytes();
      if (vectors > 0)
        b.loop(vectors / unroll, {{x, unroll * bytes}, {y, unroll * bytes}}, [&] {
          for (std::int64_t v = 0; v < unroll; ++v) compute(v * bytes, t.lanes());
        });
      for (auto at = vectors / unroll * unroll * t.lanes(); at < length; at += t.lanes())
        compute(at * 4, std::min<std::int64_t>(t.lanes(), length - at));
    });
    return std::move(b).take();
  }
};

}  // namespace sinter::detail

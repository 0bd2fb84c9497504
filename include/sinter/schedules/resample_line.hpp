#pragma once

#include <sinter/schedules/resample_taps.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// The kernel of Resize across rows: see resample.hpp.
namespace sinter::detail {

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

#pragma once

#include <sinter/schedules/schedule.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

/// Packing of convolution and GEMM weights: for each group of `interleave` blocks of 16 output channels, the reduction
/// in the order of the kernels' additions, the output channels innermost.
namespace sinter {

/// A run of reduction indices of the source: `count` elements from `first` on, `step` elements apart; packed one after
/// the other.
struct weight_run {
  std::int64_t first = 0, count = 0, step = 1;
};

/// Where the weights of output channel o, reduction index k lie in the source: o * `output_step` + runs[…].
struct weight_source {
  any_tensor tensor{};
  std::int64_t outputs = 0;      ///< output channels
  std::int64_t output_step = 0;  ///< elements between them
  std::vector<weight_run> runs{};

  std::int64_t reduction() const {
    std::int64_t n = 0;
    for (auto const& run : runs) n += run.count;
    return n;
  }
};

inline std::int64_t packed_group_bytes(std::int64_t reduction, std::int64_t interleave) {
  return reduction * interleave * channel_block * 4;
}

/// Fills `to` as the file head says. Output channels past the last are zero.
inline void pack_weights(weight_source const& w, std::int64_t interleave, float* to) {
  auto const* from = static_cast<float const*>(w.tensor.data());
  auto const width = interleave * channel_block;
  for (std::int64_t first = 0; first < w.outputs; first += width) {
    auto const present = std::min(width, w.outputs - first);
    auto const* group = from + first * w.output_step;
    for (auto const& run : w.runs)
      for (std::int64_t k = 0; k < run.count; ++k, to += width) {
        auto const* column = group + run.first + k * run.step;
        for (std::int64_t o = 0; o < present; ++o) to[o] = column[o * w.output_step];
        std::fill(to + present, to + width, 0.0f);
      }
  }
}

/// The packing of a constant as a weight block of a schedule's code. `source.tensor` is the constant or derived from
/// it.
inline packed_weight packed(std::string key, any_tensor constant, weight_source source, std::int64_t interleave) {
  auto const groups = ceil_div(source.outputs, interleave * channel_block);
  auto const bytes = checked_mul(groups, packed_group_bytes(source.reduction(), interleave));
  return {.key = std::move(key),
          .bytes = bytes,
          .source = std::move(constant),
          .fill = [source = std::move(source), interleave](std::byte* to) {
            pack_weights(source, interleave, reinterpret_cast<float*>(to));
          }};
}

}  // namespace sinter

#pragma once

#include <sinter/schedules/row_walk.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// The kernels of InstanceNormalization and GroupNormalization: see group_norm.hpp.
namespace sinter::detail {

struct group_norm_shape {
  std::int64_t items = 1, channels = 1, groups = 1, plane = 1;
  float epsilon = 1e-5f;

  /// Channels of a group.
  std::int64_t width() const { return channels / groups; }
  /// Whether each group lies in one block of channels, in lanes that pairs of lanes can add up, or owns whole blocks.
  bool fits_blocks() const {
    auto const w = width();
    return w % channel_block == 0 || (w < channel_block && (w & (w - 1)) == 0);
  }
  /// Blocks that are normalised together.
  std::int64_t blocks_of_task() const { return std::max<std::int64_t>(1, width() / channel_block); }
};

/// What both kernels do with the sums of a group.
class group_norm_kernel {
 protected:
  group_norm_kernel(group_norm_shape const& s, std::string name, std::int64_t bytes, std::int64_t channels,
                    target const& t)
      : s_(s), b_(std::move(name), t.lanes()) {
    x_ = b_.argument("x", vector::access::in, bytes);
    scale_ = b_.argument("scale", vector::access::constant, channels * 4);
    bias_ = b_.argument("bias", vector::access::constant, channels * 4);
    y_ = b_.argument("y", vector::access::out, bytes);
    ones_ = b_.argument("ones", vector::access::constant, 64);
  }

  vector::reg per_element(vector::reg sum) {
    return b_.binary(vector::opcode::mul, sum, b_.constant(1.0f / static_cast<float>(s_.width() * s_.plane)));
  }
  /// 1 / sqrt(variance + epsilon)
  vector::reg inverse_deviation(vector::reg variance) {
    auto const shifted = b_.binary(vector::opcode::add, variance, b_.constant(s_.epsilon));
    return b_.binary(vector::opcode::div, b_.constant(1), b_.unary(vector::opcode::sqrt, shifted));
  }

  group_norm_shape s_;
  vector::builder b_;
  vector::pointer x_{}, scale_{}, bias_{}, y_{};
  vector::pointer ones_{};  ///< sixteen ones
};

/// One group, row-major: neighbouring floats.
class group_norm_rows : group_norm_kernel {
 public:
  group_norm_rows(group_norm_shape const& s, target const& t)
      : group_norm_kernel(s, "group_norm_rows", s.width() * s.plane * 4, s.width(), t) {}

  vector::program build() && {
    row_walk const walk(b_, s_.width() * s_.plane);
    auto const mean = per_element(sum(walk, {}));
    auto const inverse = inverse_deviation(per_element(sum(walk, mean)));
    b_.loop(s_.width(), {{x_, s_.plane * 4}, {y_, s_.plane * 4}, {scale_, 4}, {bias_, 4}}, [&] {
      auto const factor = b_.binary(vector::opcode::mul, inverse, b_.load(scale_.broadcast(0)));
      auto const shift = b_.fnma(mean, factor, b_.load(bias_.broadcast(0)));
      scale_plane(factor, shift);
    });
    return std::move(b_).take();
  }

 private:
  /// The sum of the elements; with `mean`, of the squares of their distances from it.
  vector::reg sum(row_walk const& walk, vector::reg mean) {
    std::vector<vector::reg> sums;
    for (std::size_t i = 0; i < walk.accumulators(); ++i) sums.push_back(b_.zero());
    walk.run({x_}, [&](row_part const& at) {
      auto const s = sums[at.accumulator];
      if (at.count == 0) return b_.binary_to(s, vector::opcode::add, s, b_.zero());
      auto const x = b_.load(x_.at(at.offset), at.count);
      if (!mean) return b_.binary_to(s, vector::opcode::add, s, x);
      auto d = b_.binary(vector::opcode::sub, x, mean);
      if (!at.whole) d = b_.binary(vector::opcode::mul, d, b_.load(ones_.at(0), at.count));
      b_.fma_to(s, d, d);
    });
    return walk.fold(sums, vector::opcode::add, vector::opcode::hsum);
  }

  void scale_plane(vector::reg factor, vector::reg shift) {
    auto const lanes = b_.lanes();
    auto const bytes = b_.register_bytes();
    auto const compute = [&](std::int64_t at, std::int64_t count) {
      auto const n = static_cast<std::int32_t>(count);
      b_.store(y_.at(at), b_.fma(b_.load(x_.at(at), n), factor, shift), n);
    };
    auto const vectors = s_.plane / lanes, unroll = std::clamp<std::int64_t>(vectors, 1, 4);
    if (vectors > 0)
      b_.loop(vectors / unroll, {{x_, unroll * bytes}, {y_, unroll * bytes}}, [&] {
        for (std::int64_t v = 0; v < unroll; ++v) compute(v * bytes, lanes);
      });
    for (auto at = vectors / unroll * unroll * lanes; at < s_.plane; at += lanes)
      compute(at * 4, std::min<std::int64_t>(lanes, s_.plane - at));
  }
};

/// One block of 16 channels, or the blocks of a group.
class group_norm_blocks : group_norm_kernel {
 public:
  group_norm_blocks(group_norm_shape const& s, target const& t)
      : group_norm_kernel(s, "group_norm_blocks", s.blocks_of_task() * s.plane * 64, s.blocks_of_task() * 16, t),
        parts_(static_cast<std::size_t>(t.registers_per_block())) {}

  vector::program build() && {
    auto mean = group_sums({});
    for (auto& m : mean) m = per_element(m);
    auto inverse = group_sums(mean);
    for (auto& v : inverse) v = inverse_deviation(per_element(v));
    b_.loop(s_.blocks_of_task(), {{x_, s_.plane * 64}, {y_, s_.plane * 64}, {scale_, 64}, {bias_, 64}}, [&] {
      std::vector<vector::reg> factor, shift;
      for (std::size_t p = 0; p < parts_; ++p) {
        factor.push_back(b_.binary(vector::opcode::mul, inverse[p], b_.load(scale_.at(at(p)))));
        shift.push_back(b_.fnma(mean[p], factor[p], b_.load(bias_.at(at(p)))));
      }
      pixels({x_, y_}, [&](std::int64_t offset, std::size_t p, std::size_t) {
        b_.store(y_.at(offset), b_.fma(b_.load(x_.at(offset)), factor[p], shift[p]));
      });
    });
    return std::move(b_).take();
  }

 private:
  static constexpr std::int64_t chains = 4;

  std::int64_t at(std::size_t part) const { return static_cast<std::int64_t>(part) * b_.register_bytes(); }

  /// visit(offset, part of the block, chain) for each pixel and part.
  template <typename Visit>
  void pixels(std::vector<vector::pointer> const& streams, Visit&& visit) {
    auto const some = [&](std::int64_t first, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i)
        for (std::size_t p = 0; p < parts_; ++p) visit((first + i) * 64 + at(p), p, static_cast<std::size_t>(i));
    };
    auto const turns = s_.plane / chains;
    std::vector<std::pair<vector::pointer, std::int64_t>> steps;
    for (auto const p : streams) steps.emplace_back(p, chains * 64);
    if (turns > 0) b_.loop(turns, steps, [&] { some(0, chains); });
    some(turns * chains, s_.plane % chains);
  }

  /// Sums of x over each group, in all lanes of the group; with `mean`, of the squares of the distances from it.
  std::vector<vector::reg> group_sums(std::vector<vector::reg> const& mean) {
    std::vector<vector::reg> sums;
    for (std::size_t i = 0; i < chains * parts_; ++i) sums.push_back(b_.zero());
    b_.loop(s_.blocks_of_task(), {{x_, s_.plane * 64}}, [&] {
      pixels({x_}, [&](std::int64_t offset, std::size_t p, std::size_t chain) {
        auto const sum = sums[chain * parts_ + p];
        if (mean.empty()) return b_.binary_to(sum, vector::opcode::add, sum, x_.at(offset));
        auto const d = b_.binary(vector::opcode::sub, b_.load(x_.at(offset)), mean[p]);
        b_.fma_to(sum, d, d);
      });
    });
    std::vector<vector::reg> total;
    for (std::size_t p = 0; p < parts_; ++p) {
      auto const chain = [&](std::size_t c) { return sums[c * parts_ + p]; };
      total.push_back(b_.binary(vector::opcode::add, b_.binary(vector::opcode::add, chain(0), chain(1)),
                                b_.binary(vector::opcode::add, chain(2), chain(3))));
    }
    return across(std::move(total));
  }

  /// Adds up the lanes of each group by pairs: those 8 apart, then 4, 2 and 1.
  std::vector<vector::reg> across(std::vector<vector::reg> parts) {
    auto const lanes = b_.lanes();
    for (std::int64_t distance = 8; distance > 0; distance /= 2) {
      if (distance >= s_.width()) continue;
      if (distance >= lanes) {
        parts.assign(2, b_.binary(vector::opcode::add, parts[0], parts[1]));
        continue;
      }
      std::vector<std::int32_t> table;
      for (std::int32_t i = 0; i < lanes; ++i) table.push_back(i ^ static_cast<std::int32_t>(distance));
      for (auto& p : parts) p = b_.binary(vector::opcode::add, p, b_.shuffle(p, table));
    }
    return parts;
  }

  std::size_t parts_;
};

}  // namespace sinter::detail

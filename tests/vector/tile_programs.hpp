#pragma once

#include <sinter/vector/builder.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace sinter::test {

inline constexpr std::int64_t tile_argument_bytes = 65536;

/// A program on tiles of random shapes and distances: sums of both kinds, in nested loops, begun with zeros or from
/// memory, that vector code goes on with. Arguments: factors, factors, sums to begin with, sums of bf16, sums of bytes.
class tile_program {
 public:
  explicit tile_program(std::uint32_t seed) : random_(seed), b_("tiles_" + std::to_string(seed), 16) {
    using enum vector::access;
    using vector::element;
    x_ = b_.argument("x", in, tile_argument_bytes, element::i32);
    w_ = b_.argument("w", constant, tile_argument_bytes, element::i32);
    c_ = b_.argument("c", in, tile_argument_bytes);
    y_ = b_.argument("y", out, tile_argument_bytes);
    z_ = b_.argument("z", out, tile_argument_bytes, element::i32);
    far_ = b_.stream("far", x_, 4096);
  }

  vector::program make() && {
    product(vector::opcode::tile_dot2_bf16, y_);
    product(vector::opcode::tile_dot4, z_);
    auto const sums = b_.load(y_.at(0));
    b_.store(y_.at(32768), b_.binary(vector::opcode::mul, sums, c_.at(0)));
    return std::move(b_).take();
  }

 private:
  std::int64_t pick(std::int64_t n) { return static_cast<std::int64_t>(random_() % static_cast<std::uint32_t>(n)); }
  /// 1 to 16, mostly 16.
  std::int64_t extent() { return pick(2) ? 16 : 1 + pick(16); }
  std::int64_t distance(std::int64_t bytes) { return bytes + (pick(2) ? 0 : 4 * pick(40)); }

  void product(vector::opcode op, vector::pointer to) {
    auto const rows = extent(), depth = extent(), columns = 4 * extent();
    auto const x_stride = distance(4 * depth), w_stride = distance(columns), y_stride = distance(columns);
    auto const begin = [&](std::int64_t at) {
      return pick(2) ? b_.tile_zero(rows, columns) : b_.tile_load(c_.at(at), rows, columns, distance(columns));
    };
    auto const first = begin(4 * pick(100)), second = begin(4 * pick(100));
    auto const step = [&] {
      auto const x = b_.tile_load(pick(2) ? x_.at(64) : far_.at(4 * pick(10)), rows, 4 * depth, x_stride, pick(2) == 1);
      b_.tile_dot_to(first, op, x, b_.tile_load(w_.at(0), depth, columns, w_stride));
      b_.tile_dot_to(second, op, x, b_.tile_load(w_.at(4 * pick(500)), depth, columns, w_stride));
    };
    b_.loop(1 + pick(3), {{x_, 4 * pick(100)}, {w_, 4 * pick(300)}}, [&] {
      step();
      b_.loop(1 + pick(3), {{far_, 4 * pick(90)}, {w_, 4 * pick(100)}}, step);
    });
    b_.tile_store(to.at(0), first, rows, columns, y_stride);
    b_.tile_store(to.at(16384), second, rows, columns, y_stride);
  }

  std::mt19937 random_;
  vector::builder b_;
  vector::pointer x_{}, w_{}, c_{}, y_{}, z_{}, far_{};
};

inline std::vector<vector::program> tile_programs(std::size_t count) {
  std::vector<vector::program> programs;
  for (std::uint32_t seed = 1; programs.size() < count; ++seed) programs.push_back(tile_program(seed).make());
  return programs;
}

/// Memory for a program on tiles. Factors are bf16 of all kinds: some subnormal, few infinite or no numbers.
class tile_memory {
 public:
  explicit tile_memory(std::uint32_t seed) {
    std::mt19937 random(seed);
    auto const half = [&]() -> std::uint32_t {
      auto const kind = random() % 1024;
      if (kind == 0) return random() & 0xffff;                  // anything
      if (kind < 64) return random() & 0x80ff;                  // next to zero
      return (random() & 0x80ff) | (0x3d + random() % 4) << 8;  // about one
    };
    for (auto& words : all_) {
      bool const is_sum = &words == &all_[2];
      for (std::size_t k = 0; k < tile_argument_bytes / 4; ++k)
        words.push_back(is_sum ? half() << 16 | (random() & 0xffff) : half() << 16 | half());
      arguments_.push_back(reinterpret_cast<std::byte*>(words.data()));
    }
  }
  tile_memory(tile_memory const&) = delete;

  std::byte* const* arguments() const { return arguments_.data(); }

  /// Whether what is there is the same, payloads of float32 that are no numbers aside.
  bool same(tile_memory const& other) const {
    auto const is_nan = [](std::uint32_t bits) { return (bits & 0x7fffffffu) > 0x7f800000u; };
    for (std::size_t k = 0; k < 5; ++k)
      for (std::size_t i = 0; i < all_[k].size(); ++i)
        if (all_[k][i] != other.all_[k][i] && !(k == 3 && is_nan(all_[k][i]) && is_nan(other.all_[k][i]))) return false;
    return true;
  }

 private:
  std::vector<std::uint32_t> all_[5];
  std::vector<std::byte*> arguments_;
};

}  // namespace sinter::test

#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sinter::detail {

/// The scores of one query, whose keys are read where they lie, for tasks so small that packing keys does not pay.
/// Distances are in bytes.
struct key_rows {
  static constexpr std::int64_t most_elements = 128;  ///< of a key: a block of keys is a loop's body

  std::int64_t keys = 1, d = 1, row = 0;
  float scale = 1;

  std::int64_t bytes() const { return (keys - 1) * row + d * 4; }
};

/// s = scale * q · k for all keys, 0 behind the last one up to a multiple of 16. The sum of a product has 16 lanes,
/// which are added as `hsum` adds them.
class key_row_scores {
 public:
  key_row_scores(key_rows const& k, vector::builder& b, vector::pointer q, vector::pointer rows, vector::pointer s)
      : k_(k), b_(b), q_(q), rows_(rows), s_(s) {}

  void emit() {
    keep_query();
    auto const lanes = std::int64_t{b_.lanes()}, whole = k_.keys / lanes, step = lanes * 4;
    if (whole > 0) b_.loop(whole, {{rows_, lanes * k_.row}, {s_, step}}, [&] { block(0, lanes); });
    for (auto first = whole * lanes; first < (k_.keys + 15) / 16 * 16; first += lanes)
      block(first, std::clamp<std::int64_t>(k_.keys - first, 0, lanes));
  }

 private:
  std::int64_t parts() const { return 16 / b_.lanes(); }
  std::int64_t registers_of_query() const { return (k_.d + b_.lanes() - 1) / b_.lanes(); }
  std::int32_t count(std::int64_t i) const {
    return static_cast<std::int32_t>(std::min<std::int64_t>(b_.lanes(), k_.d - i * b_.lanes()));
  }

  vector::reg load_query(std::int64_t i) { return b_.load(q_.at(i * b_.register_bytes()), count(i)); }
  /// With 32 registers the query is kept in some.
  void keep_query() {
    for (std::int64_t i = 0; b_.lanes() == 16 && i < registers_of_query(); ++i) query_.push_back(load_query(i));
  }
  vector::reg query(std::int64_t i) { return query_.empty() ? load_query(i) : query_[static_cast<std::size_t>(i)]; }

  /// As many keys as there are lanes, those from `present` on missing.
  void block(std::int64_t first, std::int64_t present) {
    std::vector<vector::reg> sums;
    for (std::int64_t j = 0; j < b_.lanes(); ++j)
      sums.push_back(j < present ? products(rows_ + (first + j) * k_.row) : b_.zero());
    b_.transpose(sums);
    for (auto n = sums.size() / 2; n > 0; n /= 2)
      for (std::size_t i = 0; i < n; ++i) sums[i] = b_.binary(vector::opcode::add, sums[i], sums[i + n]);
    if (k_.scale != 1) sums[0] = b_.binary(vector::opcode::mul, sums[0], b_.constant(k_.scale));
    b_.store(s_.at(first * 4), sums[0]);
  }

  /// The products of the query and one key, those of lanes 0 to 15 added up, and lanes 16 / parts apart.
  vector::reg products(vector::pointer key) {
    std::vector<vector::reg> part;
    for (std::int64_t i = 0; i < registers_of_query(); ++i) {
      auto const k = b_.load(key.at(i * b_.register_bytes()), count(i)), q = query(i);
      if (i < parts())
        part.push_back(b_.binary(vector::opcode::mul, q, k));
      else
        b_.fma_to(part[static_cast<std::size_t>(i % parts())], q, k);
    }
    for (auto n = static_cast<std::size_t>(parts()) / 2; n > 0; n /= 2)
      for (std::size_t i = 0; i < n && i + n < part.size(); ++i)
        part[i] = b_.binary(vector::opcode::add, part[i], part[i + n]);
    return part[0];
  }

  key_rows const& k_;
  vector::builder& b_;
  vector::pointer q_, rows_, s_;
  std::vector<vector::reg> query_{};
};

}  // namespace sinter::detail

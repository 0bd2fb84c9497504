#pragma once

#include <sinter/expr/cost.hpp>
#include <sinter/expr/function.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

/// The only way from expressions into vector programs.
namespace sinter {

/// An expanded function (see `expr::expand`) about to be applied in a kernel. Constants are materialised next to their
/// uses, except for those that `keep_constants` puts into registers before a loop.
class applied_function {
 public:
  explicit applied_function(expr::function const& expanded) : f_(&expanded), kept_(expanded.lines.size()) {
    SINTER_ASSERT(!expanded.lines.empty());
  }

  /// Materialises the `most` constants with the most uses; to be called outside of the loops that apply the function.
  void keep_constants(vector::builder& b, int most);

  /// Emits the function of `operands`, which stay unchanged; the result may be one of them.
  vector::reg operator()(vector::builder& b, std::span<vector::reg const> operands) const {
    return side_by_side(b, {{operands.begin(), operands.end()}}).front();
  }

  /// The same for several sets of operands, line by line for all of them: a function is a chain, each step of which
  /// would wait for the one before it.
  std::vector<vector::reg> side_by_side(vector::builder& b, std::vector<std::vector<vector::reg>> const& sets) const;

 private:
  vector::reg constant(vector::builder& b, std::size_t line) const {
    return kept_[line] ? kept_[line] : materialize(b, f_->lines[line].value);
  }
  vector::reg emit(vector::builder& b, expr::instruction const& line, std::array<vector::reg, 4> const& x) const;
  static vector::reg materialize(vector::builder& b, float v) {
    return std::bit_cast<std::uint32_t>(v) == 0 ? b.zero() : b.constant(v);
  }

  expr::function const* f_;
  std::vector<vector::reg> kept_;
};

/// Emits `expanded` of `operands`.
inline vector::reg apply(expr::function const& expanded, vector::builder& b, std::span<vector::reg const> operands) {
  return applied_function(expanded)(b, operands);
}

inline void applied_function::keep_constants(vector::builder& b, int most) {
  std::vector<std::pair<int, std::size_t>> uses;
  for (std::size_t i = 0; i < f_->lines.size(); ++i)
    if (f_->lines[i].code == expr::op::constant) uses.emplace_back(0, i);
  for (auto const& line : f_->lines)
    for (std::size_t k = 0; k < static_cast<std::size_t>(expr::arity(line.code)); ++k)
      for (auto& [count, constant] : uses)
        if (line.operands[k] == constant) --count;
  std::ranges::sort(uses);
  for (auto const& [count, constant] : uses)
    if (most-- > 0) kept_[constant] = materialize(b, f_->lines[constant].value);
}

inline std::vector<vector::reg> applied_function::side_by_side(
    vector::builder& b, std::vector<std::vector<vector::reg>> const& sets) const {
  std::vector<vector::reg> values(f_->lines.size() * sets.size());  // by line and set; constants have none
  auto const value = [&](std::size_t line, std::size_t set) -> auto& { return values[line * sets.size() + set]; };
  for (std::size_t i = 0; i < f_->lines.size(); ++i) {
    auto const& line = f_->lines[i];
    if (line.code == expr::op::constant) continue;
    std::array<vector::reg, 4> made{};  // constants, next to their uses
    for (std::size_t k = 0; k < static_cast<std::size_t>(expr::arity(line.code)); ++k) {
      auto const from = line.operands[k];
      if (f_->lines[from].code != expr::op::constant) continue;
      auto const twin = std::find(line.operands.begin(), line.operands.begin() + static_cast<std::ptrdiff_t>(k), from);
      auto const first = static_cast<std::size_t>(twin - line.operands.begin());
      made[k] = first == k ? constant(b, from) : made[first];
    }
    for (std::size_t set = 0; set < sets.size(); ++set) {
      if (line.code == expr::op::input) {
        SINTER_ASSERT(sets[set].size() >= f_->inputs);
        value(i, set) = sets[set][line.index];
        continue;
      }
      auto operands = made;
      for (std::size_t k = 0; k < static_cast<std::size_t>(expr::arity(line.code)); ++k)
        if (!operands[k]) operands[k] = value(line.operands[k], set);
      value(i, set) = emit(b, line, operands);
    }
  }
  auto const last = f_->lines.size() - 1;
  if (f_->lines[last].code == expr::op::constant) return std::vector(sets.size(), constant(b, last));
  return {values.end() - static_cast<std::ptrdiff_t>(sets.size()), values.end()};
}

inline vector::reg applied_function::emit(vector::builder& b, expr::instruction const& line,
                                          std::array<vector::reg, 4> const& x) const {
  using vector::opcode;
  constexpr auto i32 = vector::register_type::i32;
  switch (line.code) {
    case expr::op::add: return b.binary(opcode::add, x[0], x[1]);
    case expr::op::sub: return b.binary(opcode::sub, x[0], x[1]);
    case expr::op::mul: return b.binary(opcode::mul, x[0], x[1]);
    case expr::op::div: return b.binary(opcode::div, x[0], x[1]);
    case expr::op::min: return b.binary(opcode::min, x[0], x[1]);
    case expr::op::max: return b.binary(opcode::max, x[0], x[1]);
    case expr::op::fma: return b.fma(x[0], x[1], x[2]);
    case expr::op::sqrt: return b.unary(opcode::sqrt, x[0]);
    case expr::op::round: return b.unary(opcode::round, x[0]);
    case expr::op::floor: return b.unary(opcode::floor, x[0]);
    case expr::op::scale2: return b.binary(opcode::scale2, x[0], x[1]);
    case expr::op::select: return b.select(line.cc, x[0], x[1], x[2], x[3]);
    case expr::op::exponent: {
      auto const biased = b.shift(opcode::ishr, b.unary(opcode::bits, x[0], i32), 23);
      return b.unary(opcode::to_f32, b.binary(opcode::isub, biased, b.constant_i32(127), i32));
    }
    case expr::op::mantissa: {
      auto const fraction = b.binary(opcode::iand, b.unary(opcode::bits, x[0], i32), b.constant_i32(0x7fffff), i32);
      return b.unary(opcode::floats, b.binary(opcode::ior, fraction, b.constant_i32(0x3f800000), i32));
    }
    default: SINTER_ASSERT(!"an expanded function");
  }
  return {};
}

}  // namespace sinter

#pragma once

#include <sinter/expr/function.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

/// What an expanded function (see `expr::expand`) costs as vector code.
namespace sinter {

/// Registers that applying `f` needs besides those of its operands (which stay live) and of kept constants.
inline int registers_to_apply(expr::function const& f, bool constants_kept = false) {
  auto const n = f.lines.size();
  std::vector<std::size_t> last(n, 0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < static_cast<std::size_t>(expr::arity(f.lines[i].code)); ++k)
      last[f.lines[i].operands[k]] = i;
  int live = 0, most = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (expr::arity(f.lines[i].code) == 0) continue;
    int constants = 0, dying = 0;
    auto const& operands = f.lines[i].operands;
    for (std::size_t k = 0; k < static_cast<std::size_t>(expr::arity(f.lines[i].code)); ++k) {
      auto const o = operands[k];
      auto const here = operands.begin() + static_cast<std::ptrdiff_t>(k);
      if (std::find(operands.begin(), here, o) != here) continue;
      auto const code = f.lines[o].code;
      if (code == expr::op::constant && !constants_kept) ++constants;
      if (expr::arity(code) > 0 && last[o] == i) ++dying;
    }
    int const integers = f.lines[i].code == expr::op::mantissa || f.lines[i].code == expr::op::exponent ? 2 : 0;
    most = std::max(most, live + constants + 1 + integers);
    live += 1 - dying;
  }
  return most;
}

/// Instructions that applying `f` takes, about; constants are made next to each use.
inline int instructions_to_apply(expr::function const& f) {
  int count = 0;
  for (auto const& line : f.lines) {
    auto const arity = static_cast<std::size_t>(expr::arity(line.code));
    if (arity == 0) continue;
    ++count;
    for (std::size_t k = 0; k < arity; ++k) count += f.lines[line.operands[k]].code == expr::op::constant ? 1 : 0;
    if (line.code == expr::op::mantissa || line.code == expr::op::exponent) count += 4;
  }
  return count;
}

}  // namespace sinter

#pragma once

#include <sinter/vector/opcodes.hpp>

#include <algorithm>
#include <vector>

namespace sinter::vector {

/// Instructions from the first definition of a register to its last use. A register that is live into a loop stays so
/// until the loop's end.
struct live_range {
  std::int32_t first = -1;
  std::int32_t last = -1;
};

/// Live ranges of all registers of `p`, into `ranges`, whose memory is reused.
inline void find_live_ranges(program const& p, std::vector<live_range>& ranges) {
  ranges.assign(p.registers.size(), {});
  std::vector<std::int32_t> open;
  auto const touch = [&](reg r, std::int32_t at) {
    auto& range = ranges[static_cast<std::size_t>(r.id)];
    if (range.first < 0) range.first = at;
    range.last = at;
  };
  std::vector<std::pair<std::int32_t, std::int32_t>> loops;
  for (std::int32_t at = 0; at < static_cast<std::int32_t>(p.code.size()); ++at) {
    auto const& i = p.code[static_cast<std::size_t>(at)];
    if (i.op == opcode::loop) open.push_back(at);
    if (i.op == opcode::end && !open.empty()) loops.emplace_back(open.back(), at), open.pop_back();
    for_each_source(p, i, [&](reg r) { touch(r, at); });
    for_each_result(p, i, [&](reg r) { touch(r, at); });
  }
  for (auto const& [head, end] : loops)  // inner loops come before outer ones
    for (auto& range : ranges)
      if (range.first < head && range.last > head) range.last = std::max(range.last, end);
}

}  // namespace sinter::vector

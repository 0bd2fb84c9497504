#include "roofline.hpp"

#include "machine_rates.hpp"
#include <algorithm>

namespace codegen {

double roofline::seconds(sinter::operation_counts const& operations, std::int64_t bytes) const {
  auto at = std::ranges::find_if(levels, [&](level const& l) { return bytes <= l.holds; });
  if (at == levels.end()) --at;
  auto const at_rate = [](double count, double rate) { return count > 0 ? count / rate : 0; };
  auto const computing = at_rate(operations.lanes, a_second.lanes) +
                         at_rate(operations.bfloat16_tiles, a_second.bfloat16_tiles) +
                         at_rate(operations.byte_tiles, a_second.byte_tiles);
  return std::max(computing, static_cast<double>(bytes) / at->bytes_a_second);
}

roofline measure_roofline(sinter::target const& machine, sinter::executor* pool) {
  if (machine.device() != sinter::device_kind::x86_64) return {};
  constexpr std::int64_t least_uncached = 64 << 20, most_uncached = 512 << 20;
  auto const& facts = machine.facts();
  std::int64_t const workers = pool ? pool->workers() : 1;
  roofline r{.a_second = {.lanes = fma_rate(machine, pool)}};
  if (machine.has(sinter::feature::amx)) {
    r.a_second.bfloat16_tiles = tile_rate(machine, sinter::vector::opcode::tile_dot2_bf16, pool);
    r.a_second.byte_tiles = tile_rate(machine, sinter::vector::opcode::tile_dot4, pool);
  }
  // Half of a cache is sure to stay in it.
  auto const add = [&](std::string name, std::int64_t holds, std::int64_t read) {
    r.levels.push_back({std::move(name), holds, read_rate(machine, pool, read)});
  };
  add("L1", workers * facts.l1d, facts.l1d / 2);
  add("L2", workers * facts.l2, facts.l2 / 2);
  add("L3", facts.l3, facts.l3 / 2 / workers);
  add("memory", INT64_MAX, std::clamp(4 * facts.l3, least_uncached, most_uncached) / workers);
  return r;
}

}  // namespace codegen

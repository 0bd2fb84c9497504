#pragma once

/// Implementation part of emit/x86/emit.hpp: include it in one translation unit of a program.

#include <sinter/emit/x86/emit.hpp>
#include <sinter/emit/x86/kernel.hpp>

#include <algorithm>

namespace sinter {

code_block emit_x86(std::span<vector::program const* const> kernels, target const& machine, budget& code) {
  x86::constant_pool pool;
  std::size_t bound = 64;
  for (auto const* const kernel : kernels) {
    auto const& p = *kernel;
    if ((p.lanes != 16 && p.lanes != 8) || machine.device() != device_kind::x86_64 || machine.lanes() < p.lanes)
      fail(error_code::invalid_argument, "kernel '{}' has {} lanes: code for {} cannot hold it", p.name, p.lanes,
           to_string(machine));
    if ((p.lanes != 16 || !multiplies_bfloat16(machine)) && std::ranges::any_of(p.code, x86::takes_bfloat16))
      fail(error_code::invalid_argument,
           "kernel '{}' multiplies pairs of bfloat16, which takes AVX-512 BF16: {} has none", p.name,
           to_string(machine));
    if (vector::has_tiles(p)) x86::require_tiles(p, machine);
    intern_constants(pool, p);
    bound += x86::code_bound(p);
  }
  auto const pool_bytes = (pool.bytes() + 63) / 64 * 64;
  x86::code_memory memory(pool_bytes + bound);
  auto* const base = reinterpret_cast<std::uint8_t*>(memory.data());
  pool.write(base);
  std::vector<std::size_t> entries;
  entries.reserve(kernels.size());
  auto const interned = pool.bytes();
  std::size_t used = 0;
  try {
    x86::machine m(base + pool_bytes, bound, base, pool, machine);
    x86::kernel_emitter emitter(m);
    for (auto const* const p : kernels) entries.push_back(static_cast<std::size_t>(emitter.emit(*p) - base));
    used = pool_bytes + m.getSize();
  } catch (Xbyak::Error const& e) {
    fail(error_code::invalid_argument, "kernel '{}' cannot be encoded: {}", kernels[entries.size()]->name, e.what());
  }
  SINTER_ASSERT(pool.bytes() == interned);
  code.charge(used);
  memory.seal(used);
  return code_block(std::move(memory), std::move(entries));
}

}  // namespace sinter

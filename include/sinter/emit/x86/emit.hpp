#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/core/target.hpp>
#include <sinter/emit/x86/code_memory.hpp>
#include <sinter/vector/program.hpp>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace sinter {

/// Machine code of many kernels in one piece of executable memory that is never writable; move-only.
class code_block {
 public:
  code_block() = default;
  code_block(x86::code_memory memory, std::vector<std::size_t> entries)
      : memory_(std::move(memory)), entries_(std::move(entries)) {}

  std::size_t size() const { return entries_.size(); }
  /// The entry of kernel `index`; valid as long as the block lives.
  vector::kernel_function entry(std::size_t index) const {
    SINTER_ASSERT(index < entries_.size());
    return reinterpret_cast<vector::kernel_function>(const_cast<std::byte*>(memory_.bytes().data()) + entries_[index]);
  }
  /// Constants and code.
  std::span<std::byte const> bytes() const { return memory_.bytes(); }
  /// Code of kernel `index`, up to its return.
  std::size_t offset(std::size_t index) const { return entries_[index]; }

 private:
  x86::code_memory memory_;
  std::vector<std::size_t> entries_;
};

/// Emits verified programs: those of 16 lanes as AVX-512 (F, BW, DQ, VL), those of 8 lanes as AVX2 with FMA and F16C,
/// without a single EVEX encoding; `dot4.u8s8` and `dot2.s16` are one instruction, and `lookup.u8` few, where `machine`
/// has them for so many lanes; `dot2.bf16` and `pack.bf16` take 16 lanes and AVX-512 BF16, tiles 16 lanes and AMX. The
/// bytes are charged to `code`. A program that needs a stronger instruction set than `machine` has, or more registers
/// than there are, is `error_code::invalid_argument`. Defined in emit/x86/emitter.hpp.
code_block emit_x86(std::span<vector::program const* const> kernels, target const& machine, budget& code);

inline code_block emit_x86(std::span<vector::program const> kernels, target const& machine, budget& code) {
  std::vector<vector::program const*> all;
  for (auto const& k : kernels) all.push_back(&k);
  return emit_x86(all, machine, code);
}

}  // namespace sinter

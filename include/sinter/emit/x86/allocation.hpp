#pragma once

#include <sinter/vector/register_pressure.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace sinter::x86 {

/// Vector registers of a program, not its tiles: linear scan over live ranges, no spilling. A result may take the
/// register of a source that dies with the instruction; temporaries take neither.
class register_allocation {
 public:
  static constexpr int most_temporaries = 3;

  /// Allocates for `p`; what was there is forgotten, the memory reused. Running out of registers is
  /// `error_code::invalid_argument`.
  void allocate(vector::program const& p) {
    find_live_ranges(p, ranges_);
    physical_.assign(p.registers.size(), -1);
    temporaries_.resize(p.code.size());
    index_deaths(p);
    free_ = p.lanes == 16 ? ~0u : 0xffffu;
    for (std::size_t at = 0; at < p.code.size(); ++at) step(p, static_cast<std::int32_t>(at));
  }

  /// The machine register that holds virtual register `r`.
  int physical(vector::reg r) const { return physical_[static_cast<std::size_t>(r.id)]; }
  /// The temporaries of instruction `at`.
  std::array<std::int8_t, most_temporaries> const& temporaries(std::size_t at) const { return temporaries_[at]; }

 private:
  /// Lists, for each instruction, the registers that are last used there.
  void index_deaths(vector::program const& p) {
    first_death_.assign(p.code.size(), -1);
    next_death_.assign(p.registers.size(), -1);
    for (std::size_t r = 0; r < ranges_.size(); ++r) {
      if (ranges_[r].last < 0 || p.registers[r] == vector::register_type::tile) continue;
      auto& head = first_death_[static_cast<std::size_t>(ranges_[r].last)];
      next_death_[r] = head;
      head = static_cast<std::int32_t>(r);
    }
  }

  int take(vector::program const& p, std::int32_t at, std::int32_t preferred = -1) {
    if (free_ == 0)
      fail(error_code::invalid_argument, "kernel '{}' needs more than {} vector registers at instruction {}", p.name,
           vector::register_count(p.lanes), at);
    int const chosen = preferred >= 0 && (free_ >> preferred & 1u) ? preferred : std::countr_zero(free_);
    free_ &= ~(1u << chosen);
    return chosen;
  }

  void step(vector::program const& p, std::int32_t at) {
    auto const& i = p.code[static_cast<std::size_t>(at)];
    std::uint32_t borrowed = 0;
    int const wanted = vector::temporaries(p, i);
    auto& temporaries = temporaries_[static_cast<std::size_t>(at)];
    for (int t = 0; t < wanted; ++t) {
      temporaries[static_cast<std::size_t>(t)] = static_cast<std::int8_t>(take(p, at));
      borrowed |= 1u << temporaries[static_cast<std::size_t>(t)];
    }
    release(at, false);
    for_each_result(p, i, [&](vector::reg d) {
      if (type_of(p, d) == vector::register_type::tile) return;
      auto& where = physical_[static_cast<std::size_t>(d.id)];
      if (where < 0) where = static_cast<std::int8_t>(take(p, at, preference(i)));
    });
    release(at, true);
    free_ |= borrowed;
  }

  /// The register of the source that the result would overwrite for free.
  std::int32_t preference(vector::instruction const& i) const {
    auto const source = i.c ? i.c : i.a;
    return source ? physical(source) : -1;
  }

  /// Frees registers that die at `at`: those that were defined before it, or those that it defines itself.
  void release(std::int32_t at, bool defined_here) {
    for (auto r = first_death_[static_cast<std::size_t>(at)]; r >= 0; r = next_death_[static_cast<std::size_t>(r)])
      if ((ranges_[static_cast<std::size_t>(r)].first == at) == defined_here)
        free_ |= 1u << physical_[static_cast<std::size_t>(r)];
  }

  std::uint32_t free_ = 0;
  std::vector<vector::live_range> ranges_;
  std::vector<std::int8_t> physical_;
  std::vector<std::array<std::int8_t, most_temporaries>> temporaries_;
  std::vector<std::int32_t> first_death_, next_death_;
};

}  // namespace sinter::x86

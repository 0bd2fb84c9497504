#pragma once

#include <sinter/emit/x86/machine.hpp>

#include <array>
#include <utility>

namespace sinter::x86 {

/// d = the sum or greatest of all lanes, in all lanes: butterfly i^8, i^4, i^2, i^1. The shuffled half is the second
/// source, as `max` wants it.
inline void butterfly(machine& m, vector::opcode op, Xbyak::Ymm const& d, Xbyak::Ymm const& a, Xbyak::Ymm const& t) {
  auto const combine = [&](Xbyak::Ymm const& from) {
    if (op == vector::opcode::hsum)
      m.vaddps(d, from, t);
    else
      m.vmaxps(d, from, t);
  };
  if (m.wide()) {
    m.vshuff32x4(t, a, a, 0x4e);
    combine(a);
    m.vshuff32x4(t, d, d, 0xb1);
    combine(d);
  } else {
    m.vperm2f128(t, a, a, 1);
    combine(a);
  }
  for (std::uint8_t const order : {0x4e, 0xb1}) {
    m.vshufps(t, d, d, order);
    combine(d);
  }
}

/// d = the first half of a's lanes, the second half of b's.
inline void halves(machine& m, Xbyak::Ymm const& d, Xbyak::Ymm const& a, Xbyak::Ymm const& b) {
  if (!m.wide()) return m.vblendps(d, a, b, 0xf0);
  m.vblendmps(d | m.mask(8), b, a);
}

/// Transposes a square of registers with one temporary. Results take turns in the registers; the last step moves them
/// to where they belong.
class transposition {
 public:
  transposition(machine& m, std::vector<std::int32_t> const& ids, Xbyak::Ymm const& temporary)
      : m_(m), lanes_(static_cast<int>(ids.size())), free_(temporary.getIdx()) {
    for (std::size_t k = 0; k < ids.size(); ++k) home_[k] = at_[k] = m.physical(vector::reg{ids[k]});
  }

  void run() {
    for (int a = 0; a < lanes_; a += 2) pair(a, a + 1, interleave::words);
    for (int g = 0; g < lanes_; g += 4)
      for (int q = 0; q < 2; ++q) pair(g + q, g + q + 2, interleave::double_words);
    if (lanes_ == 16) {
      for (int h = 0; h < 16; h += 8)
        for (int q = 0; q < 4; ++q) pair(h + q, h + q + 4, interleave::quarters);
      for (int q = 0; q < 8; ++q) pair(q, q + 8, interleave::quarters);
    } else {
      for (int q = 0; q < 4; ++q) pair(q, q + 4, interleave::halves);
    }
    for (int g = 0; g < lanes_; g += 4) std::swap(at_[g + 1], at_[g + 2]);
    move_home();
  }

 private:
  enum class interleave { words, double_words, quarters, halves };

  /// (a, b) becomes (low interleave, high interleave) of both.
  void pair(int a, int b, interleave how) {
    auto const x = m_.full(at_[a]), y = m_.full(at_[b]), low = m_.full(free_);
    switch (how) {
      case interleave::words:
        m_.vunpcklps(low, x, y);
        m_.vunpckhps(y, x, y);
        break;
      case interleave::double_words:
        m_.vunpcklpd(low, x, y);
        m_.vunpckhpd(y, x, y);
        break;
      case interleave::quarters:
        m_.vshuff32x4(low, x, y, 0x88);
        m_.vshuff32x4(y, x, y, 0xdd);
        break;
      case interleave::halves:
        m_.vperm2f128(low, x, y, 0x20);
        m_.vperm2f128(y, x, y, 0x31);
        break;
    }
    std::swap(at_[a], free_);
  }

  /// Moves each row to its home along the cycles of the permutation; `free_` starts and closes each one.
  void move_home() {
    for (int k = 0; k < lanes_; ++k) {
      if (at_[k] == home_[k]) continue;
      if (free_ != home_[k]) {  // some other row sits there: out of the way
        int other = 0;
        while (at_[other] != home_[k]) ++other;
        move(other, free_);
      }
      move(k, home_[k]);
    }
  }

  void move(int row, int to) {
    m_.vmovaps(m_.full(to), m_.full(at_[row]));
    free_ = std::exchange(at_[row], to);
  }

  machine& m_;
  int lanes_;
  int free_;
  std::array<int, 16> home_{};
  std::array<int, 16> at_{};
};

/// d[i] = a[table[i]]; `t` takes the table.
inline void shuffle(machine& m, Xbyak::Ymm const& d, Xbyak::Ymm const& a, std::vector<std::int32_t> const& table,
                    Xbyak::Ymm const& t) {
  std::array<std::uint32_t, 16> words{};
  for (std::size_t k = 0; k < table.size(); ++k) words[k] = static_cast<std::uint32_t>(table[k]);
  m.vmovups(t, m.words({words.data(), table.size()}));
  m.vpermps(d, t, a);
}

}  // namespace sinter::x86

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

/// Encodings of instructions on whole vector registers whose last operand is a register or memory: most of the code of
/// kernels. The assembler encodes all others.
namespace sinter::x86 {

/// Where the tables of opcodes have an instruction without the bit W: map 1 is 0F, map 2 is 0F38; prefix 0 is none, 1
/// is 66, 2 is F3.
struct packed_opcode {
  std::uint8_t map = 1, prefix = 0, code = 0;
  bool scalar = false;  ///< its memory operand is one element
};

namespace packed {
inline constexpr packed_opcode load{1, 0, 0x10}, store{1, 0, 0x11}, move{1, 0, 0x28};
inline constexpr packed_opcode broadcast{2, 1, 0x18, true};
inline constexpr packed_opcode add{1, 0, 0x58}, mul{1, 0, 0x59}, sub{1, 0, 0x5c}, min{1, 0, 0x5d}, div{1, 0, 0x5e},
    max{1, 0, 0x5f};
inline constexpr packed_opcode fmadd132{2, 1, 0x98}, fmadd213{2, 1, 0xa8}, fmadd231{2, 1, 0xb8};
inline constexpr packed_opcode fnmadd132{2, 1, 0x9c}, fnmadd213{2, 1, 0xac}, fnmadd231{2, 1, 0xbc};
inline constexpr packed_opcode dot2_bf16{2, 2, 0x52};
}  // namespace packed

/// A vector register, or the memory `displacement` bytes after a general register.
struct packed_operand {
  int number = 0;  ///< of either register
  bool is_memory = false;
  bool broadcast = false;  ///< one element to all lanes; EVEX only
  std::int32_t displacement = 0;
};

/// No instruction is longer.
inline constexpr std::size_t longest_instruction = 15;

namespace detail {

/// Bit `bit` of `number`, as prefixes have it: inverted.
constexpr int inverted(int number, int bit) { return ~number >> bit & 1; }

inline std::uint8_t* put(std::uint8_t* to, int byte) {
  *to = static_cast<std::uint8_t>(byte);
  return to + 1;
}

/// The opcode, ModRM, and SIB and displacement of memory. A displacement of one byte counts 2^`shift` bytes.
inline std::uint8_t* put_operands(std::uint8_t* to, packed_opcode op, int d, packed_operand const& b, int shift) {
  auto const low = b.number & 7, registers = (d & 7) << 3 | low;
  to = put(to, op.code);
  if (!b.is_memory) return put(to, 0xc0 | registers);
  auto const units = b.displacement >> shift;
  bool const is_short = units << shift == b.displacement && units == static_cast<std::int8_t>(units);
  bool const is_none = b.displacement == 0 && low != 5;  // rbp and r13 need one
  to = put(to, (is_none ? 0 : is_short ? 0x40 : 0x80) | registers);
  if (low == 4) to = put(to, 0x24);  // rsp and r12 need a SIB byte
  if (is_none) return to;
  if (is_short) return put(to, units);
  std::memcpy(to, &b.displacement, 4);
  return to + 4;
}

}  // namespace detail

/// Writes `op` on registers of 512 bits, all 32 of them, to `to`, and returns its end; `a` is 0 where there are two
/// operands only.
inline std::uint8_t* encode_evex(std::uint8_t* to, packed_opcode op, int d, int a, packed_operand const& b) {
  using namespace detail;
  auto const x = b.is_memory ? 1 : inverted(b.number, 4);
  to = put(to, 0x62);
  to = put(to, inverted(d, 3) << 7 | x << 6 | inverted(b.number, 3) << 5 | inverted(d, 4) << 4 | op.map);
  to = put(to, (~a & 15) << 3 | 4 | op.prefix);
  to = put(to, 0x40 | int{b.broadcast} << 4 | inverted(a, 4) << 3);
  return put_operands(to, op, d, b, b.broadcast || op.scalar ? 2 : 6);
}

/// The same on registers of 256 bits, the first 16 of them.
inline std::uint8_t* encode_vex(std::uint8_t* to, packed_opcode op, int d, int a, packed_operand const& b) {
  using namespace detail;
  auto const r = inverted(d, 3) << 7, last = (~a & 15) << 3 | 4 | op.prefix;
  if (op.map == 1 && b.number < 8) {
    to = put(put(to, 0xc5), r | last);
  } else {
    to = put(put(to, 0xc4), r | 0x40 | inverted(b.number, 3) << 5 | op.map);
    to = put(to, last);
  }
  return put_operands(to, op, d, b, 0);
}

}  // namespace sinter::x86

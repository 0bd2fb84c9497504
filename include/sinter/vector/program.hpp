#pragma once

#include <sinter/core/compare.hpp>
#include <sinter/core/error.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

/// The kernel IR: straight-line code in loops over memory that the arguments name. Program order is the meaning;
/// arguments may alias unless `constant`. No calls, no branches, no run-time addresses.
namespace sinter::vector {

/// Element types in memory. Registers hold f32 or i32 lanes; loads and stores convert.
enum class element : std::uint8_t { f32, i32, f16, bf16, s8, u8 };
constexpr int size_of(element e) {
  constexpr int bytes[] = {4, 4, 2, 2, 1, 1};
  return bytes[static_cast<int>(e)];
}

enum class access : std::uint8_t { in, out, constant, scratch };

/// A base pointer that the kernel is called with. Addresses lie in [0, bytes) from it. `out` may be read as well.
struct argument {
  std::string name{};
  element type = element::f32;
  access mode = access::in;
  std::int64_t bytes = 0;      ///< reachable bytes
  std::int32_t alignment = 4;  ///< of the base pointer
};

/// A pointer that loops advance. Streams 0 .. arguments-1 are the arguments; further ones start at `argument + offset`.
struct stream {
  std::string name{};
  std::int32_t argument = 0;
  std::int64_t offset = 0;
};

/// A virtual register of `lanes` lanes, or a tile; mutable. The default is no register.
struct reg {
  std::int32_t id = -1;
  explicit operator bool() const { return id >= 0; }
  friend bool operator==(reg, reg) = default;
};

enum class register_type : std::uint8_t { f32, i32, tile };

enum class opcode : std::uint8_t {
  // f32; the second source of add .. fnma may be memory
  zero,      ///< d = 0 (f32 or i32 by d's type)
  constant,  ///< d = `imm` in every lane (bits; f32 or i32 by d's type)
  mov,       ///< d = a
  add,
  sub,
  mul,
  div,
  min,   ///< a < b ? a : b
  max,   ///< a > b ? a : b
  fma,   ///< d = a * b + c, rounded once
  fnma,  ///< d = -(a * b) + c, rounded once
  sqrt,
  round,  ///< ties to even
  floor,
  scale2,  ///< a * 2^b, b integral in -126..127
  select,  ///< f32 compare `cc` of a and b chooses c or e
  // i32
  iadd,
  isub,
  imul,
  imin,
  imax,
  iand,
  ior,
  ixor,
  ishl,
  ishr,
  isra,    ///< by `imm` bits
  dot4,    ///< d = c + the sum of the products of a's four u8 and b's four s8 in each lane; b may be memory (i32)
  dot2,    ///< d = c + the sum of the products of the two s16 of a and of b in each lane; b may be memory (i32)
  lookup,  ///< d = a with each byte, a u8, replaced by that of the table of 256 bytes at `m` (i32) with its number
  bits,    ///< reinterprets f32 as i32
  floats,  ///< reinterprets i32 as f32
  to_i32,  ///< f32 to i32, ties to even; the value must fit
  to_f32,  ///< i32 to f32
  // pairs of bf16 in i32 lanes, whose subnormal numbers count as zeros (core/float16.hpp)
  dot2_bf16,  ///< f32; d = c + the products of a's and b's two bf16 in each lane, the high ones first; b may be memory
  pack_bf16,  ///< d = the f32 lanes of a, then those of b, as bf16: two neighbours in each lane, the first one low
  // memory
  load,          ///< d = m; `count` first lanes if count > 0, the others 0; m.broadcast: one element to all lanes
  store,         ///< m = a; `count` first lanes if count > 0
  prefetch,      ///< no meaning; fetches into the nearest cache
  prefetch_far,  ///< no meaning; fetches into the second cache
  // lanes
  hsum,
  hmax,       ///< butterfly i^8, i^4, i^2, i^1 (those below the lane count); the result in all lanes
  halves,     ///< the first half of a's lanes, the second half of b's
  transpose,  ///< of `lanes` registers in place: table `extra` lists the registers
  shuffle,    ///< d[i] = a[table[i]], constant table `extra`
  // tiles: registers of rows, each of whose words is float32, int32, two bf16 or four bytes (core/tile.hpp)
  tile_zero,       ///< d = 0; table `extra`: rows, bytes of a row, 0
  tile_load,       ///< d = m, row by row; table `extra`: rows, bytes of a row, bytes between rows
  tile_load_once,  ///< the same; nearer caches need not keep what is read
  tile_store,      ///< m = a, in the same way
  tile_dot2_bf16,  ///< d = c, which is d, + a · b of pairs of bf16; float32
  tile_dot4,       ///< d = c, which is d, + a · b of four u8 and four s8; int32
  // control
  loop,  ///< `count` turns; table `extra` of (stream, step) pairs; the streams are restored at its end
  end    ///< of the innermost open loop
};

using sinter::compare;

/// `stream[offset]`: one register's worth of elements, or with `broadcast` one element in all lanes.
struct memory {
  std::int32_t stream = -1;
  std::int32_t offset = 0;  ///< bytes
  bool broadcast = false;
  explicit operator bool() const { return stream >= 0; }
  friend bool operator==(memory const&, memory const&) = default;
};

/// What a loop adds to a stream after each turn, in bytes.
struct step {
  std::int32_t stream = 0;
  std::int64_t bytes = 0;
  friend bool operator==(step const&, step const&) = default;
};

struct instruction {
  opcode op = opcode::zero;
  compare cc = compare::eq;  ///< of select
  reg d{}, a{}, b{}, c{}, e{};
  memory m{};               ///< replaces b where it is set; address of load, store, prefetch
  std::int32_t count = 0;   ///< turns of a loop; lanes of a partial load or store
  std::int32_t imm = 0;     ///< bits of a constant; shift distance
  std::int32_t extra = -1;  ///< index into `program::steps` (loop), `program::tables` (shuffle, transpose, tiles)

  friend bool operator==(instruction const&, instruction const&) = default;
};

/// A kernel. Called as `void (*)(std::byte* const* arguments) noexcept`.
struct program {
  std::string name{};
  int lanes = 16;
  std::vector<argument> arguments{};
  std::vector<stream> streams{};  ///< the first ones are the arguments
  std::vector<register_type> registers{};
  std::vector<instruction> code{};
  std::vector<std::vector<step>> steps{};
  std::vector<std::vector<std::int32_t>> tables{};
};

/// Entry point of an emitted kernel.
using kernel_function = void (*)(std::byte* const* arguments) noexcept;

}  // namespace sinter::vector

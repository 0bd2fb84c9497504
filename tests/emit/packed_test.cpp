#include <sinter/emit/x86/packed.hpp>

#include <xbyak/xbyak.h>

#include "catch.hpp"
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace sinter::x86;
using Xbyak::Address;
using Xbyak::Operand;
using Xbyak::Xmm;
using Xbyak::Ymm;
using Xbyak::Zmm;

namespace {

using assembler = Xbyak::CodeGenerator;
using ternary = void (*)(assembler&, Xmm const& d, Xmm const& a, Operand const& b);

/// Operations with three operands, and what the assembler calls them.
std::vector<std::pair<packed_opcode, ternary>> const ternaries{
    {packed::add, [](auto& m, auto& d, auto& a, auto& b) { m.vaddps(d, a, b); }},
    {packed::sub, [](auto& m, auto& d, auto& a, auto& b) { m.vsubps(d, a, b); }},
    {packed::mul, [](auto& m, auto& d, auto& a, auto& b) { m.vmulps(d, a, b); }},
    {packed::div, [](auto& m, auto& d, auto& a, auto& b) { m.vdivps(d, a, b); }},
    {packed::min, [](auto& m, auto& d, auto& a, auto& b) { m.vminps(d, a, b); }},
    {packed::max, [](auto& m, auto& d, auto& a, auto& b) { m.vmaxps(d, a, b); }},
    {packed::fmadd132, [](auto& m, auto& d, auto& a, auto& b) { m.vfmadd132ps(d, a, b); }},
    {packed::fmadd213, [](auto& m, auto& d, auto& a, auto& b) { m.vfmadd213ps(d, a, b); }},
    {packed::fmadd231, [](auto& m, auto& d, auto& a, auto& b) { m.vfmadd231ps(d, a, b); }},
    {packed::fnmadd132, [](auto& m, auto& d, auto& a, auto& b) { m.vfnmadd132ps(d, a, b); }},
    {packed::fnmadd213, [](auto& m, auto& d, auto& a, auto& b) { m.vfnmadd213ps(d, a, b); }},
    {packed::fnmadd231, [](auto& m, auto& d, auto& a, auto& b) { m.vfnmadd231ps(d, a, b); }}};

template <typename F>
std::vector<int> assembled(F&& write) {
  assembler m;
  write(m);
  return {m.getCode(), m.getCode() + m.getSize()};
}

template <typename Vector>
std::vector<int> encoded(packed_opcode op, Vector const& d, int a, packed_operand const& b) {
  std::array<std::uint8_t, longest_instruction> bytes{};
  auto const* const end = (d.isZMM() ? encode_evex : encode_vex)(bytes.data(), op, d.getIdx(), a, b);
  return {static_cast<std::uint8_t const*>(bytes.data()), end};
}

/// Every register in each place, the others being such that no place has the bits of another.
template <typename Vector>
void compare_registers(int count) {
  for (int n = 0; n < count; ++n) {
    Vector const d(n), a((n * 7 + 3) % count), b((n * 11 + 6) % count);
    CAPTURE(d.toString(), a.toString(), b.toString());
    for (auto const& [op, write] : ternaries) {
      CAPTURE(int{op.code});
      CHECK(encoded(op, d, a.getIdx(), {.number = b.getIdx()}) ==
            assembled([&, f = write](assembler& m) { f(m, d, a, b); }));
    }
    CHECK(encoded(packed::move, d, 0, {.number = b.getIdx()}) == assembled([&](assembler& m) { m.vmovaps(d, b); }));
  }
}

template <typename Vector>
void compare_memory(int count) {
  constexpr std::array displacements{0,   4,    64,   124,   127,   128,  -4,      -128,      -132,
                                     508, 512,  -512, 8128,  8192,  -64,  -8192,   -8256,     2,
                                     66,  4096, 1000, 65536, 32767, 1020, 1 << 30, -(1 << 30)};
  for (int base = 0; base < 16; ++base)
    for (auto const displacement : displacements) {
      Vector const d((base * 5 + 1) % count), a((base * 3 + 9) % count);
      Xbyak::Reg64 const from(base);
      packed_operand const there{.number = base, .is_memory = true, .displacement = displacement};
      CAPTURE(base, displacement, d.toString(), a.toString());
      auto const at = Xbyak::util::ptr[from + displacement];
      for (auto const& [op, write] : ternaries)
        CHECK(encoded(op, d, a.getIdx(), there) == assembled([&, f = write](assembler& m) { f(m, d, a, at); }));
      CHECK(encoded(packed::load, d, 0, there) == assembled([&](assembler& m) { m.vmovups(d, at); }));
      CHECK(encoded(packed::store, d, 0, there) == assembled([&](assembler& m) { m.vmovups(at, d); }));
      CHECK(encoded(packed::broadcast, d, 0, there) == assembled([&](assembler& m) { m.vbroadcastss(d, at); }));
    }
}

}  // namespace

TEST_CASE("whole registers are encoded as the assembler does it") {
  compare_registers<Zmm>(32);
  compare_registers<Ymm>(16);
}

TEST_CASE("memory operands are encoded as the assembler does it") {
  compare_memory<Zmm>(32);
  compare_memory<Ymm>(16);
}

TEST_CASE("elements broadcast from memory and products of bfloat16 are encoded as the assembler does it") {
  Zmm const d(19), a(30), b(13);
  for (auto const displacement : {0, 4, 508, 512, 6, -512, -516}) {
    packed_operand const there{.number = 9, .is_memory = true, .broadcast = true, .displacement = displacement};
    auto const at = Xbyak::util::ptr_b[Xbyak::util::r9 + displacement];
    CAPTURE(displacement);
    for (auto const& [op, write] : ternaries)
      CHECK(encoded(op, d, a.getIdx(), there) == assembled([&, f = write](assembler& m) { f(m, d, a, at); }));
    CHECK(encoded(packed::dot2_bf16, d, a.getIdx(), there) == assembled([&](assembler& m) { m.vdpbf16ps(d, a, at); }));
  }
  CHECK(encoded(packed::dot2_bf16, d, a.getIdx(), {.number = b.getIdx()}) ==
        assembled([&](assembler& m) { m.vdpbf16ps(d, a, b); }));
}

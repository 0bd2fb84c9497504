#include <sinter/vector/builder.hpp>
#include <sinter/vector/interpret.hpp>
#include <sinter/vector/print.hpp>
#include <sinter/vector/verify.hpp>

#include "catch.hpp"
#include "emit/disassembly.hpp"
#include "vector/random_program.hpp"
#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

using namespace sinter;

namespace {

constexpr target with_avx512_bf16("x86-64:avx512f,avx512bf16");

code_block code_of(std::vector<vector::program> const& programs, target const& machine) {
  budget code("machine code", std::size_t{64} << 20);
  return emit_x86(programs, machine, code);
}

}  // namespace

TEST_CASE("pairs of bfloat16 have the bits of the interpreter") {
  auto const programs = test::random_programs(16, 100, 60, true);
  auto const code = code_of(programs, with_avx512_bf16);
  for (std::size_t k = 0; k < programs.size(); ++k) vector::verify(programs[k]);
  if (auto const lines = test::disassembly(code); lines.empty()) {
    WARN("SKIPPED: objdump is not installed");
  } else {
    auto const count = [&](std::string_view what) {
      return std::ranges::count_if(lines, [&](std::string const& l) { return l.find(what) != std::string::npos; });
    };
    CHECK(count("(bad)") == 0);
    CHECK(count("vdpbf16ps") > 100);
    CHECK(count("vcvtne2ps2bf16") > 20);
  }
  if (!native_target().covers(with_avx512_bf16)) {
    WARN("SKIPPED: this CPU has no AVX-512 BF16");
    return;
  }
  for (std::size_t k = 0; k < programs.size(); ++k) {
    test::random_memory expected(static_cast<std::uint32_t>(k)), given(static_cast<std::uint32_t>(k));
    vector::interpret(programs[k], expected.arguments());
    code.entry(k)(given.arguments());
    INFO(vector::print(programs[k]));
    REQUIRE(expected.difference(given) == "");
  }
}

TEST_CASE("products of bfloat16 at the edges of its range") {
  if (!native_target().covers(with_avx512_bf16)) {
    WARN("SKIPPED: this CPU has no AVX-512 BF16");
    return;
  }
  constexpr std::int64_t n = 16 * 512;
  vector::builder b("edges", 16);
  using vector::access, vector::element, vector::register_type;
  auto const x = b.argument("x", access::in, 4 * n, element::i32), w = b.argument("w", access::in, 4 * n, element::i32);
  auto const f = b.argument("f", access::in, 8 * n);
  auto const y = b.argument("y", access::out, 4 * n), z = b.argument("z", access::out, 4 * n, element::i32);
  b.loop(n / 16, {{x, 64}, {w, 64}, {f, 128}, {y, 64}, {z, 64}}, [&] {
    auto const sum = b.load(f.at(0)), pairs = b.load(x.at(0), 0, register_type::i32);
    b.dot2_bf16_to(sum, pairs, w.at(0));
    auto const nan = b.select(vector::compare::eq, sum, sum, sum, b.constant(7));  // payloads differ
    b.store(y.at(0), nan);
    b.store(z.at(0), b.pack_bf16(b.load(f.at(0)), b.load(f.at(64))));
  });
  constexpr std::array<std::uint32_t, 13> halves{0,      0x8000, 0x7f80, 0xff80, 0x7fc0, 0x0001, 0x807f,
                                                 0x0080, 0x3f80, 0xbf81, 0x7f7f, 0xff7f, 0x1f00};
  constexpr std::array<std::uint32_t, 12> sums{0,          0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x00000001,
                                               0x807fffff, 0x00800000, 0x7f7fffff, 0x3f808000, 0x3f818000, 0xff7f7fff};
  std::mt19937 random(3);
  auto const half = [&] { return random() % 3 == 0 ? (random() & 0xff7fu) : halves[random() % halves.size()]; };
  std::vector<std::vector<std::uint32_t>> memory(5);
  for (std::size_t k = 0; k < n; ++k) {
    memory[0].push_back(half() | half() << 16);
    memory[1].push_back(half() | half() << 16);
    memory[3].push_back(0), memory[4].push_back(0);
  }
  for (std::size_t k = 0; k < 2 * n; ++k)
    memory[2].push_back(random() % 2 ? sums[random() % sums.size()] : std::uint32_t(random()) & 0xff7fffffu);
  std::vector<vector::program> const programs{std::move(b).take()};
  vector::verify(programs[0]);
  auto const code = code_of(programs, with_avx512_bf16);
  auto given = memory;
  auto const arguments_of = [](std::vector<std::vector<std::uint32_t>>& all) {
    std::vector<std::byte*> arguments;
    for (auto& each : all) arguments.push_back(reinterpret_cast<std::byte*>(each.data()));
    return arguments;
  };
  vector::interpret(programs[0], arguments_of(memory).data());
  code.entry(0)(arguments_of(given).data());
  CHECK(memory == given);
}

TEST_CASE("machines without AVX-512 BF16 refuse pairs of bfloat16") {
  CHECK_THROWS_WITH(code_of(test::random_programs(16, 1, 60, true), "avx512"), says("AVX-512 BF16"));
  CHECK_THROWS_WITH(code_of(test::random_programs(8, 1, 60, true), with_avx512_bf16), says("AVX-512 BF16"));
}

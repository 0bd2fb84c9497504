#include <sinter/emit/cpp/print.hpp>
#include <sinter/vector/interpret.hpp>
#include <sinter/vector/parse.hpp>
#include <sinter/vector/verify.hpp>

#include "catch.hpp"
#include "emit/compiled_text.hpp"
#include "emit/disassembly.hpp"
#include "emit/tile_emulator.hpp"
#include "vector/tile_programs.hpp"
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

using namespace sinter;

namespace {

constexpr target with_amx("amx");

code_block tile_code(std::vector<vector::program> const& programs, target const& machine = with_amx) {
  budget code("machine code", std::size_t{64} << 20);
  return emit_x86(programs, machine, code);
}

/// Runs kernels on tiles: on this CPU if it has them, else as the emulator has them. Each leaves no tile behind.
class tile_runner {
 public:
  tile_runner() {
    if (native_target().covers(with_amx)) return;
    WARN("this CPU has no AMX: its instructions were emulated");
    emulator_.emplace();
  }
  bool can_run() const { return native_target().covers("avx512"); }
  void operator()(vector::kernel_function kernel, std::byte* const* arguments) const {
    kernel(arguments);
    if (!emulator_) return;
    CHECK(emulator_->fault() == "");
    CHECK_FALSE(emulator_->is_configured());
  }
  int count() const { return emulator_ ? emulator_->count() : -1; }

 private:
  std::optional<test::tile_emulator> emulator_;
};

}  // namespace

TEST_CASE("kernels on tiles disassemble to what they are") {
  auto const programs = test::tile_programs(50);
  auto const lines = test::disassembly(tile_code(programs));
  if (lines.empty()) {
    WARN("SKIPPED: objdump is not installed");
    return;
  }
  auto const in_code = [&](std::string_view what) {
    return std::ranges::count_if(lines, [&](std::string const& l) { return l.find(what) != std::string::npos; });
  };
  auto const in_programs = [&](vector::opcode op) {
    std::ptrdiff_t count = 0;
    for (auto const& p : programs) count += std::ranges::count(p.code, op, &vector::instruction::op);
    return count;
  };
  CHECK(in_code("(bad)") == 0);
  CHECK(in_code("tilezero") == in_programs(vector::opcode::tile_zero));
  CHECK(in_code("tileloadd") == in_programs(vector::opcode::tile_load) + in_programs(vector::opcode::tile_load_once));
  CHECK(in_code("tilestored") == in_programs(vector::opcode::tile_store));
  CHECK(in_code("tdpbf16ps") == in_programs(vector::opcode::tile_dot2_bf16));
  CHECK(in_code("tdpbusd") == in_programs(vector::opcode::tile_dot4));
  CHECK(in_code("ldtilecfg") == 50);
  CHECK(in_code("tilerelease") == 50);
}

TEST_CASE("the machine code of a product of tiles") {
  std::vector<vector::program> const programs{
      vector::parse("kernel product w16\n  arg x i32 in 8192\n  arg w i32 const 8192\n  arg y f32 out 1024\n"
                    "  v0 = tile.zero 16x64\n  loop 4 x+=64 w+=1024\n    v1 = tile.load 16x64 x[0] by 256\n"
                    "    v2 = tile.load 16x64 w[0] by 64\n    v0 = tile.dot2.bf16 v1, v2, v0\n"
                    "  tile.store 16x64 y[0] by 64, v0\n")};
  vector::verify(programs[0]);
  std::vector<std::string> tiles;
  for (auto const& line : test::disassembly(tile_code(programs)))
    if (line.find("%tmm") != std::string::npos) {
      auto const words = line.substr(line.find_last_of('\t') + 1);
      tiles.push_back(words.substr(0, words.find_last_not_of(" \n") + 1));
    }
  if (tiles.empty()) {
    WARN("SKIPPED: objdump is not installed");
    return;
  }
  CHECK(tiles == std::vector<std::string>{"tilezero %tmm0", "tileloadd (%rdx,%rcx,1),%tmm1",
                                          "tileloadd (%rsi,%rcx,1),%tmm2", "tdpbf16ps %tmm2,%tmm1,%tmm0",
                                          "tilestored %tmm0,(%r9,%rcx,1)"});
}

TEST_CASE("kernels on tiles have the bits of the interpreter") {
  auto const programs = test::tile_programs(200);
  auto const code = tile_code(programs);
  tile_runner const run;
  if (!run.can_run()) {
    WARN("SKIPPED: this CPU has no AVX-512");
    return;
  }
  for (std::size_t k = 0; k < programs.size(); ++k) {
    INFO(vector::print(programs[k]));
    REQUIRE_NOTHROW(vector::verify(programs[k]));
    test::tile_memory expected(static_cast<std::uint32_t>(k)), given(static_cast<std::uint32_t>(k));
    vector::interpret(programs[k], expected.arguments());
    run(code.entry(k), given.arguments());
    REQUIRE(expected.same(given));
  }
  CHECK(run.count() != 0);
}

TEST_CASE("C++ text of tiles has the bits of the interpreter", "[thorough]") {
  if (!test::has_compiler()) {
    WARN("SKIPPED: there is no C++ compiler");
    return;
  }
  auto const programs = test::tile_programs(20);
  std::string const avx512 = "-mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c";
  for (auto const& flags : {std::string(), avx512, avx512 + " -mamx-tile -mamx-bf16 -mamx-int8"}) {
    INFO(flags);
    test::compiled_text const text(cpp::print_cpp(programs, "kernel"), flags);
    INFO(text.log());
    REQUIRE_FALSE(text.failed());
    tile_runner const run;
    if (!flags.empty() && !run.can_run()) continue;
    for (std::size_t k = 0; k < programs.size(); ++k) {
      test::tile_memory expected(static_cast<std::uint32_t>(k)), given(static_cast<std::uint32_t>(k));
      vector::interpret(programs[k], expected.arguments());
      run(text.function("kernel" + std::to_string(k)), given.arguments());
      INFO(vector::print(programs[k]));
      REQUIRE(expected.same(given));
    }
    bool const emulates = flags.ends_with("int8") && run.count() >= 0;
    CHECK(emulates == (run.count() > 0));
  }
}

TEST_CASE("machines without AMX refuse tiles") {
  CHECK_THROWS_WITH(tile_code(test::tile_programs(1), "x86-64:avx512bf16"), says("takes AMX"));
  auto narrow = test::tile_programs(1);
  narrow[0].lanes = 8;
  CHECK_THROWS_WITH(tile_code(narrow), says("takes AMX"));
}

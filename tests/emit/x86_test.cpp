#include <sinter/emit/x86/emit.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/interpret.hpp>
#include <sinter/vector/parse.hpp>
#include <sinter/vector/verify.hpp>

#include "catch.hpp"
#include "emit/disassembly.hpp"
#include "vector/random_program.hpp"
#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sinter;

namespace {

target target_of(int lanes) { return lanes == 16 ? "avx512" : "avx2"; }

/// Targets that have instructions of their own for programs of `lanes` lanes, as far as this machine has them.
std::vector<target> targets_of(int lanes) {
  std::vector<target> all{target_of(lanes)};
  using names = std::vector<std::string_view>;
  for (auto const more :
       lanes == 16 ? names{"x86-64:avx512f,avx512vnni", "x86-64:avx512f,avx512vbmi"} : names{"x86-64:avxvnni"})
    if (native_target().covers(more)) all.emplace_back(more);
  return all;
}

/// What the machine lacks to run programs of `lanes` lanes; empty: nothing.
std::string lacking(int lanes) {
  target const needed = target_of(lanes);
  return native_target().covers(needed) ? std::string() : fmt::format("SKIPPED: this CPU has no {}", to_string(needed));
}

code_block emit(std::vector<vector::program> const& programs, target const& machine) {
  budget code("machine code", std::size_t{64} << 20);
  return emit_x86(programs, machine, code);
}
code_block emit(std::vector<vector::program> const& programs, int lanes) { return emit(programs, target_of(lanes)); }

/// Runs one program in the interpreter and as machine code on the same bytes.
template <typename T>
void compare_both(vector::program const& p, std::vector<std::vector<T>> memory) {
  vector::verify(p);
  auto const run = [&](auto&& kernel) {
    auto copy = memory;
    std::vector<std::byte*> arguments;
    for (auto& m : copy) arguments.push_back(reinterpret_cast<std::byte*>(m.data()));
    kernel(arguments.data());
    return copy;
  };
  auto const expected = run([&](std::byte* const* arguments) { vector::interpret(p, arguments); });
  for (auto const& machine : targets_of(p.lanes)) {
    auto const block = emit({p}, machine);
    INFO(to_string(machine));
    CHECK(run(block.entry(0)) == expected);
  }
}

}  // namespace

TEST_CASE("random programs give equal bits in the interpreter and as machine code") {
  for (int const lanes : {8, 16}) {
    if (auto const reason = lacking(lanes); !reason.empty()) {
      WARN(reason);
      return;
    }
    for (int const length : {10, 40, 120}) {
      auto const programs = test::random_programs(lanes, 100, length);
      for (auto const& machine : targets_of(lanes)) {
        auto const code = emit(programs, machine);
        REQUIRE(code.size() == programs.size());
        for (std::size_t k = 0; k < programs.size(); ++k) {
          vector::verify(programs[k]);
          test::random_memory expected(static_cast<std::uint32_t>(k)), given(static_cast<std::uint32_t>(k));
          vector::interpret(programs[k], expected.arguments());
          code.entry(k)(given.arguments());
          INFO(to_string(machine) << "\n" << vector::print(programs[k]));
          REQUIRE(expected.difference(given) == "");
        }
      }
    }
  }
}

TEST_CASE("many streams and deep loops spill to the frame") {
  for (int const lanes : {8, 16}) {
    if (auto const reason = lacking(lanes); !reason.empty()) {
      WARN(reason);
      return;
    }
    vector::builder b("streams", lanes);
    std::vector<std::pair<vector::pointer, std::int64_t>> steps;
    std::vector<vector::pointer> pointers;
    for (int k = 0; k < 20; ++k) {
      pointers.push_back(b.argument("a" + std::to_string(k), vector::access::out, 4096));
      steps.push_back({pointers.back(), 4 * (k % 3 - 1)});
    }
    auto const sum = b.constant(0.5f);
    auto const turn = [&](auto const& body) { return [&, body] { b.loop(3, steps, body); }; };
    turn(turn(turn(turn(turn([&] {
      for (auto const p : pointers) {
        b.binary_to(sum, vector::opcode::add, sum, p.at(2048));
        b.store(p.at(2048), sum, 5);
      }
    })))))();
    for (auto const p : pointers) b.store(p.at(64), sum);
    std::vector<std::vector<float>> memory(20, std::vector<float>(1024));
    for (std::size_t k = 0; k < 20; ++k)
      for (std::size_t i = 0; i < 1024; ++i) memory[k][i] = static_cast<float>((k + 7 * i) % 11) * 0x1p-20f;
    compare_both(std::move(b).take(), memory);
  }
}

TEST_CASE("steps and offsets that pass 32 bits") {
  if (auto const reason = lacking(8); !reason.empty()) {
    WARN(reason);
    return;
  }
  // The pages of the middle are never touched.
  constexpr std::int64_t far = std::int64_t{5} << 30;
  auto* const base = static_cast<std::byte*>(
      mmap(nullptr, far + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  REQUIRE(base != MAP_FAILED);
  auto const p = vector::parse(fmt::format(
      "kernel far w8\n  arg y f32 out {}\n  v0 = const 1\n  v1 = const 3\n  loop 2 y+={}\n    store y[0], v0\n"
      "    v0 = add v0, v1\n  v0 = add v0, y[0]\n  store y[64], v0\n",
      far + 4096, far));
  vector::verify(p);
  emit({p}, 8).entry(0)(&base);
  float got[3];
  std::memcpy(got, base, 4), std::memcpy(got + 1, base + far, 4), std::memcpy(got + 2, base + 64, 4);
  munmap(base, far + 8192);
  CHECK(got[0] == 1);
  CHECK(got[1] == 4);
  CHECK(got[2] == 8);
}

TEST_CASE("registers that hold values over a loop are not lent to its body") {
  for (int const lanes : {8, 16}) {
    if (auto const reason = lacking(lanes); !reason.empty()) {
      WARN(reason);
      return;
    }
    auto const p = vector::parse(fmt::format(
        "kernel k w{}\n  arg x f32 in 256\n  arg y f32 out 1024\n  v0 = load x[0]\n  v1 = load x[64]\n"
        "  loop 3 y+=64\n    v2 = add v0, v1\n    loop 2 y+=192\n      v3 = mul v2, v2\n      store y[0], v3\n"
        "    v4 = sub v2, v0\n    v1 = mov v4\n  store y[640], v1\n",
        lanes));
    std::vector<std::vector<float>> memory(2, std::vector<float>(256));
    for (std::size_t i = 0; i < 256; ++i) memory[0][i] = static_cast<float>(i) * 0.25f;
    compare_both(p, memory);
  }
}

TEST_CASE("NaN, infinities and subnormals") {
  std::vector<float> special{0.0f,
                             -0.0f,
                             1.0f,
                             -1.0f,
                             0.5f,
                             1.5f,
                             2.5f,
                             -2.5f,
                             1e-40f,
                             -1e-40f,
                             65504.0f,
                             65520.0f,
                             1e30f,
                             -1e30f,
                             0x1p-24f,
                             0x1p-25f,
                             std::numeric_limits<float>::infinity(),
                             -std::numeric_limits<float>::infinity(),
                             std::numeric_limits<float>::quiet_NaN(),
                             127.5f,
                             128.5f,
                             -128.5f,
                             255.5f,
                             0x1p31f};
  special.resize(32, 3.25f);
  std::uint32_t const signalling = 0x7f800001u;  // its upper half alone would be infinity
  std::memcpy(&special[30], &signalling, 4);
  for (int const lanes : {8, 16}) {
    if (auto const reason = lacking(lanes); !reason.empty()) {
      WARN(reason);
      return;
    }
    vector::builder b("special", lanes);
    using vector::element;
    auto const x = b.argument("x", vector::access::in, 128);
    std::vector<vector::pointer> out;
    for (auto const e : test::random_elements)
      out.push_back(b.argument("y" + std::to_string(out.size()), vector::access::out, 4096, e));
    int row = 0;
    for (int at = 0; at < 128; at += 4 * lanes) {
      auto const v = b.load(x.at(at));
      for (std::size_t e = 0; e < out.size(); ++e) {
        int const size = size_of(test::random_elements[e]);
        b.store(out[e].at(at / 4 * size), v);
        for (int n = 1; n < lanes; ++n) b.store(out[e].at(32 * size + (row + n) * lanes * size), v, n);
      }
      for (auto const cc : {vector::compare::eq, vector::compare::ne, vector::compare::lt, vector::compare::le,
                            vector::compare::gt, vector::compare::ge})
        b.store(out[1].at(3072 + static_cast<int>(cc) * 128 + at), b.select(cc, v, b.constant(1), v, b.zero()));
      row += lanes;
    }
    auto p = std::move(b).take();
    std::vector<std::vector<std::uint32_t>> memory(7, std::vector<std::uint32_t>(1024));
    std::memcpy(memory[0].data(), special.data(), 128);
    compare_both(p, memory);
  }
}

TEST_CASE("scale2 gives equal bits over its whole range") {
  for (int const lanes : {8, 16}) {
    if (auto const reason = lacking(lanes); !reason.empty()) {
      WARN(reason);
      return;
    }
    auto const p = vector::parse(
        fmt::format("kernel k w{0}\n  arg x f32 in 16384\n  arg n f32 in 16384\n  arg y f32 out 16384\n"
                    "  loop {1} x+={2} n+={2} y+={2}\n    v0 = load x[0]\n    v1 = load n[0]\n    v2 = scale2 v0, v1\n"
                    "    store y[0], v2\n",
                    lanes, 4096 / lanes, 4 * lanes));
    std::vector<std::vector<float>> memory(3, std::vector<float>(4096));
    std::mt19937 random(7);
    for (std::size_t i = 0; i < 4096; ++i) {
      memory[0][i] = std::bit_cast<float>(static_cast<std::uint32_t>(random()) & 0xff7fffffu);  // no NaN
      memory[1][i] = static_cast<float>(static_cast<int>(i % 254) - 126);
    }
    compare_both(p, memory);
  }
}

TEST_CASE("dot products of bytes are exact at the extremes of both") {
  for (int const lanes : {8, 16}) {
    if (!lacking(lanes).empty()) continue;
    auto const n = static_cast<std::size_t>(lanes);
    for (bool const from_memory : {false, true}) {
      vector::builder b("dot4", lanes);
      using vector::access, vector::element, vector::register_type;
      auto const u = b.argument("u", access::in, 4 * lanes, element::i32);
      auto const s = b.argument("s", access::in, 4 * lanes, element::i32);
      auto const y = b.argument("y", access::out, 8 * lanes, element::i32);
      auto const sum = b.load(y.at(0), 0, register_type::i32), left = b.load(u.at(0), 0, register_type::i32);
      auto const right = b.load(s.at(0), 0, register_type::i32);
      b.store(y.at(4 * lanes), b.dot4(left, right, right));
      from_memory ? b.dot4_to(sum, left, s.at(0)) : b.dot4_to(sum, left, right);
      b.store(y.at(0), sum);
      std::vector<std::vector<std::uint32_t>> memory(3);
      memory[0].assign(n, 0xffffffffu), memory[1].assign(n, 0x80808080u), memory[2].assign(2 * n, 7u);
      memory[0][1] = 0x80ff7f00u, memory[1][1] = 0x7f8001ffu;
      memory[0][2] = 0xff00ff00u, memory[1][2] = 0x7f7f7f7fu;
      memory[2][3] = 0x80000000u;  // sums wrap
      compare_both(std::move(b).take(), memory);
    }
  }
}

TEST_CASE("pages of code are never writable and executable") {
  if (auto const reason = lacking(8); !reason.empty()) {
    WARN(reason);
    return;
  }
  auto const code = emit(test::random_programs(8, 20, 40), 8);
  std::ifstream maps("/proc/self/maps");
  bool found = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::string range, rights;
    fields >> range >> rights;
    CHECK_FALSE((rights[1] == 'w' && rights[2] == 'x'));
    auto const low = std::stoull(range, nullptr, 16),
               high = std::stoull(range.substr(range.find('-') + 1), nullptr, 16);
    auto const at = reinterpret_cast<std::uintptr_t>(code.bytes().data());
    if (at < low || at >= high) continue;
    found = true;
    CHECK(rights.substr(0, 3) == "r-x");
  }
  CHECK(found);
}

TEST_CASE("AVX2 code has no EVEX encodings") {
  auto const programs = test::random_programs(8, 200, 60);
  auto const code = emit(programs, 8);
  auto const lines = test::disassembly(code);
  auto const instructions = lines.size();
  auto const count = [&](auto const& wanted) { return std::ranges::count_if(lines, wanted); };
  auto const evex = count([](std::string const& line) { return line.starts_with("62 "); });
  auto const undecoded = count([](std::string const& line) { return line.find("(bad)") != std::string::npos; });
  if (instructions == 0) {
    WARN("SKIPPED: objdump is not installed");
    return;
  }
  CHECK(instructions > programs.size() * 50);
  CHECK(evex == 0);
  CHECK(undecoded == 0);
}

TEST_CASE("what cannot be emitted is refused") {
  budget code("machine code", 1 << 20);
  auto const wide = test::random_programs(16, 1, 10);
  CHECK_THROWS_WITH(emit_x86(wide, "avx2", code), says(wide[0].name) && says("16 lanes"));
  CHECK_THROWS_WITH(emit_x86(test::random_programs(8, 1, 10), "none", code), says("8 lanes"));
  CHECK_THROWS_WITH(emit_x86(test::random_programs(4, 1, 10), "avx512", code), says("4 lanes"));
  vector::builder b("too_many", 8);
  auto const y = b.argument("y", vector::access::out, 32);
  std::vector<vector::reg> registers;
  for (int k = 0; k < 17; ++k) registers.push_back(b.load(y.at(0)));
  for (auto const r : registers) b.store(y.at(0), r);
  std::vector<vector::program> const programs{std::move(b).take()};
  CHECK_THROWS_WITH(emit_x86(programs, "avx2", code), says("too_many") && says("16 vector registers"));
  budget small("machine code", 16);
  try {
    emit_x86(test::random_programs(8, 1, 10), "avx2", small);
    FAIL("the budget is passed");
  } catch (error const& e) {
    CHECK(e.code() == error_code::limit_exceeded);
  }
  CHECK(emit({}, 8).size() == 0);
}

TEST_CASE("code runs where the system refuses to make written pages executable") {
  if (auto const reason = lacking(8); !reason.empty()) {
    WARN(reason);
    return;
  }
  constexpr int set_memory_deny_write_execute = 65;  // PR_SET_MDWE, Linux 6.3
  constexpr int skipped = 77;
  auto const programs = test::random_programs(8, 5, 40);
  pid_t const child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (prctl(set_memory_deny_write_execute, 1, 0, 0, 0) != 0) _exit(skipped);
    auto const code = emit(programs, 8);
    bool equal = true;
    for (std::size_t k = 0; k < programs.size(); ++k) {
      test::random_memory expected(1), given(1);
      vector::interpret(programs[k], expected.arguments());
      code.entry(k)(given.arguments());
      equal = equal && expected.difference(given).empty();
    }
    _exit(equal ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == skipped)
    WARN("SKIPPED: this kernel has no PR_SET_MDWE");
  else
    CHECK(WEXITSTATUS(status) == 0);
}

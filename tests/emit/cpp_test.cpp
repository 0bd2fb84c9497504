#include <sinter/core/target.hpp>
#include <sinter/emit/cpp/print.hpp>
#include <sinter/vector/interpret.hpp>
#include <sinter/vector/parse.hpp>

#include "catch.hpp"
#include "emit/compiled_text.hpp"
#include "vector/random_program.hpp"
#include <string>

using namespace sinter;

namespace {

constexpr char const* avx512_flags = "-mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c";
constexpr char const* avx2_flags = "-mavx2 -mfma -mf16c";

}  // namespace

TEST_CASE("C++ text gives the bits of the interpreter", "[thorough]") {
  if (!test::has_compiler()) {
    WARN("SKIPPED: there is no C++ compiler");
    return;
  }
  struct variant {
    int lanes;
    char const* flags;
    target needed;
  };
  auto const dot4_flags = fmt::format("{} -mavx512vnni", avx512_flags);
  auto const lookup_flags = fmt::format("{} -mavx512vbmi", avx512_flags);
  auto const bf16_flags = fmt::format("{} -mavx512bf16", avx512_flags);
  for (auto const& [lanes, flags, needed] :
       {variant{16, avx512_flags, "avx512"}, variant{16, dot4_flags.c_str(), "x86-64:avx512vnni"},
        variant{16, lookup_flags.c_str(), "x86-64:avx512vbmi"}, variant{16, bf16_flags.c_str(), "x86-64:avx512bf16"},
        variant{8, avx2_flags, "avx2"}, variant{8, "-mavx2 -mfma -mf16c -mavxvnni", "x86-64:avxvnni"},
        variant{8, "", "portable"}, variant{4, "", "portable"}}) {
    if (!native_target().covers(needed)) {
      WARN("SKIPPED: this CPU has no " << to_string(needed));
      continue;
    }
    auto programs = test::random_programs(lanes, 25, 40);
    for (auto& p : test::random_programs(lanes, 10, 40, true)) programs.push_back(std::move(p));
    test::compiled_text const text(cpp::print_cpp(programs, "kernel"), flags);
    INFO(text.log());
    REQUIRE_FALSE(text.failed());
    for (std::size_t k = 0; k < programs.size(); ++k) {
      auto const kernel = text.function("kernel" + std::to_string(k));
      REQUIRE(kernel != nullptr);
      test::random_memory expected(static_cast<std::uint32_t>(k)), given(static_cast<std::uint32_t>(k));
      vector::interpret(programs[k], expected.arguments());
      kernel(given.arguments());
      INFO("flags " << flags << "\n" << vector::print(programs[k]));
      REQUIRE(expected.difference(given) == "");
    }
  }
}

TEST_CASE("the C++ text of a kernel follows it line by line") {
  std::vector<vector::program> const programs{
      vector::parse("kernel relu w8\n  arg x f32 in 256\n  arg y u8 out 64\n  v0 = zero\n  loop 8 x+=32 y+=8\n"
                    "    v1 = max v0, x[0]\n    store.5 y[0], v1\n")};
  CHECK(cpp::print_cpp(programs, "k").find(R"(/// relu
extern "C" void k0(std::byte* const* arguments) noexcept {
  using F = sinter::simd::f32<8>;
  using I [[maybe_unused]] = sinter::simd::i32<8>;
  [[maybe_unused]] std::byte* s0 = arguments[0] + 0;  // x
  [[maybe_unused]] std::byte* s1 = arguments[1] + 0;  // y
  [[maybe_unused]] F v0;
  [[maybe_unused]] F v1;
  v0 = F(0);
  for (int i0 = 0; i0 < 8; ++i0) {
    v1 = max(v0, load<F, sinter::simd::element::f32>(s0 + 0));
    store_first<sinter::simd::element::u8, 5>(s1 + 0, v1);
    s0 += 32;
    s1 += 8;
  }
  s0 -= 256;
  s1 -= 64;
}
)") != std::string::npos);
}

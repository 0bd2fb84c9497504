#include <sinter/core/target.hpp>

#include <fmt/format.h>

#include "catch.hpp"
#include <fstream>
#include <iterator>
#include <string>

using namespace sinter;

namespace {

/// What a text means, in canonical form.
std::string canonical(std::string const& text) { return to_string(target(text)); }

void check_facts(machine_facts const& f, std::int64_t loads, std::int64_t split512, std::int64_t l1d, std::int64_t l2) {
  CHECK(f.loads == loads);
  CHECK(f.split512 == split512);
  CHECK(f.l1d == l1d);
  CHECK(f.l2 == l2);
}

}  // namespace

TEST_CASE("targets print what they read") {
  for (std::string const text :
       {"none", "portable", "x86-64", "x86-64:avx2", "x86-64:avxvnni", "x86-64:avx512f", "x86-64:avx512vnni",
        "x86-64:avx512bf16", "x86-64:avx512vnni,avx512bf16", "x86-64:avx512vbmi,amx", "aarch64:neon",
        "aarch64:dotprod,i8mm", "cuda:sm_90", "x86-64:avx2/loads=3",
        "x86-64:avx512f/loads=1,split512=1,l1d=48K,l2=2M,l3=100000", "portable/l2=0"})
    CHECK(canonical(text) == text);
}

TEST_CASE("every feature of a device is read, with what it implies") {
  for (auto const& f : target_features) {
    auto const& device = target_devices[static_cast<std::size_t>(f.device)];
    target const t(fmt::format("{}:{}", device.name, f.name));
    CHECK(t.device() == f.device);
    CHECK(t.features() == (bit(f.id) | f.implies));
    CHECK(canonical(to_string(t)) == to_string(t));
    if (!f.alias.empty()) CHECK(target(fmt::format("{}:{}", device.name, f.alias)) == t);
    CHECK(&f - target_features.data() == static_cast<int>(f.id));
    for (auto const& g : target_features)
      if (f.implies & bit(g.id)) CHECK((g.implies & ~f.implies) == 0);
  }
  for (auto const& d : target_devices) CHECK(&d - target_devices.data() == static_cast<int>(d.kind));
  CHECK(target("x86-64:avx512f,vnni,bf16") == target("x86-64:bf16,vnni"));
}

TEST_CASE("short names stand for targets") {
  CHECK(target("avx2") == target("x86-64:avx2"));
  CHECK(target("avx512") == target("x86-64:avx512f"));
  CHECK(target("none") == target());
  for (auto const& level : target_levels) CHECK(target(level.name) == target(level.text));
  for (auto const name : library_targets) CHECK(target(name).lanes() >= 8);
}

TEST_CASE("targets know their vectors") {
  struct expected {
    char const* text;
    int lanes, registers, per_block;
  };
  for (auto const& [text, lanes, registers, per_block] :
       {expected{"avx2", 8, 16, 2}, expected{"avx512", 16, 32, 1}, expected{"x86-64:vnni", 16, 32, 1},
        expected{"portable", 8, 16, 2}, expected{"x86-64", 4, 16, 4}, expected{"neon", 4, 32, 4}}) {
    target const t(text);
    CHECK(t.lanes() == lanes);
    CHECK(t.registers() == registers);
    CHECK(t.registers_per_block() == per_block);
  }
  static_assert(target("avx512").lanes() == 16 && !target("avx2").has(feature::avx512f));
}

TEST_CASE("targets have facts") {
  check_facts(target("avx512").facts(), 2, 0, 32 << 10, 1 << 20);
  check_facts(target("znver4").facts(), 1, 1, 32 << 10, 1 << 20);
  check_facts(target("sapphirerapids").facts(), 2, 0, 48 << 10, 2 << 20);
  CHECK(target("avx2").with(target("znver4").facts()) == target("x86-64:avx2/loads=1,split512=1"));
}

TEST_CASE("code runs where no feature is missing") {
  CHECK(target("avx512").covers("avx2"));
  CHECK_FALSE(target("avx2").covers("avx512"));
  CHECK_FALSE(target("avx512").covers("x86-64:vnni"));
  CHECK_FALSE(target("avx512").covers("neon"));
  CHECK(target("neon").covers("portable"));
  CHECK(target("portable").covers("none"));
  CHECK(target("cuda:sm_90").covers("cuda:sm_80"));
  CHECK_FALSE(target("cuda:sm_80").covers("cuda:sm_90"));
}

TEST_CASE("text that is no target is explained") {
  struct mistake {
    char const *text, *first, *second;
  };
  for (auto const& [text, first, second] :
       {mistake{"avx1024", "'avx1024' is no target", "avx2, avx512"}, mistake{"", "'' is no target", "native"},
        mistake{"x86-64:avx2,", "'x86-64:avx2,' is no target", "as x86-64:"},
        mistake{"x86-64/l2=1M,", "'x86-64/l2=1M,' is no target", "as x86-64:"},
        mistake{"x86-64:avx2,mmx", "'mmx' is no feature of x86-64", "avx2, avxvnni"},
        mistake{"x86-64:", "'' is no feature of x86-64", "expected avx2"},
        mistake{"portable:avx2", "'avx2' is no feature of portable", "expected none"},
        mistake{"aarch64:sm_90", "'sm_90' is no feature of aarch64", "neon"},
        mistake{"avx2/l2=1M", "'avx2/l2=1M' is no target", "x86-64:"},
        mistake{"x86-64/l4=1M", "'l4=1M' is no fact", "loads, split512, l1d, l2, l3"},
        mistake{"x86-64/", "'' is no fact", "as l2=2M"}, mistake{"x86-64/l2=", "l2 is ''", "a number"},
        mistake{"x86-64/l2=12G", "l2 is '12G'", "48K"}, mistake{"x86-64/loads=0", "loads is '0'", "from 1 to 16"},
        mistake{"x86-64/l2=99999999999999999999", "l2 is '9", "a number"}})
    CHECK_THROWS_WITH(target(text), says(first) && says(second));
}

TEST_CASE("native is this machine") {
  target const here("native");
  CHECK(here == native_target());
  CHECK(target(to_string(here)) == here);
  CHECK(here.facts().l1d > 0);
#if defined(__x86_64__)
  CHECK(here.device() == device_kind::x86_64);
  CHECK(here.has(feature::avx2) == (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")));
  CHECK(here.has(feature::avx512f) ==
        (here.has(feature::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")));
  CHECK(here.has(feature::avx512vnni) == (here.has(feature::avx512f) && __builtin_cpu_supports("avx512vnni")));
  CHECK(here.has(feature::avx512vbmi) == (here.has(feature::avx512f) && __builtin_cpu_supports("avx512vbmi")));
  CHECK(here.has(feature::avx512bf16) == (here.has(feature::avx512f) && __builtin_cpu_supports("avx512bf16")));
  std::ifstream cpus("/proc/cpuinfo");
  std::string const flags(std::istreambuf_iterator<char>(cpus), {});
  CHECK((!here.has(feature::amx) || flags.find(" amx_bf16 ") != std::string::npos));
#endif
}

TEST_CASE("a process runs what it is asked for as far as this machine can") {
  CHECK(runnable_here("none") == target("none"));
  CHECK_THROWS_WITH(runnable_here("cuda:sm_90"), says("'cuda:sm_90' does not run"));
  target const here = native_target();
  if (!here.has(feature::avx2)) return;
  CHECK_THROWS_WITH(runnable_here("portable"), says("expected x86-64 or none"));
  CHECK(runnable_here("native") == here);
  CHECK(runnable_here("x86-64") == target("none"));
  auto const narrow = runnable_here("avx2");
  CHECK(narrow.features() == bit(feature::avx2));
  CHECK(narrow.facts().l2 == here.facts().l2);
  CHECK(runnable_here("x86-64:avx2/l2=3M") == target("x86-64:avx2/l2=3M"));
}

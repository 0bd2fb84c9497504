#pragma once

/// Implementation part of core/target.hpp: include it in one translation unit of a program.

#include <sinter/core/amx.hpp>
#include <sinter/core/avx_vnni.hpp>
#include <sinter/core/error.hpp>
#include <sinter/core/target.hpp>

#include <algorithm>
#include <fstream>
#include <optional>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace sinter {
namespace detail {

/// A micro-architecture whose facts are not the defaults.
struct core_row {
  char const* vendor;  ///< as cpuid spells it
  unsigned family, first_model, last_model;
  std::int64_t loads, split512;  ///< with registers of 512 bits
};

inline constexpr auto known_cores = std::to_array<core_row>({
    {"AuthenticAMD", 25, 0x00, 0xff, 1, 1},  // Zen 4
    {"AuthenticAMD", 26, 0x20, 0x2f, 1, 1},  // Zen 5 of Strix Point
});

#if defined(__x86_64__)

/// A name of `feature_row::probes`; `__builtin_cpu_supports` takes literals only.
struct probe_row {
  std::string_view name;
  bool (*supported)();
};

inline constexpr auto probes = std::to_array<probe_row>({
    {"avx2", [] { return __builtin_cpu_supports("avx2") != 0; }},
    {"fma", [] { return __builtin_cpu_supports("fma") != 0; }},
    {"avxvnni", has_avx_vnni},
    {"avx512f", [] { return __builtin_cpu_supports("avx512f") != 0; }},
    {"avx512bw", [] { return __builtin_cpu_supports("avx512bw") != 0; }},
    {"avx512dq", [] { return __builtin_cpu_supports("avx512dq") != 0; }},
    {"avx512vl", [] { return __builtin_cpu_supports("avx512vl") != 0; }},
    {"avx512vnni", [] { return __builtin_cpu_supports("avx512vnni") != 0; }},
    {"avx512vbmi", [] { return __builtin_cpu_supports("avx512vbmi") != 0; }},
    {"avx512bf16", [] { return __builtin_cpu_supports("avx512bf16") != 0; }},
    {"amx", has_amx},
});

/// Whether this CPU and operating system have a feature.
inline bool is_supported(feature_row const& f) {
  return f.device == device_kind::x86_64 && std::ranges::all_of(f.probes, [](std::string_view name) {
           auto const row = std::ranges::find(probes, name, &probe_row::name);
           return name.empty() || (row != probes.end() && row->supported());
         });
}

/// The micro-architecture of this CPU, if the table knows it.
inline core_row const* this_core() {
  unsigned eax = 0, words[4] = {}, ignored = 0;
  if (!__get_cpuid(0, &eax, &words[0], &words[2], &words[1])) return nullptr;
  std::string_view const vendor(reinterpret_cast<char const*>(words), 12);
  if (!__get_cpuid(1, &eax, &ignored, &ignored, &ignored)) return nullptr;
  auto const family = (eax >> 8 & 15) + ((eax >> 8 & 15) == 15 ? eax >> 20 & 255 : 0);
  auto const model = (eax >> 4 & 15) | (eax >> 12 & 0xf0);
  auto const found = std::ranges::find_if(known_cores, [&](core_row const& c) {
    return c.vendor == vendor && c.family == family && c.first_model <= model && model <= c.last_model;
  });
  return found == known_cores.end() ? nullptr : &*found;
}

inline target detect_target() {
  __builtin_cpu_init();
  feature_set features = 0;
  for (auto const& f : target_features)
    if ((f.implies & ~features) == 0 && is_supported(f)) features |= bit(f.id);
  return {device_kind::x86_64, features, target("x86-64").facts()};
}

#else

inline core_row const* this_core() { return nullptr; }
#if defined(__aarch64__)
inline target detect_target() { return "aarch64:neon"; }
#else
inline target detect_target() { return "portable"; }
#endif

#endif

/// The size of a cache of the first CPU for data, if the system tells it.
inline std::optional<std::int64_t> cache_bytes(int level) {
  for (int i = 0; i < 8; ++i) {
    auto const read = [&](char const* what) {
      std::string text;
      std::ifstream(fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/{}", i, what)) >> text;
      return text;
    };
    if (read("type") == "Instruction" || read("level") != std::to_string(level)) continue;
    if (auto const bytes = read_number(read("size")); bytes > 0) return bytes;
  }
  return std::nullopt;
}

/// The facts of this machine for code that `t` describes.
inline machine_facts local_facts(target const& t) {
  static std::optional<std::int64_t> const caches[] = {cache_bytes(1), cache_bytes(2), cache_bytes(3)};
  auto facts = t.facts();
  facts.l1d = caches[0].value_or(facts.l1d);
  facts.l2 = caches[1].value_or(facts.l2);
  facts.l3 = caches[2].value_or(facts.l3);
  if (auto const* core = this_core(); core && t.lanes() == 16) {
    facts.loads = core->loads;
    facts.split512 = core->split512;
  }
  return facts;
}

}  // namespace detail

target native_target() {
  static target const here = [] {
    auto const bare = detail::detect_target();
    return bare.with(detail::local_facts(bare));
  }();
  return here;
}

target runnable_here(target const& asked) {
  auto const here = native_target();
  if (asked.device() == device_kind::none) return asked;
  if (asked.device() != here.device())
    fail(error_code::unsupported_feature, "code for '{}' does not run in this process; expected {} or none",
         to_string(asked), here.row().name);
  target const common(here.device(), asked.features() & here.features(), asked.row().facts);
  if (!common.has(feature::avx2)) return {};
  return common.with(asked.facts() == asked.row().facts ? detail::local_facts(common) : asked.facts());
}

}  // namespace sinter

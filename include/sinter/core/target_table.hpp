#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

/// What is known of machines, as tables: a device, a feature, a fact or a short name is one line.
namespace sinter {

/// What runs the code. `none`: nothing is generated, every node runs through its operator's `evaluate`. `portable`:
/// standard C++ whose vectors are arrays of 8 lanes.
enum class device_kind : std::uint8_t { none, portable, x86_64, aarch64, cuda };

/// What a device may have besides, weakest first.
enum class feature : std::uint8_t {
  avx2,     ///< with FMA, and F16C, which every CPU with AVX2 has
  avxvnni,  ///< products of 8-bit integers in registers of 256 bits
  avx512f,  ///< with BW, DQ and VL
  avx512vnni,
  avx512vbmi,
  avx512bf16,
  amx,  ///< tiles, with BF16 and INT8
  neon,
  dotprod,
  i8mm,
  sm_70,
  sm_75,
  sm_80,
  sm_86,
  sm_89,
  sm_90,
  sm_100,
  sm_120,
};

/// A set of features: one bit each.
using feature_set = std::uint32_t;
constexpr feature_set bit(feature f) { return feature_set{1} << static_cast<int>(f); }

/// Numbers of a machine that make one schedule better than another; no result depends on them.
struct machine_facts {
  std::int64_t loads = 2;     ///< loads of a whole vector register in a cycle
  std::int64_t split512 = 0;  ///< 1: operations on 512 bits take a unit of 256 bits twice
  std::int64_t l1d = 32 << 10;
  std::int64_t l2 = 1 << 20;   ///< of a core
  std::int64_t l3 = 16 << 20;  ///< shared by cores; bytes, as all caches
  friend constexpr bool operator==(machine_facts const&, machine_facts const&) = default;
};

struct device_row {
  device_kind kind;
  std::string_view name;
  int lanes;      ///< float32 in a vector register, no feature being there
  int registers;  ///< that hold vectors
  machine_facts facts;
};

struct feature_row {
  feature id;
  device_kind device;
  std::string_view name;                   ///< as gcc calls it
  std::string_view alias;                  ///< is read as well
  feature_set implies;                     ///< all of them, not only the next
  int lanes;                               ///< 0: as without it
  int registers;                           ///< 0: as without it
  std::array<std::string_view, 4> probes;  ///< what must be there, as `__builtin_cpu_supports` calls it
  std::string_view flags;                  ///< for gcc and clang
};

struct fact_row {
  std::string_view name;
  std::int64_t machine_facts::*value;
  std::int64_t least, most;
};

/// A name that people know, and the target that it stands for.
struct level_row {
  std::string_view name;
  std::string_view text;
};

inline constexpr auto target_devices = std::to_array<device_row>({
    {device_kind::none, "none", 1, 16, {}},
    {device_kind::portable, "portable", 8, 16, {}},
    {device_kind::x86_64, "x86-64", 4, 16, {}},
    {device_kind::aarch64, "aarch64", 4, 32, {.l1d = 64 << 10, .l3 = 8 << 20}},
    {device_kind::cuda, "cuda", 32, 255, {.loads = 1, .l1d = 128 << 10, .l2 = 40 << 20, .l3 = 0}},
});

namespace detail {

constexpr feature_set all_of(std::initializer_list<feature> list) {
  feature_set all = 0;
  for (auto const f : list) all |= bit(f);
  return all;
}

/// All features from `first` up to but not including `last`.
constexpr feature_set from_to(feature first, feature last) { return bit(last) - bit(first); }

/// A row for a compute capability, which has all that the ones before it have.
constexpr feature_row capability(feature id, std::string_view name) {
  return {id, device_kind::cuda, name, {}, from_to(feature::sm_70, id), 0, 0, {}, {}};
}

}  // namespace detail

/// In the order of the enumeration.
inline constexpr auto target_features = std::to_array<feature_row>({
    {feature::avx2, device_kind::x86_64, "avx2", {}, 0, 8, 16, {"avx2", "fma"}, "-mavx2 -mfma -mf16c"},
    {feature::avxvnni, device_kind::x86_64, "avxvnni", {}, bit(feature::avx2), 0, 0, {"avxvnni"}, "-mavxvnni"},
    {feature::avx512f,
     device_kind::x86_64,
     "avx512f",
     {},
     bit(feature::avx2),
     16,
     32,
     {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
     "-mavx512f -mavx512bw -mavx512dq -mavx512vl"},
    {feature::avx512vnni,
     device_kind::x86_64,
     "avx512vnni",
     "vnni",
     detail::all_of({feature::avx2, feature::avx512f}),
     0,
     0,
     {"avx512vnni"},
     "-mavx512vnni"},
    {feature::avx512vbmi,
     device_kind::x86_64,
     "avx512vbmi",
     {},
     detail::all_of({feature::avx2, feature::avx512f}),
     0,
     0,
     {"avx512vbmi"},
     "-mavx512vbmi"},
    {feature::avx512bf16,
     device_kind::x86_64,
     "avx512bf16",
     "bf16",
     detail::all_of({feature::avx2, feature::avx512f}),
     0,
     0,
     {"avx512bf16"},
     "-mavx512bf16"},
    {feature::amx,
     device_kind::x86_64,
     "amx",
     {},
     detail::all_of({feature::avx2, feature::avx512f, feature::avx512vnni, feature::avx512bf16}),
     0,
     0,
     {"amx"},
     "-mamx-tile -mamx-bf16 -mamx-int8"},
    {feature::neon, device_kind::aarch64, "neon", "simd", 0, 4, 32, {}, {}},
    {feature::dotprod, device_kind::aarch64, "dotprod", {}, bit(feature::neon), 0, 0, {}, "-march=armv8.2-a+dotprod"},
    {feature::i8mm, device_kind::aarch64, "i8mm", {}, bit(feature::neon), 0, 0, {}, "-march=armv8.2-a+i8mm"},
    detail::capability(feature::sm_70, "sm_70"),
    detail::capability(feature::sm_75, "sm_75"),
    detail::capability(feature::sm_80, "sm_80"),
    detail::capability(feature::sm_86, "sm_86"),
    detail::capability(feature::sm_89, "sm_89"),
    detail::capability(feature::sm_90, "sm_90"),
    detail::capability(feature::sm_100, "sm_100"),
    detail::capability(feature::sm_120, "sm_120"),
});

inline constexpr auto target_facts = std::to_array<fact_row>({
    {"loads", &machine_facts::loads, 1, 16},
    {"split512", &machine_facts::split512, 0, 1},
    {"l1d", &machine_facts::l1d, 0, std::int64_t{1} << 40},
    {"l2", &machine_facts::l2, 0, std::int64_t{1} << 40},
    {"l3", &machine_facts::l3, 0, std::int64_t{1} << 40},
});

/// What a generated library is made for if nobody says so: the best is chosen at start.
inline constexpr auto library_targets = std::to_array<std::string_view>({"avx2", "avx512"});

inline constexpr auto target_levels = std::to_array<level_row>({
    {"avx2", "x86-64:avx2"},
    {"avx512", "x86-64:avx512f"},
    {"amx", "x86-64:amx"},
    {"alderlake", "x86-64:avxvnni/l1d=48K"},
    {"cascadelake", "x86-64:avx512f,avx512vnni"},
    {"sapphirerapids", "x86-64:avx512vbmi,amx/l1d=48K,l2=2M"},
    {"znver4", "x86-64:avx512f,avx512vnni,avx512vbmi,avx512bf16/loads=1,split512=1"},
    {"znver5", "x86-64:avx512f,avx512vnni,avx512vbmi,avx512bf16/l1d=48K"},
    {"neon", "aarch64:neon"},
});

}  // namespace sinter

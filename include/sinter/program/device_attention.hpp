#pragma once

#include <sinter/program/device_forms.hpp>
#include <sinter/program/device_products.hpp>

#include <bit>
#include <cstdint>
#include <optional>
#include <utility>

namespace sinter {

/// softmax(scale * q · k + mask) · v for each head. Elements of a query, key or value are neighbours; strides are in
/// elements. Coordinates are batch, head, query, element of a value.
struct device_attention {
  struct strides {
    std::int64_t batch = 0, head = 0, row = 0;
  };
  std::int64_t batch = 1, heads = 1, queries = 1, keys = 1, d = 4, e = 4;
  std::int64_t share = 1;  ///< heads that have a key head in common
  strides q{}, k{}, v{};
  float scale = 1;
  float softcap = 0;                      ///< what scores are bent to stay below, if that is not 0
  std::optional<std::int64_t> lowest{};   ///< query m sees keys from m + lowest on
  std::optional<std::int64_t> highest{};  ///< query m sees keys up to m + highest
  bool unseen = false;                    ///< a query that sees no key has the result 0, not NaN
  /// What is added to scores or, of booleans, says what is seen: strides, and elements for one step of the key.
  std::optional<strides> mask{};
  std::int64_t mask_key = 0;
  sinter::precision precision = sinter::precision::exact;
  dtype element = dtype::float32;  ///< of q, k and v; float16 and bfloat16 are for matrix units of that precision
  dtype mask_element = dtype::float32;

  device_sizes sizes() const { return {batch, heads, queries, e}; }
  bool exact() const { return precision == sinter::precision::exact; }
};

/// Whether the form computes it: its rows are copied 16 bytes at once and, but where exact, are whole fragments.
inline bool has_attention_form(device_attention const& a) {
  auto const multiple_of = [](std::int64_t n) { return [n](std::int64_t v) { return v % n == 0; }; };
  auto const copied = multiple_of(16 / static_cast<std::int64_t>(size_of(a.element)));
  auto const whole = multiple_of(a.exact() ? 4 : 16);
  for (auto const& s : {a.q, a.k, a.v})
    if (!copied(s.batch) || !copied(s.head) || !copied(s.row)) return false;
  return whole(a.d) && whole(a.e) && a.d <= 128 && a.e <= 128;
}

namespace detail {

struct attention_tiles {
  std::int64_t tile_m, tile_n, threads, shared_bytes;
};

inline attention_tiles attention_tiles_of(device_attention const& a) {
  auto const bytes = static_cast<std::int64_t>(size_of(a.element));
  if (a.exact()) {
    constexpr std::int64_t tile = 32;
    auto const padded_e = divide_up(a.e, 64) * 64;
    return {tile, tile, 128, (2 * tile * (a.d + 4) + tile * (padded_e + 4) + tile * (tile + 4)) * bytes};
  }
  std::int64_t const tile_m = 64, tile_n = bytes == 2 ? 64 : 32;
  auto const d_pitch = a.d + (a.precision == sinter::precision::tf32 ? 4 : 8), e_pitch = a.e + (bytes == 4 ? 4 : 8);
  return {tile_m, tile_n, 128, (tile_m * d_pitch + 2 * tile_n * (d_pitch + e_pitch)) * bytes};
}

}  // namespace detail

inline device_call attention_call(device_attention const& a, device_epilogue epilogue) {
  SINTER_ASSERT(has_attention_form(a) && epilogue.alignment % 16 == 0);
  auto const tiles = detail::attention_tiles_of(a);
  auto const sizes = a.sizes();
  auto const mask = a.mask.value_or(device_attention::strides{});
  auto const vector = vector_of(epilogue.arguments, sizes, epilogue.alignment, a.exact() ? 4 : 2);
  auto call = coordinate_call("attention", sizes, vector,
                              {{"keys", a.keys},
                               {"d", a.d},
                               {"precision", static_cast<std::int64_t>(a.precision)},
                               {"q_batch0", a.q.batch},
                               {"q_batch1", a.q.head},
                               {"q_m", a.q.row},
                               {"k_batch0", a.k.batch},
                               {"k_batch1", a.k.head},
                               {"k_n", a.k.row},
                               {"v_batch0", a.v.batch},
                               {"v_batch1", a.v.head},
                               {"v_n", a.v.row},
                               {"share", a.share},
                               {"scale", std::bit_cast<std::uint32_t>(a.scale)},
                               {"softcap", std::bit_cast<std::uint32_t>(a.softcap)},
                               {"lowest", a.lowest.value_or(-a.queries)},
                               {"highest", a.highest.value_or(a.keys)},
                               {"unseen", a.unseen},
                               {"mask", a.mask.has_value()},
                               {"mask_batch0", mask.batch},
                               {"mask_batch1", mask.head},
                               {"mask_m", mask.row},
                               {"mask_n", a.mask_key},
                               {"tile_m", tiles.tile_m},
                               {"tile_n", tiles.tile_n}});
  auto& k = call.kernel;
  k.threads = static_cast<std::int32_t>(tiles.threads);
  k.shared_bytes = static_cast<std::int32_t>(tiles.shared_bytes);
  auto const rows = [&](device_attention::strides const& s, std::int64_t heads, std::int64_t count, std::int64_t step,
                        std::int64_t elements, dtype element) {
    device_sizes const all{a.batch, heads, count, elements}, strides{s.batch, s.head, s.row, step};
    return dense_argument(extent_of(all, strides), false, element);
  };
  k.arguments = {rows(a.q, a.heads, a.queries, 1, a.d, a.element),
                 rows(a.k, a.heads / a.share, a.keys, 1, a.d, a.element),
                 rows(a.v, a.heads / a.share, a.keys, 1, a.e, a.element)};
  if (a.mask) k.arguments.push_back(rows(mask, a.heads, a.queries, a.mask_key, a.keys, a.mask_element));
  add_epilogue(k, std::move(epilogue), sizes);
  call.blocks = {long_block_count(divide_up(a.queries, tiles.tile_m)), block_count(a.batch * a.heads), 1};
  return call;
}

}  // namespace sinter

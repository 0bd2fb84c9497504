#pragma once

#include <sinter/program/device_forms.hpp>

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
  bool causal = false;  ///< query m sees keys up to m + keys - queries
  bool unseen = false;  ///< a query that the mask leaves no key has the result 0, not NaN
  /// What is added to scores, if anything: strides, and elements for one step of the key.
  std::optional<strides> mask{};
  std::int64_t mask_key = 0;

  device_sizes sizes() const { return {batch, heads, queries, e}; }
};

/// Whether the form computes it: its rows are copied 16 bytes at once.
inline bool has_attention_form(device_attention const& a) {
  auto const whole = [](std::int64_t v) { return v % 4 == 0; };
  for (auto const& s : {a.q, a.k, a.v})
    if (!whole(s.batch) || !whole(s.head) || !whole(s.row)) return false;
  return whole(a.d) && whole(a.e) && a.d <= 128 && a.e <= 128;
}

inline device_call attention_call(device_attention const& a, device_epilogue epilogue) {
  SINTER_ASSERT(has_attention_form(a) && epilogue.alignment % 16 == 0);
  constexpr std::int64_t tile_m = 32, tile_n = 32, threads = 128;
  auto const sizes = a.sizes();
  auto const mask = a.mask.value_or(device_attention::strides{});
  auto call = coordinate_call("attention", sizes, vector_of(epilogue.arguments, sizes, epilogue.alignment),
                              {{"keys", a.keys},
                               {"d", a.d},
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
                               {"causal", a.causal},
                               {"unseen", a.unseen},
                               {"mask", a.mask.has_value()},
                               {"mask_batch0", mask.batch},
                               {"mask_batch1", mask.head},
                               {"mask_m", mask.row},
                               {"mask_n", a.mask_key},
                               {"tile_m", tile_m},
                               {"tile_n", tile_n}});
  auto& k = call.kernel;
  k.threads = threads;
  auto const padded_e = divide_up(a.e, 64) * 64;
  auto const floats = (tile_m + tile_n) * (a.d + 4) + tile_n * (padded_e + 4) + tile_m * (tile_n + 4);
  k.shared_bytes = static_cast<std::int32_t>(floats * std::int64_t(sizeof(float)));
  auto const rows = [&](device_attention::strides const& s, std::int64_t heads, std::int64_t count, std::int64_t step,
                        std::int64_t elements) {
    return dense_argument(
        extent_of(device_sizes{a.batch, heads, count, elements}, device_sizes{s.batch, s.head, s.row, step}));
  };
  k.arguments = {rows(a.q, a.heads, a.queries, 1, a.d), rows(a.k, a.heads / a.share, a.keys, 1, a.d),
                 rows(a.v, a.heads / a.share, a.keys, 1, a.e)};
  if (a.mask) k.arguments.push_back(rows(mask, a.heads, a.queries, a.mask_key, a.keys));
  add_epilogue(k, std::move(epilogue), sizes);
  call.blocks = {long_block_count(divide_up(a.queries, tile_m)), block_count(a.batch * a.heads), 1};
  return call;
}

}  // namespace sinter

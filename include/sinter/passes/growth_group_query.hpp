#pragma once

#include <sinter/ops/microsoft/group_query_attention.hpp>
#include <sinter/passes/growth_attention.hpp>

#include <array>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

/// The rule of GroupQueryAttention of com.microsoft, as those of growth_attention.hpp.
namespace sinter::passes::detail {

/// The attributes and inputs of GroupQueryAttention that the rule takes.
inline void expect_group_query(growth const& w, attention_writer const& of) {
  using gqa = microsoft::group_query_attention;
  auto const& n = of.what();
  of.expect({gqa::past_key, gqa::past_value, gqa::score_bias}, gqa::sinks);
  of.expect_cache(gqa::past_key, gqa::past_value);
  expect_mask(w, of, gqa::score_bias, w.added());
  if (of.shape_of(gqa::query)[0] != 1) of.refuse("there are several batches, each with a length of its own");
  if (attribute_or<std::int64_t>(n, "smooth_softmax", -1) > 0) of.refuse("it has 'smooth_softmax'");
}

/// Queries, keys and values; where the node has no keys, all are parts of its first input.
inline std::array<value_id, 3> group_query_operands(growth& w, attention_writer& of, std::int64_t heads,
                                                    std::int64_t key_heads) {
  using gqa = microsoft::group_query_attention;
  if (of.input(gqa::key)) return {of.input(gqa::query), of.input(gqa::key), of.input(gqa::value)};
  auto const all = of.input(gqa::query);
  auto const element = w.facts()[all].low.element;
  auto const size = of.shape_of(gqa::query)[2] / (heads + 2 * key_heads);
  auto const part = [&](std::int64_t first, std::int64_t count) {
    auto const bound = [&](std::int64_t i) { return w.constant(std::vector{i}); };
    auto const made = of.make("Slice", {all, bound(first * size), bound((first + count) * size), bound(2)}, element);
    auto s = of.shape_of(gqa::query);
    s[2] = count * size;
    w.facts()[made] = {.low = {element, s}, .high = {element, s}};
    return made;
  };
  return {part(0, heads), part(heads, key_heads), part(heads + key_heads, key_heads)};
}

/// Queries or keys, turned by the angles of their positions.
inline value_id rotated(growth& w, attention_writer& of, value_id x, std::int64_t heads, value_id positions) {
  using gqa = microsoft::group_query_attention;
  attribute_map attributes{{"num_heads", heads},
                           {"rotary_embedding_dim", 2 * of.shape_of(gqa::cosines)[1]},
                           {"interleaved", attribute_or<std::int64_t>(of.what(), "rotary_interleaved", 0)}};
  auto const kept = w.facts()[x];
  auto const turned = w.make("RotaryEmbedding", {x, of.input(gqa::cosines), of.input(gqa::sines), positions},
                             kept.low.element, std::move(attributes), 23);
  w.facts()[turned] = kept;
  return turned;
}

/// GroupQueryAttention of com.microsoft, of one batch. The last key is where its input says, as long as the cache lets
/// it; rows of a run end there.
inline void group_query_growing(growth& w, node_id id) {
  using gqa = microsoft::group_query_attention;
  attention_writer of(w, id);
  expect_group_query(w, of);
  auto const& n = of.what();
  auto const rows = of.shape_of(gqa::query)[1];
  auto const last =
      of.make("Reshape", {of.input(gqa::last_keys), w.constant(std::vector<std::int64_t>{})}, dtype::int32);
  auto const wide = of.make("Cast", {last}, dtype::int64, {{"to", static_cast<std::int64_t>(dtype::int64)}});
  auto const first = of.make("Add", {wide, of.number(1 - rows)}, dtype::int64);
  auto const heads = attribute_or<std::int64_t>(n, "num_heads", 0);
  auto const key_heads = attribute_or<std::int64_t>(n, "kv_num_heads", 0);
  auto const [q, k, v] = group_query_operands(w, of, heads, key_heads);
  cached_attention a{.q = q,
                     .k = k,
                     .v = v,
                     .past_k = of.input(gqa::past_key),
                     .past_v = of.input(gqa::past_value),
                     .mask = of.input(gqa::score_bias),
                     .first = first,
                     .heads = heads,
                     .key_heads = key_heads,
                     .left = -1,
                     .right = 0};
  if (attribute_or<std::int64_t>(n, "causal", 1) == 0) of.refuse("it is not causal");
  if (auto const window = attribute_or<std::int64_t>(n, "local_window_size", -1); window > 0) a.left = window - 1;
  if (attribute_or<std::int64_t>(n, "do_rotary", 0) != 0) {
    auto positions = of.input(gqa::position);
    if (!positions) {
      std::vector<std::int64_t> numbers(static_cast<std::size_t>(rows));
      std::iota(numbers.begin(), numbers.end(), 0);
      positions = of.make("Add", {first, w.constant(any_tensor::of<std::int64_t>({1, rows}, numbers))}, dtype::int64);
    }
    a.q = rotated(w, of, a.q, a.heads, positions);
    a.k = rotated(w, of, a.k, a.key_heads, positions);
  }
  if (auto const scale = attribute_or<float>(n, "scale", 0.0f); scale != 0) a.attributes["scale"] = scale;
  if (auto const cap = attribute_or<float>(n, "softcap", 0.0f); cap != 0) a.attributes["softcap"] = cap;
  of.write(std::move(a), rows);
}

}  // namespace sinter::passes::detail

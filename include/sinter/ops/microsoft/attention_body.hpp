#pragma once

#include <sinter/ops/microsoft/bias_activation.hpp>

#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

namespace sinter::microsoft {

/// What the operators of attention have in common.
struct attention_rule {
  std::int64_t heads = 0;
  bool causal = false;
  float filter = -10000;  ///< added where a mask hides a key
  std::optional<float> scale{};

  static attention_rule parse(attribute_reader const& r) {
    attention_rule a{.heads = r.require<std::int64_t>("num_heads"),
                     .causal = r.get("unidirectional", false),
                     .filter = r.get("mask_filter_value", -10000.0f)};
    if (a.heads < 1) fail(error_code::malformed_model, "the attribute 'num_heads' is {}, expected 1 or more", a.heads);
    if (auto const scale = r.get("scale", 0.0f); scale != 0) a.scale = scale;
    return a;
  }
};

/// Refuses the attributes of caches and rotation that onnxruntime knows on other devices only.
inline void refuse_sharing(attribute_reader const& r) {
  for (auto const name : {"past_present_share_buffer", "do_rotary"})
    if (r.get<std::int64_t>(name, 0) != 0) fail(error_code::unsupported_feature, "the attribute '{}' is not 0", name);
}

/// batch x length x (heads * size) as batch x heads x length x size.
inline value_id split_heads(body_builder& b, value_id x, std::int64_t heads) {
  auto const s = b.shape(x);
  if (s[2] % heads != 0)
    fail(error_code::malformed_model, "the attribute 'num_heads' is {}, expected a divisor of {}", heads, s[2]);
  return b.transpose(b.reshape(x, {s[0], s[1], heads, s[2] / heads}), {0, 2, 1, 3});
}

/// Past rows and new ones, along the axis of positions.
inline value_id join_past(body_builder& b, value_id past, value_id now) {
  if (!past) return now;
  auto const before = b.shape(past), s = b.shape(now);
  if (before.rank() != 4 || before != shape{s[0], s[1], before[2], s[3]})
    fail(error_code::malformed_model, "past rows have shape {}, which does not fit {}", before, s);
  return b("Concat", {past, now}, {{"axis", std::int64_t{2}}});
}

/// 0, 1, … as int32, of this shape, all of whose dimensions but one are 1.
inline value_id positions(body_builder& b, shape const& s, std::int64_t first = 0) {
  std::vector<std::int32_t> numbers(s.elements());
  std::iota(numbers.begin(), numbers.end(), static_cast<std::int32_t>(first));
  return b.constant(any_tensor::of<std::int32_t>(s, numbers));
}

/// What is added to the scores of batch x heads x queries x keys: `filter` where the mask hides a key. None without a
/// mask. The mask has an end for each batch, or starts behind the ends, or numbers of batch x (queries x) keys that are
/// positive where keys are seen.
inline value_id mask_of_keys(body_builder& b, value_id mask, shape const& scores, attention_rule const& rule,
                             dtype element) {
  if (!mask) return {};
  auto const batch = scores[0], queries = scores[2], keys = scores[3];
  auto const s = b.shape(mask);
  auto const zero = b.number(0, element), filter = b.number(static_cast<double>(rule.filter), element);
  if (s.rank() == 1 && (s[0] == batch || s[0] == 2 * batch)) {
    auto const part = [&](std::int64_t i) {
      auto const half =
          s[0] == batch ? mask : b("Slice", {mask, b.integers({i * batch}), b.integers({(i + 1) * batch})});
      return b.reshape(half, {batch, 1, 1, 1});
    };
    auto const at = positions(b, {1, 1, 1, keys});
    auto hidden = b("GreaterOrEqual", {at, part(0)});
    if (s[0] != batch) hidden = b("Or", {hidden, b("Less", {at, part(1)})});
    return b("Where", {hidden, filter, zero});
  }
  if (s.rank() == 2 && s[1] == 1 && keys != 1 && (s[0] == 1 || s[0] == batch)) return {};  // a dummy, which hides none
  bool const fits = s == shape{batch, keys} || s == shape{batch, queries, keys};
  if (!fits)
    fail(s.rank() == 4 || s == shape{3 * batch + 2} ? error_code::unsupported_feature : error_code::malformed_model,
         "the mask has shape {}, expected {} or {} (ends, ends and starts), {}x{} or {}x{}x{}", s, batch, 2 * batch,
         batch, keys, batch, queries, keys);
  auto const seen =
      b("Greater", {b.reshape(mask, {batch, 1, s.rank() == 3 ? queries : 1, keys}), b.number(0, dtype::int32)});
  return b("Where", {seen, zero, filter});
}

/// The mask with the least number where a key comes after its query: queries are the last of the positions.
inline value_id hide_later(body_builder& b, value_id mask, shape const& scores, dtype element) {
  auto const queries = scores[2], keys = scores[3];
  auto const later = b("Greater", {positions(b, {1, keys}), positions(b, {queries, 1}, keys - queries)});
  auto const least = element == dtype::float16    ? -65504.0
                     : element == dtype::bfloat16 ? -0x1.fep127
                                                  : -static_cast<double>(std::numeric_limits<float>::max());
  return b("Where", {later, b.number(least, element), mask ? mask : b.number(0, element)});
}

/// Queries, keys and values of batch x heads x length x size; masks and biases of their scores.
struct attention_operands {
  value_id q{}, k{}, v{};
  value_id mask{}, bias{};
};

struct attention_results {
  value_id y{};       ///< batch x queries x (heads * size)
  value_id scores{};  ///< batch x heads x queries x keys, before softmax
};

/// softmax(scale * Q * K' + mask + bias) * V.
inline attention_results attend(body_builder& b, attention_operands const& of, attention_rule const& rule) {
  auto const q = b.shape(of.q), k = b.shape(of.k), v = b.shape(of.v);
  if (k != shape{q[0], q[1], k[2], q[3]} || v != shape{q[0], q[1], k[2], v[3]})
    fail(error_code::malformed_model, "heads of Q, K and V have shapes {}, {} and {}, which do not fit together", q, k,
         v);
  shape const all{q[0], q[1], q[2], k[2]};
  auto const element = b.element(of.q);
  auto const scale = rule.scale ? static_cast<double>(*rule.scale) : 1 / std::sqrt(static_cast<double>(q[3]));
  auto const product = b.times(b("MatMul", {of.q, b.transpose(of.k, {0, 1, 3, 2})}), scale);
  auto mask = mask_of_keys(b, of.mask, all, rule, element);
  if (rule.causal) mask = hide_later(b, mask, all, element);
  if (of.bias) {
    auto const s = b.shape(of.bias);
    bool const fits = s.rank() == 4 && (s[0] == 1 || s[0] == all[0]) && (s[1] == 1 || s[1] == all[1]) &&
                      s[2] == all[2] && s[3] == all[3];
    if (!fits) fail(error_code::malformed_model, "the bias of scores has shape {}, expected {}", s, all);
  }
  auto const scores = b.plus(b.plus(product, mask), of.bias);
  auto const y = b("MatMul", {b("Softmax", {scores}, {{"axis", std::int64_t{-1}}}), of.v});
  return {b.reshape(b.transpose(y, {0, 2, 1, 3}), {q[0], q[2], q[1] * v[3]}), scores};
}

/// Attention of one projection that holds Q, K and V side by side, of these sizes, and of keys and values that are
/// past, as 2 x batch x heads x length x size; and the keys and values as `past` for the next.
inline std::vector<value_id> attend_projection(body_builder& b, value_id projection, std::vector<std::int64_t> sizes,
                                               value_id mask, value_id past, value_id bias,
                                               attention_rule const& rule) {
  auto const parts = b.several(3, "Split", {projection, b.integers(sizes)}, {{"axis", std::int64_t{2}}});
  attention_operands of{.q = split_heads(b, parts[0], rule.heads),
                        .k = split_heads(b, parts[1], rule.heads),
                        .v = split_heads(b, parts[2], rule.heads),
                        .mask = mask,
                        .bias = bias};
  if (past) {
    if (b.shape(past).rank() != 5 || b.shape(past)[0] != 2)
      fail(error_code::malformed_model, "the past has shape {}, expected 2 x batch x heads x length x size",
           b.shape(past));
    auto const half = [&](std::int64_t i) {
      return b("Gather", {past, b.number(static_cast<double>(i), dtype::int64)}, {{"axis", std::int64_t{0}}});
    };
    of.k = join_past(b, half(0), of.k);
    of.v = join_past(b, half(1), of.v);
  }
  auto const y = attend(b, of, rule).y;
  if (sizes[1] != sizes[2]) return {y};
  auto const axis = b.integers({0});
  return {y, b("Concat", {b("Unsqueeze", {of.k, axis}), b("Unsqueeze", {of.v, axis})}, {{"axis", std::int64_t{0}}})};
}

}  // namespace sinter::microsoft

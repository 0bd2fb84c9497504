#pragma once

#include <sinter/kernels/attention.hpp>
#include <sinter/ops/entry.hpp>

#include <cmath>
#include <optional>
#include <vector>

namespace sinter {

using kernels::head_layout;

/// The layout of a tensor; `heads` is needed for rank 3 only, and 0 where it is not given.
inline head_layout layout_of_heads(shape const& s, std::int64_t heads, std::string_view attribute) {
  if (s.rank() == 4 && heads != 0 && heads != s[1])
    fail(error_code::malformed_model, "the attribute '{}' is {}, an input has shape {}", attribute, heads, s);
  if (s.rank() == 4) return {s[0], s[1], s[2], s[3], false};
  if (s.rank() != 3) fail(error_code::malformed_model, "an input has shape {}, expected rank 3 or 4", s);
  if (heads < 1 || s[2] % heads != 0)
    fail(error_code::malformed_model, "the attribute '{}' is {}, expected a divisor of {}", attribute, heads, s[2]);
  return {s[0], heads, s[1], s[2] / heads, true};
}

/// Appends the numbers that `head_layout::of` reads.
inline void append(std::vector<std::int64_t>& numbers, head_layout const& l) {
  numbers.insert(numbers.end(), {l.batch, l.heads, l.length, l.size, l.interleaved});
}

/// Attention: softmax(softcap(scale * Q * K') + mask) * V for each head; heads of K and V may serve several of Q.
/// https://onnx.ai/onnx/operators/onnx__Attention.html
struct attention {
  static constexpr op_schema schema{
      .name = "Attention", .since = 23, .min_inputs = 3, .max_inputs = 7, .max_outputs = 4};
  struct attributes {
    std::int64_t query_heads = 0, key_heads = 0;
    std::int64_t probe = 0;  ///< which product the fourth output is: raw, capped, masked, softmax
    std::optional<float> scale{};
    double softcap = 0;
    bool causal = false;
    std::int64_t left = -1, right = -1;  ///< how many keys before and after its own position a query sees; -1: all
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.query_heads = r.get<std::int64_t>("q_num_heads", 0),
                 .key_heads = r.get<std::int64_t>("kv_num_heads", 0),
                 .probe = r.get<std::int64_t>("qk_matmul_output_mode", 0),
                 .scale = {},
                 .softcap = static_cast<double>(r.get("softcap", 0.0f)),
                 .causal = r.get("is_causal", false),
                 .left = r.get<std::int64_t>("left_window_size", -1),
                 .right = r.get<std::int64_t>("right_window_size", -1)};
    if (r.has("scale")) a.scale = r.require<float>("scale");
    for (auto const window : {a.left, a.right})
      if (window < -1) fail(error_code::malformed_model, "a window has the size {}, expected -1 or more", window);
    // Softmax is computed in double, at least as exact as any type that the attribute may name.
    if (auto const type = r.get<std::int64_t>("softmax_precision", 1);
        std::ranges::find(precisions, type) == precisions.end())
      fail(error_code::malformed_model, "the attribute 'softmax_precision' is {}, expected one of {}", type,
           fmt::join(precisions, ", "));
    if (a.probe < 0 || a.probe > 3)
      fail(error_code::malformed_model, "the attribute 'qk_matmul_output_mode' is {}, expected 0 to 3", a.probe);
    return a;
  }

  static dtype element(inputs const& in, attributes const&, std::size_t output) {
    return in.element(output == 1 || output == 2 ? output : 0);
  }
  static types infer(inputs const& in, attributes const& a) {
    auto const l = layouts_of(in, a);
    if (in.has(6) && in.has(4))
      fail(error_code::malformed_model, "past keys and the input 'nonpad_kv_seqlen' are given, expected one of them");
    if (in.has(3)) mask_shape(in.shape(3), l);
    if (in.has(6) && in.shape(6) != shape{l.query.batch})
      fail(error_code::malformed_model, "the input 'nonpad_kv_seqlen' has shape {}, expected {}", in.shape(6),
           l.query.batch);
    auto const &q = l.query, &v = l.value;
    auto const y =
        q.interleaved ? shape{q.batch, q.length, q.heads * v.size} : shape{q.batch, q.heads, q.length, v.size};
    return {{in.element(0), y},
            {in.element(1), shape{q.batch, v.heads, l.total, q.size}},
            {in.element(2), shape{q.batch, v.heads, l.total, v.size}},
            {in.element(0), shape{q.batch, q.heads, q.length, l.total}}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const l = layouts_of(in, a);
    kernel_call call{.kernel = {kernels::attention, "attention", "attention.hpp"}, .may_fail = in.has(6)};
    for (auto const& layout : {l.query, l.key, l.value}) append(call.integers, layout);
    call.integers.insert(call.integers.end(),
                         {l.past, l.total, in.has(3) ? mask_shape(in.shape(3), l)[3] : l.total, a.probe, a.causal});
    for (auto const window : {a.left, a.right})  // what reaches further than all keys and queries is as good as all
      call.integers.push_back(std::min(window, checked_add(l.total, l.query.length)));
    auto const scale = a.scale ? static_cast<double>(*a.scale) : 1 / std::sqrt(static_cast<double>(l.query.size));
    call.reals = {scale, a.softcap};
    return call;
  }

 private:
  static constexpr std::array<std::int64_t, 4> precisions{1, 10, 11, 16};

  struct layouts {
    head_layout query{}, key{}, value{};
    std::int64_t past = 0, total = 0;
  };

  static layouts layouts_of(inputs const& in, attributes const& a) {
    auto const given = [&](std::size_t i) { return in.has(i) ? std::optional(in.shape(i)) : std::nullopt; };
    return layouts_of(in.shape(0), in.shape(1), in.shape(2), given(4), given(5), a);
  }
  static layouts layouts_of(shape const& q, shape const& k, shape const& v, std::optional<shape> const& past_key,
                            std::optional<shape> const& past_value, attributes const& a) {
    layouts l{.query = layout_of_heads(q, a.query_heads, "q_num_heads"),
              .key = layout_of_heads(k, a.key_heads, "kv_num_heads"),
              .value = layout_of_heads(v, a.key_heads, "kv_num_heads")};
    if (past_key && past_key->rank() == 4) l.past = (*past_key)[2];
    l.total = checked_add(l.past, l.key.length);
    if (l.key.batch != l.query.batch || l.value.batch != l.query.batch || l.key.heads != l.value.heads ||
        l.key.length != l.value.length || l.key.size != l.query.size || l.key.heads < 1 ||
        l.query.heads % l.key.heads != 0)
      fail(error_code::malformed_model, "Q, K and V have shapes {}, {} and {}, which do not fit together", q, k, v);
    if (past_key && *past_key != shape{l.key.batch, l.key.heads, l.past, l.key.size})
      fail(error_code::malformed_model, "the past keys have shape {}, which does not fit the keys {}", *past_key, k);
    if (past_key.has_value() != past_value.has_value() ||
        (past_value && *past_value != shape{l.value.batch, l.value.heads, l.past, l.value.size}))
      fail(error_code::malformed_model, "the past values do not fit the past keys or the values {}", v);
    return l;
  }

  /// The shape of scores for a mask, whose last dimension may be short; checks that the mask broadcasts to it.
  static shape mask_shape(shape const& mask, layouts const& l) {
    shape full{l.query.batch, l.query.heads, l.query.length, l.total};
    if (!mask.empty() && mask.back() > 1 && mask.back() < l.total) full[3] = mask.back();
    if (broadcast(mask, full) != full)
      fail(error_code::malformed_model, "the mask has shape {}, which does not broadcast to {}", mask, full);
    return full;
  }
};

}  // namespace sinter

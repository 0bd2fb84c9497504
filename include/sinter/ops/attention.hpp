#pragma once

#include <sinter/kernels/matmul.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <cmath>
#include <limits>

namespace sinter {

/// A tensor of heads: batch x heads x length x size, or batch x length x (heads * size).
struct head_layout {
  std::int64_t batch = 0, heads = 0, length = 0, size = 0;
  bool interleaved = false;  ///< the second layout

  /// The first element of one head's row.
  std::int64_t row(std::int64_t b, std::int64_t h, std::int64_t i) const {
    return (interleaved ? (b * length + i) * heads + h : (b * heads + h) * length + i) * size;
  }

  /// `heads` is needed for rank 3 only.
  static head_layout of(shape const& s, std::int64_t heads, std::string_view attribute) {
    if (s.rank() == 4) return {s[0], s[1], s[2], s[3], false};
    if (s.rank() != 3) fail(error_code::malformed_model, "an input has shape {}, expected rank 3 or 4", s);
    if (heads < 1 || s[2] % heads != 0)
      fail(error_code::malformed_model, "the attribute '{}' is {}, expected a divisor of {}", attribute, heads, s[2]);
    return {s[0], heads, s[1], s[2] / heads, true};
  }
};

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
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.query_heads = r.get<std::int64_t>("q_num_heads", 0),
                 .key_heads = r.get<std::int64_t>("kv_num_heads", 0),
                 .probe = r.get<std::int64_t>("qk_matmul_output_mode", 0),
                 .scale = {},
                 .softcap = static_cast<double>(r.get("softcap", 0.0f)),
                 .causal = r.get("is_causal", false)};
    if (r.has("scale")) a.scale = r.require<float>("scale");
    if (a.probe < 0 || a.probe > 3)
      fail(error_code::malformed_model, "the attribute 'qk_matmul_output_mode' is {}, expected 0 to 3", a.probe);
    return a;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const past = in.has(4) ? std::optional(in.shape(4)) : std::nullopt;
    auto const past_value = in.has(5) ? std::optional(in.shape(5)) : std::nullopt;
    auto const l = layouts_of(in.shape(0), in.shape(1), in.shape(2), past, past_value, a);
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

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const view = [&](std::size_t i) { return i < in.size() ? in[i] : tensor_view{}; };
    auto const shape_at = [&](std::size_t i) { return view(i) ? std::optional(view(i).shape) : std::nullopt; };
    auto const l = layouts_of(in[0].shape, in[1].shape, in[2].shape, shape_at(4), shape_at(5), a);
    auto const known = view(6) ? integers_of(in[6]) : std::vector<std::int64_t>{};
    auto const target = [&](std::size_t i) { return i < out.size() ? out[i] : mutable_tensor_view{}; };
    visit_floating(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> q(in[0]);
      auto const keys = joined<T>(view(4), in[1], l.key, l.past);
      auto const values = joined<T>(view(5), in[2], l.value, l.past);
      for (auto const& [i, elements] : {std::pair(1, &keys), std::pair(2, &values)})
        if (auto const to = target(static_cast<std::size_t>(i)))
          store_run<T>(to.type, to.data, 0, elements->size(), elements->data());
      auto const masks = mask<T>(view(3), l);
      kernels::staged_output<T> y(out[0]), probe(target(3));
      auto const share = l.query.heads / l.value.heads;
      std::vector<double> scores(static_cast<std::size_t>(l.total));
      for (std::int64_t b = 0; b < l.query.batch; ++b)
        for (std::int64_t h = 0; h < l.query.heads; ++h)
          for (std::int64_t i = 0; i < l.query.length; ++i) {
            auto const row = (b * l.query.heads + h) * l.query.length + i;
            auto const block = (b * l.value.heads + h / share) * l.total;
            visible const seen{known.empty() ? l.total : known[static_cast<std::size_t>(b)],
                               a.causal ? i + l.past : l.total};
            score<T>(l, a, q + l.query.row(b, h, i), keys.data() + block * l.query.size,
                     masks.empty() ? nullptr : masks.data() + row * l.total, seen, scores,
                     probe.data() ? probe.data() + row * l.total : nullptr);
            auto* to = y + (l.query.interleaved ? (b * l.query.length + i) * l.query.heads + h : row) * l.value.size;
            for (std::int64_t d = 0; d < l.value.size; ++d) {
              double sum = 0;
              for (std::int64_t j = 0; j < l.total; ++j)
                sum += scores[static_cast<std::size_t>(j)] *
                       static_cast<double>(values[static_cast<std::size_t>((block + j) * l.value.size + d)]);
              to[d] = static_cast<T>(sum);
            }
          }
    });
  }

 private:
  struct layouts {
    head_layout query{}, key{}, value{};
    std::int64_t past = 0, total = 0;
  };
  /// Keys before `end` and up to `last` may be attended to.
  struct visible {
    std::int64_t end, last;
  };

  static layouts layouts_of(shape const& q, shape const& k, shape const& v, std::optional<shape> const& past_key,
                            std::optional<shape> const& past_value, attributes const& a) {
    layouts l{.query = head_layout::of(q, a.query_heads, "q_num_heads"),
              .key = head_layout::of(k, a.key_heads, "kv_num_heads"),
              .value = head_layout::of(v, a.key_heads, "kv_num_heads")};
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

  /// What is added to the scores: minus infinity where a boolean mask is false or a short one ends.
  template <typename T>
  static std::vector<T> mask(tensor_view v, layouts const& l) {
    if (!v) return {};
    auto const minus_infinity = -std::numeric_limits<T>::infinity();
    auto const full = mask_shape(v.shape, l);
    auto const given = kernels::broadcast_elements<T>(v, full);
    std::vector<T> result(static_cast<std::size_t>(full.elements(0, 3)) * static_cast<std::size_t>(l.total),
                          minus_infinity);
    for (std::size_t i = 0; i < given.size(); ++i) {
      auto const width = static_cast<std::size_t>(full[3]),
                 at = i / width * static_cast<std::size_t>(l.total) + i % width;
      result[at] = v.type == dtype::boolean ? (given[i] != 0 ? T{} : minus_infinity) : given[i];
    }
    return result;
  }

  /// Past and new rows as batch x heads x total x size.
  template <typename T>
  static std::vector<T> joined(tensor_view past, tensor_view now, head_layout const& l, std::int64_t past_length) {
    kernels::staged_input<T> before(past), rows(now);
    std::vector<T> all;
    all.reserve(static_cast<std::size_t>(l.batch * l.heads * (past_length + l.length) * l.size));
    for (std::int64_t b = 0; b < l.batch; ++b)
      for (std::int64_t h = 0; h < l.heads; ++h) {
        auto const* old = before + (b * l.heads + h) * past_length * l.size;
        if (before.data()) all.insert(all.end(), old, old + past_length * l.size);
        for (std::int64_t i = 0; i < l.length; ++i) {
          auto const* row = rows + l.row(b, h, i);
          all.insert(all.end(), row, row + l.size);
        }
      }
    return all;
  }

  /// The weights of all keys for one query; `probe` gets the stage that the attribute names.
  template <typename T>
  static void score(layouts const& l, attributes const& a, T const* q, T const* keys, T const* mask, visible seen,
                    std::vector<double>& scores, T* probe) {
    auto const scale = a.scale ? static_cast<double>(*a.scale) : 1 / std::sqrt(static_cast<double>(l.query.size));
    auto const infinity = std::numeric_limits<double>::infinity();
    auto const keep = [&](std::int64_t stage, std::size_t j) {
      if (probe && a.probe == stage) probe[j] = static_cast<T>(scores[j]);
    };
    double greatest = -infinity, sum = 0;
    for (std::size_t j = 0; j < scores.size(); ++j) {
      auto const key = static_cast<std::int64_t>(j);
      auto& s = scores[j];
      s = scale * static_cast<double>(kernels::inner_product(l.query.size, q, keys + key * l.query.size));
      keep(0, j);
      if (a.softcap != 0) s = a.softcap * std::tanh(s / a.softcap);
      keep(1, j);
      if (mask) s += static_cast<double>(mask[j]);
      if (key >= seen.end || key > seen.last) s = -infinity;
      keep(2, j);
      greatest = std::max(greatest, s);
    }
    for (auto& s : scores) sum += s = std::exp(s - greatest);
    for (std::size_t j = 0; j < scores.size(); ++j) {
      scores[j] /= sum;
      keep(3, j);
    }
  }
};

}  // namespace sinter

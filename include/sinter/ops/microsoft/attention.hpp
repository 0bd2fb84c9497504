#pragma once

#include <sinter/ops/microsoft/attention_body.hpp>
#include <sinter/ops/microsoft/quantized_products.hpp>

namespace sinter::microsoft {

/// Attention of BERT and GPT-2 with the projection of its input.
struct attention {
  static constexpr op_schema schema{
      .name = "Attention", .domain = domain, .min_inputs = 2, .max_inputs = 7, .max_outputs = 2};
  enum : std::size_t { x, weights, bias, mask, past, score_bias, past_length };
  struct attributes {
    attention_rule rule{};
    std::vector<std::int64_t> sizes{};  ///< of Q, K and V; empty: one
  };

  static attributes parse(attribute_reader const& r) {
    refuse_sharing(r);
    if (r.get<std::int64_t>("rotary_embedding_dim", 0) != 0)
      fail(error_code::unsupported_feature, "the attribute 'rotary_embedding_dim' is not 0");
    if (r.has_input(past_length))
      fail(error_code::unsupported_feature, "input {} gives the length of a shared buffer", std::size_t{past_length});
    attributes a{.rule = attention_rule::parse(r), .sizes = r.get("qkv_hidden_sizes", std::vector<std::int64_t>{})};
    if (!a.sizes.empty() && (a.sizes.size() != 3 || *std::ranges::min_element(a.sizes) < 1))
      fail(error_code::malformed_model, "'qkv_hidden_sizes' is {}, expected three sizes", fmt::join(a.sizes, ", "));
    return a;
  }

  static graph body(inputs const& in, attributes const& a) {
    expect_element(in, mask, {dtype::int32});
    auto const &s = in.shape(x), &w = in.shape(weights);
    if (s.rank() != 3 || w.rank() != 2)
      fail(error_code::malformed_model,
           "input and weights have shapes {} and {}, expected batch x length x size and a matrix", s, w);
    auto const third = w[1] / 3;
    auto const sizes = a.sizes.empty() ? std::vector<std::int64_t>{third, third, third} : a.sizes;
    if (checked_add(checked_add(sizes[0], sizes[1]), sizes[2]) != w[1])
      fail(error_code::malformed_model, "the weights have {} columns, Q, K and V take {}", w[1],
           fmt::join(sizes, " + "));
    if (in.has(bias) && in.shape(bias) != shape{w[1]})
      fail(error_code::malformed_model, "the bias has shape {}, expected {}", in.shape(bias), w[1]);
    body_builder b(in);
    auto const projection = b.plus(b("MatMul", {b.input(x), b.input(weights)}), b.input(bias));
    return b.finish(attend_projection(b, projection, sizes, b.input(mask), b.input(past), b.input(score_bias), a.rule));
  }
};

/// QAttention: Attention whose input and weights are quantised.
struct qattention {
  static constexpr op_schema schema{
      .name = "QAttention", .domain = domain, .min_inputs = 5, .max_inputs = 9, .max_outputs = 2};
  enum : std::size_t { x, weights, bias, x_scale, w_scale, mask, x_zero, w_zero, past };
  using attributes = attention_rule;

  static attributes parse(attribute_reader const& r) {
    refuse_sharing(r);
    return attention_rule::parse(r);
  }
  static dtype element(inputs const& in, attributes const&, std::size_t) { return in.element(bias); }
  static graph body(inputs const& in, attributes const& rule) {
    expect_element(in, mask, {dtype::int32});
    expect_element(in, bias, {dtype::float32});
    auto const &s = in.shape(x), &w = in.shape(weights);
    if (s.rank() != 3 || w.rank() != 2 || w[1] % 3 != 0 || in.shape(bias) != shape{w[1]})
      fail(error_code::malformed_model, "input, weights and bias have shapes {}, {} and {}, which do not fit together",
           s, w, in.shape(bias));
    body_builder b(in);
    auto const product = scaled_product(b, b.input(x), b.input(x_scale), b.input(x_zero), b.input(weights),
                                        b.input(w_scale), b.input(w_zero));
    auto const third = w[1] / 3;
    return b.finish(attend_projection(b, b.plus(product, b.input(bias)), {third, third, third}, b.input(mask),
                                      b.input(past), {}, rule));
  }
};

/// MultiHeadAttention: of queries, keys and values that are projected already.
struct multi_head_attention {
  static constexpr op_schema schema{.name = "MultiHeadAttention", .domain = domain, .max_inputs = 10, .max_outputs = 4};
  enum : std::size_t { query, key, value, bias, mask, score_bias, past_key, past_value, past_length, indirection };
  struct attributes {
    attention_rule rule{};
  };

  static attributes parse(attribute_reader const& r) {
    for (auto const i : {std::size_t{past_length}, std::size_t{indirection}})
      if (r.has_input(i)) fail(error_code::unsupported_feature, "input {}, of a shared buffer, is given", i);
    if (r.has_input(past_key) != r.has_input(past_value))
      fail(error_code::malformed_model, "of past keys and past values one is given, expected both or none");
    if (!r.has_input(key) || !r.has_input(value))
      fail(error_code::unsupported_feature, "the inputs 1 and 2, keys and values, are packed with others");
    return {attention_rule::parse(r)};
  }

  static graph body(inputs const& in, attributes const& a) {
    expect_element(in, mask, {dtype::int32});
    auto const& s = in.shape(query);
    if (s.rank() != 3 || in.shape(key).rank() != in.shape(value).rank())
      fail(error_code::malformed_model, "queries, keys and values have shapes {}, {} and {}, which do not fit together",
           s, in.shape(key), in.shape(value));
    body_builder b(in);
    auto const of = operands_of(b, in, a.rule.heads);
    auto const past = in.has(past_key) ? in.shape(past_key)[2] : 0;  // of rank 4, as the keys were joined to it
    auto const keys = in.shape(key).rank() == 4 ? in.shape(key)[2] : in.shape(key)[1] + past;
    if (a.rule.causal && keys != past + s[1])
      fail(error_code::unsupported_feature,
           "'unidirectional' is 1 and there are {} queries for {} keys, {} of them past", s[1], keys, past);
    auto const found = attend(b, of, a.rule);
    return b.finish({found.y, of.k, of.v, found.scores});
  }

 private:
  static attention_operands operands_of(body_builder& b, inputs const& in, std::int64_t heads) {
    bool const projected = in.shape(key).rank() == 4;  // keys and values come as heads, and have no bias
    auto const size = in.shape(query)[2];
    auto const value_size = projected                     ? in.shape(value)[1] * in.shape(value)[3]
                            : in.shape(value).rank() == 3 ? in.shape(value)[2]
                                                          : 0;
    if (in.has(bias) && in.shape(bias) != shape{2 * size + value_size})
      fail(error_code::malformed_model, "the bias has shape {}, expected {}", in.shape(bias), 2 * size + value_size);
    auto const biased = [&](std::size_t i, std::int64_t first, std::int64_t end) {
      if (!in.has(bias)) return b.input(i);
      return b("Add", {b.input(i), b("Slice", {b.input(bias), b.integers({first}), b.integers({end})})});
    };
    attention_operands of{.q = split_heads(b, biased(query, 0, size), heads),
                          .k = b.input(key),
                          .v = b.input(value),
                          .mask = b.input(mask),
                          .bias = b.input(score_bias)};
    if (projected && in.has(past_key))
      fail(error_code::unsupported_feature,
           "keys that are heads already and past keys are given, expected one of them");
    if (projected) return of;
    if (in.shape(key).rank() != 3)
      fail(error_code::unsupported_feature, "the keys have shape {}, expected rank 3 or 4", in.shape(key));
    of.k = join_past(b, b.input(past_key), split_heads(b, biased(key, size, 2 * size), heads));
    of.v = join_past(b, b.input(past_value), split_heads(b, biased(value, 2 * size, 2 * size + value_size), heads));
    return of;
  }
};

/// RotaryEmbedding, with positions of each row or the first one of all rows.
struct rotary_embedding {
  static constexpr op_schema schema{.name = "RotaryEmbedding", .domain = domain, .min_inputs = 4, .max_inputs = 4};
  enum : std::size_t { x, position, cosines, sines };
  struct attributes {
    std::int64_t heads = 0, size = 0, interleaved = 0;
  };

  static attributes parse(attribute_reader const& r) {
    if (r.get("scale", 1.0f) != 1.0f) fail(error_code::unsupported_feature, "the attribute 'scale' is not 1");
    if (r.get<std::int64_t>("is_packed_batching", 0) != 0)
      fail(error_code::unsupported_feature, "the attribute 'is_packed_batching' is not 0");
    return {.heads = r.get<std::int64_t>("num_heads", 0),
            .size = r.get<std::int64_t>("rotary_embedding_dim", 0),
            .interleaved = r.get<std::int64_t>("interleaved", 0)};
  }

  static graph body(inputs const& in, attributes const& a) {
    auto const &s = in.shape(x), &cache = in.shape(cosines);
    if ((s.rank() != 3 && s.rank() != 4) || cache.rank() != 2 || cache[1] < 1)
      fail(error_code::malformed_model, "the input has shape {} and the cosines {}, expected rank 3 or 4 and a matrix",
           s, cache);
    auto const length = s[s.rank() - 2];
    attribute_map how{{"interleaved", a.interleaved}, {"rotary_embedding_dim", a.size}};
    if (s.rank() == 3) how["num_heads"] = a.heads > 0 ? a.heads : s[2] / (2 * cache[1]);
    body_builder b(in);
    auto places = b.input(position);
    if (in.shape(position).elements() == 1 && in.shape(position) != shape{s[0], length}) {
      std::vector<std::int64_t> steps(static_cast<std::size_t>(checked_mul(s[0], length)));
      for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = static_cast<std::int64_t>(i) % length;
      places = b("Add", {places, b.constant(any_tensor::of<std::int64_t>({s[0], length}, steps))});
    }
    return b.finish({b("RotaryEmbedding", {b.input(x), b.input(cosines), b.input(sines), places}, std::move(how))});
  }
};

}  // namespace sinter::microsoft

#pragma once

#include <sinter/ops/microsoft/bias_activation.hpp>

#include <vector>

namespace sinter::microsoft {

/// 1 / sqrt(mean of squares + epsilon) along the last axes from `axis` on, of which there is one.
inline value_id inverse_root_mean_square(body_builder& b, value_id x, std::int64_t axis, float epsilon) {
  auto const real = b.cast(x, dtype::float32);
  auto const mean = b("ReduceMean", {b("Mul", {real, real}), b.integers({axis})});
  return b("Reciprocal", {b("Sqrt", {b("Add", {mean, b.number(static_cast<double>(epsilon), dtype::float32)})})});
}

/// SimplifiedLayerNormalization, which onnxruntime has in ONNX's own domain: RMSNormalization.
struct simplified_layer_normalization {
  static constexpr op_schema schema{
      .name = "SimplifiedLayerNormalization", .min_inputs = 2, .max_inputs = 2, .max_outputs = 2};
  struct attributes {
    attribute_map normalization{};
    std::int64_t axis = -1;
    float epsilon = 0;
    bool has_inverse = false;
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) {
    attributes const a{.normalization = r.pass_on({"axis", "epsilon", "stash_type"}),
                       .axis = r.get<std::int64_t>("axis", -1),
                       .epsilon = r.get("epsilon", 1e-5f),
                       .has_inverse = r.has_output(1)};
    if (a.has_inverse && a.axis != -1)
      fail(error_code::unsupported_feature, "the output 'inv_std_var' is wanted and 'axis' is {}, expected -1", a.axis);
    return a;
  }

  static graph body(inputs const& in, attributes const& a) {
    body_builder b(in);
    auto const y = b("RMSNormalization", {b.input(0), b.input(1)}, a.normalization);
    return b.finish({y, a.has_inverse ? inverse_root_mean_square(b, b.input(0), a.axis, a.epsilon) : y});
  }
};

/// SkipLayerNormalization and SkipSimplifiedLayerNormalization: the sum of the input, a skipped connection and a bias,
/// normalised along its last axis; and the sum.
template <bool Centred>
struct skip_normalization {
  static constexpr op_schema schema{.name = Centred ? "SkipLayerNormalization" : "SkipSimplifiedLayerNormalization",
                                    .domain = domain,
                                    .min_inputs = 3,
                                    .max_inputs = Centred ? 5 : 4,
                                    .max_outputs = 4};
  enum : std::size_t { x, skip, gamma, beta, bias = Centred ? 4 : 3 };
  struct attributes {
    float epsilon = 0;
    bool has_mean = false, has_inverse = false;
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) {
    attributes const a{
        .epsilon = r.get("epsilon", 1e-12f), .has_mean = r.has_output(1), .has_inverse = r.has_output(2)};
    if (!Centred && a.has_mean)
      fail(error_code::unsupported_feature, "the output 'mean' is wanted, which this operator does not compute");
    return a;
  }

  static graph body(inputs const& in, attributes const& a) {
    check(in);
    body_builder b(in);
    auto const sum = b.plus(b.plus(b.input(x), b.input(skip)), b.input(bias));
    attribute_map const how{{"axis", std::int64_t{-1}}, {"epsilon", a.epsilon}};
    if constexpr (!Centred) {
      auto const y = b("RMSNormalization", {sum, b.input(gamma)}, how);
      return b.finish({y, y, a.has_inverse ? inverse_root_mean_square(b, sum, -1, a.epsilon) : y, sum});
    } else {
      bool const moments = a.has_mean || a.has_inverse;
      auto const y = b.several(moments ? 3 : 1, "LayerNormalization", {sum, b.input(gamma), b.input(beta)}, how);
      return b.finish({y[0], y[moments ? 1 : 0], y[moments ? 2 : 0], sum});
    }
  }

 private:
  static void check(inputs const& in) {
    for (auto const i : {std::size_t{gamma}, std::size_t{bias}}) expect_bias(in, x, i);
    if (Centred) expect_bias(in, x, beta);
    if (!in[x].shape || !in[skip].shape) return;
    auto const &s = in.shape(x), &of = in.shape(skip);
    bool const fits = of == s || (s.rank() == 3 && (of == shape{1, s[1], s[2]} || of == shape{s[1], s[2]}));
    if (!fits)
      fail(error_code::malformed_model, "the skipped connection has shape {}, expected {}, or that of one batch", of,
           s);
  }
};

/// EmbedLayerNormalization: the embeddings of words, positions and segments added up and normalised; how many words the
/// mask lets through; and the sum.
struct embed_layer_normalization {
  static constexpr op_schema schema{
      .name = "EmbedLayerNormalization", .domain = domain, .max_inputs = 9, .max_outputs = 3};
  enum : std::size_t { words, segments, word_table, position_table, segment_table, gamma, beta, mask, positions };
  struct attributes {
    float epsilon = 0;
  };

  static attributes parse(attribute_reader const& r) {
    require_inputs(r, {word_table, position_table, gamma, beta});
    if (auto const type = r.get<std::int64_t>("mask_index_type", 0); type != 0 && type != 1)
      fail(error_code::unsupported_feature, "the attribute 'mask_index_type' is {}, expected 0 or 1", type);
    if (r.has_input(segments) != r.has_input(segment_table))
      fail(error_code::malformed_model, "of segment_ids and segment_embedding one is given, expected both or none");
    return {.epsilon = r.get("epsilon", 1e-12f)};
  }

  static dtype element(inputs const& in, attributes const&, std::size_t output) {
    return output == 1 ? dtype::int32 : in.element(word_table);
  }
  static graph body(inputs const& in, attributes const& a) {
    check(in);
    body_builder b(in);
    auto const length = in.shape(words)[1];
    auto const places = in.has(positions)
                            ? b("Gather", {b.input(position_table), b.input(positions)})
                            : b("Slice", {b.input(position_table), b.integers({0}), b.integers({length})});
    auto sum = b.plus(b("Gather", {b.input(word_table), b.input(words)}), places);
    if (in.has(segments)) sum = b.plus(sum, b("Gather", {b.input(segment_table), b.input(segments)}));
    auto const y = b("LayerNormalization", {sum, b.input(gamma), b.input(beta)},
                     {{"axis", std::int64_t{-1}}, {"epsilon", a.epsilon}});
    return b.finish({y, counts(b, in), sum});
  }

 private:
  static void check(inputs const& in) {
    auto const& s = in.shape(words);
    if (s.rank() != 2) fail(error_code::malformed_model, "the words have shape {}, expected batch x length", s);
    for (auto const i : {std::size_t{segments}, std::size_t{mask}})
      if (in.has(i) && in.shape(i) != s)
        fail(error_code::malformed_model, "the input {} has shape {}, expected {}", i, in.shape(i), s);
    if (in.has(positions) && in.shape(positions) != s && in.shape(positions) != shape{1, s[1]})
      fail(error_code::malformed_model, "the positions have shape {}, expected {} or 1x{}", in.shape(positions), s,
           s[1]);
    for (auto const i : {std::size_t{word_table}, std::size_t{position_table}, std::size_t{segment_table}})
      if (in.has(i) && (in.shape(i).rank() != 2 || in.shape(i)[1] != in.shape(word_table)[1]))
        fail(error_code::malformed_model, "the input {} has shape {}, expected rows as long as those of {}", i,
             in.shape(i), in.shape(word_table));
    if (!in.has(positions) && in.shape(position_table)[0] < s[1])
      fail(error_code::malformed_model, "there are {} words and embeddings of {} positions", s[1],
           in.shape(position_table)[0]);
    for (auto const i : {std::size_t{gamma}, std::size_t{beta}}) expect_bias(in, word_table, i);
  }

  static value_id counts(body_builder& b, inputs const& in) {
    if (!in.has(mask)) return b.constant(any_tensor(dtype::int32, {in.shape(words)[0]}));
    auto const one = b("Equal", {b.input(mask), b.number(1, dtype::int32)});
    return b("ReduceSum", {b.cast(one, dtype::int32), b.integers({1})}, {{"keepdims", std::int64_t{0}}});
  }
};

}  // namespace sinter::microsoft

#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/ops/entry.hpp>

#include <array>
#include <cmath>
#include <vector>

namespace sinter {

/// LinearAttention: a state of d_k x d_v numbers for each head that every token decays, updates and reads.
/// https://onnx.ai/onnx/operators/onnx__LinearAttention.html
struct linear_attention {
  static constexpr op_schema schema{
      .name = "LinearAttention", .since = 27, .min_inputs = 3, .max_inputs = 6, .max_outputs = 2};
  struct attributes {
    std::int64_t query_heads = 1, heads = 1;
    double scale = 0;
    bool gated = false;  ///< the state decays
    bool delta = false;  ///< the state moves towards the value by an update rate
  };
  enum : std::size_t { query, key, value, past, decay, beta };

  static attributes parse(attribute_reader const& r) {
    static constexpr std::array<std::string_view, 4> rules{"linear", "gated", "delta", "gated_delta"};
    r.ignore("chunk_size");  // how others split the work
    auto const rule = r.choice("update_rule", "gated_delta", rules);
    attributes const a{.query_heads = r.require<std::int64_t>("q_num_heads"),
                       .heads = r.require<std::int64_t>("kv_num_heads"),
                       .scale = r.get("scale", 0.0f),
                       .gated = rule == 1 || rule == 3,
                       .delta = rule >= 2};
    if (a.heads < 1 || a.query_heads < 1 || a.query_heads % a.heads != 0)
      fail(error_code::malformed_model, "there are {} heads of queries for {} of keys and values, expected a multiple",
           a.query_heads, a.heads);
    if (a.gated != r.has_input(decay) || a.delta != r.has_input(beta))
      fail(error_code::malformed_model, "the update rule '{}' takes {}decay and {}beta", rules[rule],
           a.gated ? "" : "no ", a.delta ? "" : "no ");
    return a;
  }

  /// Extents of a call.
  struct sizes {
    std::int64_t batch = 0, time = 0, keys = 0, values = 0;
  };
  static sizes sizes_of(shape const& q, shape const& k, shape const& v, attributes const& a) {
    if (q.rank() != 3 || k.rank() != 3 || v.rank() != 3 || k[0] != q[0] || v[0] != q[0] || k[1] != q[1] ||
        v[1] != q[1] || q[2] % a.query_heads != 0 || k[2] % a.heads != 0 || v[2] % a.heads != 0 ||
        q[2] / a.query_heads != k[2] / a.heads)
      fail(error_code::malformed_model,
           "query, key and value have shapes {}, {} and {}, expected BxTx{}*K, BxTx{}*K and BxTx{}*V", q, k, v,
           a.query_heads, a.heads, a.heads);
    return {q[0], q[1], k[2] / a.heads, v[2] / a.heads};
  }
  /// Numbers of an input for each token and head; its shape is checked.
  static std::int64_t width(shape const& s, sizes const& z, std::int64_t heads, std::int64_t most, char const* what) {
    if (s.rank() == 3 && s[0] == z.batch && s[1] == z.time &&
        (s[2] == heads || s[2] == checked_mul(heads, most) || s[2] == 1))
      return s[2];
    fail(error_code::malformed_model, "the {} has shape {}, expected {}x{}x{}", what, s, z.batch, z.time, heads);
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const z = sizes_of(in.shape(query), in.shape(key), in.shape(value), a);
    shape const state{z.batch, a.heads, z.keys, z.values};
    if (in.has(past) && in.shape(past) != state)
      fail(error_code::malformed_model, "the past state has shape {}, expected {}", in.shape(past), state);
    if (in.has(decay)) width(in.shape(decay), z, a.heads, z.keys, "decay");
    if (in.has(beta)) width(in.shape(beta), z, a.heads, 1, "beta");
    return {{in.element(query), shape{z.batch, z.time, checked_mul(a.query_heads, z.values)}},
            {in.element(in.has(past) ? std::size_t{past} : std::size_t{query}), state}};
  }
  static dtype element(inputs const& in, attributes const&, std::size_t output) {
    return in.element(output == 1 && in.has(past) ? std::size_t{past} : std::size_t{query});
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const z = sizes_of(in[query].shape, in[key].shape, in[value].shape, a);
    for (std::int64_t b = 0; b < z.batch; ++b)
      for (std::int64_t h = 0; h < a.heads; ++h) head(in, out, a, z, b, h);
  }

 private:
  static double at(tensor_view v, std::int64_t i) { return load<double>(v.type, v.data, static_cast<std::size_t>(i)); }

  static void head(input_views in, output_views out, attributes const& a, sizes const& z, std::int64_t b,
                   std::int64_t h) {
    auto const size = z.keys * z.values, first = (b * a.heads + h) * size;
    std::vector<double> state(static_cast<std::size_t>(size));
    if (in.size() > past && in[past])
      load_run<double>(in[past].type, in[past].data, static_cast<std::size_t>(first), 1, state.size(), state.data());
    for (std::int64_t t = 0; t < z.time; ++t) {
      auto const token = b * z.time + t;
      update(in, a, z, token, h, state);
      if (out[0]) read(in[query], out[0], a, z, token, h, state);
    }
    if (out.size() > 1 && out[1])
      store_run<double>(out[1].type, out[1].data, static_cast<std::size_t>(first), state.size(), state.data());
  }

  static void update(input_views in, attributes const& a, sizes const& z, std::int64_t token, std::int64_t h,
                     std::vector<double>& state) {
    auto const row = [&](std::int64_t i) { return state.data() + i * z.values; };
    auto const k = [&](std::int64_t i) { return at(in[key], (token * a.heads + h) * z.keys + i); };
    auto const v = [&](std::int64_t j) { return at(in[value], (token * a.heads + h) * z.values + j); };
    for (std::int64_t i = 0; a.gated && i < z.keys; ++i) {
      auto const wide = in[decay].shape[2];
      auto const place = wide == a.heads * z.keys ? h * z.keys + i : wide == a.heads ? h : 0;
      auto const factor = std::exp(at(in[decay], token * wide + place));
      for (std::int64_t j = 0; j < z.values; ++j) row(i)[j] *= factor;
    }
    double rate = 1;
    if (a.delta) rate = at(in[beta], token * in[beta].shape[2] + (in[beta].shape[2] == a.heads ? h : 0));
    for (std::int64_t j = 0; j < z.values; ++j) {
      auto target = v(j);
      for (std::int64_t i = 0; a.delta && i < z.keys; ++i) target -= row(i)[j] * k(i);
      for (std::int64_t i = 0; i < z.keys; ++i) row(i)[j] += rate * k(i) * target;
    }
  }

  static void read(tensor_view q, mutable_tensor_view y, attributes const& a, sizes const& z, std::int64_t token,
                   std::int64_t h, std::vector<double> const& state) {
    auto const group = a.query_heads / a.heads;
    auto const scale = a.scale == 0 ? 1 / std::sqrt(static_cast<double>(z.keys)) : a.scale;
    for (auto n = h * group; n < (h + 1) * group; ++n)
      for (std::int64_t j = 0; j < z.values; ++j) {
        double sum = 0;
        for (std::int64_t i = 0; i < z.keys; ++i)
          sum += at(q, (token * a.query_heads + n) * z.keys + i) * state[static_cast<std::size_t>(i * z.values + j)];
        store<double>(y.type, y.data, static_cast<std::size_t>((token * a.query_heads + n) * z.values + j),
                      scale * sum);
      }
  }
};

}  // namespace sinter

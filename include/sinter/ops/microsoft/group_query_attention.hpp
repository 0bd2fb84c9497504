#pragma once

#include <sinter/ops/axes.hpp>
#include <sinter/ops/microsoft/bias_activation.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace sinter::microsoft {

/// GroupQueryAttention: causal attention whose heads of keys and values serve several of queries, with a cache,
/// rotation of queries and keys, a window, a cap and a sink of the scores.
struct group_query_attention {
  static constexpr op_schema schema{
      .name = "GroupQueryAttention", .domain = domain, .min_inputs = 1, .max_inputs = 17, .max_outputs = 3};
  enum : std::size_t {
    query,
    key,
    value,
    past_key,
    past_value,
    last_keys,  ///< of each batch, the position of its last key
    total_length,
    cosines,
    sines,
    position,
    score_bias,
    sinks,
    first_unsupported
  };
  struct attributes {
    std::int64_t heads = 0, key_heads = 0, window = -1;
    double scale = 0, softcap = 0;
    bool rotates = false, interleaved = false, causal = true, smooth = false;
  };

  static attributes parse(attribute_reader const& r) {
    refuse_what_is_not_supported(r);
    attributes const a{.heads = r.require<std::int64_t>("num_heads"),
                       .key_heads = r.require<std::int64_t>("kv_num_heads"),
                       .window = r.get<std::int64_t>("local_window_size", -1),
                       .scale = static_cast<double>(r.get("scale", 0.0f)),
                       .softcap = static_cast<double>(r.get("softcap", 0.0f)),
                       .rotates = r.get("do_rotary", false),
                       .interleaved = r.get("rotary_interleaved", false),
                       .causal = r.get("causal", true),
                       .smooth = r.get<std::int64_t>("smooth_softmax", -1) > 0};
    if (a.heads < 1 || a.key_heads < 1 || a.heads % a.key_heads != 0)
      fail(error_code::malformed_model, "there are {} heads of queries and {} of keys, expected a multiple", a.heads,
           a.key_heads);
    if (a.window < -1 || a.window == 0)
      fail(error_code::malformed_model, "'local_window_size' is {}, expected -1 or more than 0", a.window);
    if (!a.causal && a.window > 0)
      fail(error_code::unsupported_feature, "'causal' is 0 and 'local_window_size' {}", a.window);
    return a;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const e = extents_of(in, a);
    auto const length = in.integers(total_length);
    auto const y = tensor_type{in.element(query), shape{e.batch, e.queries, a.heads * e.size}};
    if (!length) return {y, unknown_shape(in.element(query)), unknown_shape(in.element(query))};
    shape const present{e.batch, a.key_heads, std::max(e.past, (*length)[0]), e.size};
    return {y, {in.element(query), present}, {in.element(query), present}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) { computation(in, a).run(in, out); }

 private:
  struct extents {
    std::int64_t batch = 0, queries = 0, size = 0, past = 0;
    bool packed = false;  ///< keys and values follow the queries
  };

  static void refuse_what_is_not_supported(attribute_reader const& r) {
    for (auto const name : {"sliding_window_cache", "qk_output", "kv_cache_bit_width"})
      if (r.get<std::int64_t>(name, 0) != 0) fail(error_code::unsupported_feature, "the attribute '{}' is not 0", name);
    for (auto const name : {"k_quant_type", "v_quant_type"})
      if (r.get<std::string>(name, "NONE") != "NONE")
        fail(error_code::unsupported_feature, "the attribute '{}' is not NONE", name);
    for (auto const name : {"qk_norm_epsilon", "q_norm_epsilon", "k_norm_epsilon"}) r.ignore(name);  // of inputs below
    for (std::size_t i = first_unsupported; i < schema.max_inputs; ++i)
      if (r.has_input(i))
        fail(error_code::unsupported_feature, "input {} is given (scales of the cache, norms or lengths of queries)",
             i);
    require_inputs(r, {last_keys, total_length});
    if (r.has_input(key) != r.has_input(value) || r.has_input(past_key) != r.has_input(past_value))
      fail(error_code::malformed_model, "of keys and values only one is given");
    if (r.get("do_rotary", false) && (!r.has_input(cosines) || !r.has_input(sines)))
      fail(error_code::malformed_model, "'do_rotary' is 1 and cosines or sines are not given");
  }

  static extents extents_of(inputs const& in, attributes const& a) {
    auto const& q = in.shape(query);
    expect_element(in, query, {dtype::float32, dtype::float16, dtype::bfloat16});
    for (auto const i : {std::size_t{key}, std::size_t{value}, std::size_t{past_key}, std::size_t{past_value}})
      if (in.has(i) && in.element(i) != in.element(query))
        fail(error_code::malformed_model, "the input {} holds {}, expected {}", i, name(in.element(i)),
             name(in.element(query)));
    for (auto const i : {std::size_t{last_keys}, std::size_t{total_length}}) expect_element(in, i, {dtype::int32});
    if (q.rank() != 3) fail(error_code::malformed_model, "the queries have shape {}, expected rank 3", q);
    bool const packed = !in.has(key);
    auto const heads = packed ? checked_add(a.heads, checked_mul(std::int64_t{2}, a.key_heads)) : a.heads;
    if (q[2] % heads != 0)
      fail(error_code::malformed_model, "the queries have shape {}, whose last dimension {} heads do not divide", q,
           heads);
    extents e{.batch = q[0], .queries = q[1], .size = q[2] / heads, .past = 0, .packed = packed};
    for (auto const i : {std::size_t{key}, std::size_t{value}})
      if (in.has(i)) expect(in, i, shape{e.batch, e.queries, a.key_heads * e.size});
    if (in.has(past_key) && in.shape(past_key).rank() == 4) e.past = in.shape(past_key)[2];
    for (auto const i : {std::size_t{past_key}, std::size_t{past_value}})
      if (in.has(i)) expect(in, i, shape{e.batch, a.key_heads, e.past, e.size});
    if (static_cast<std::int64_t>(in.shape(last_keys).elements()) != e.batch || in.shape(total_length).elements() != 1)
      fail(error_code::malformed_model, "lengths have shapes {} and {}, expected {} and one element",
           in.shape(last_keys), in.shape(total_length), e.batch);
    if (in.has(position)) expect(in, position, shape{e.batch, e.queries});
    if (in.has(sinks)) expect(in, sinks, shape{a.heads});
    if (a.rotates) {
      auto const& c = in.shape(cosines);
      if (c.rank() != 2 || 2 * c[1] > e.size || in.shape(sines) != c)
        fail(error_code::malformed_model, "cosines and sines have shapes {} and {}, expected rows of up to {}", c,
             in.shape(sines), e.size / 2);
    }
    return e;
  }
  static void expect(inputs const& in, std::size_t i, shape const& wanted) {
    if (in.shape(i) != wanted)
      fail(error_code::malformed_model, "the input {} has shape {}, expected {}", i, in.shape(i), wanted);
  }

  /// One run, in double.
  class computation {
   public:
    computation(input_views in, attributes const& a) : a_(a) {
      std::vector<any_tensor> tensors;
      for (auto const& v : in)
        tensors.emplace_back(v.type, v.shape, std::shared_ptr<void const>(std::shared_ptr<void const>(), v.data));
      e_ = extents_of(inputs(operands_of(tensors)), a);
      total_ = integers_of(in[total_length])[0];
      present_ = std::max(e_.past, total_);
      scale_ = a.scale != 0 ? a.scale : 1 / std::sqrt(static_cast<double>(e_.size));
      if (in.size() > score_bias && in[score_bias]) {
        bias_ = numbers(in[score_bias]);
        bias_shape_ = in[score_bias].shape;
        shape const full{e_.batch, a.heads, e_.queries, total_};
        for (std::size_t i = 0; i < 4; ++i)
          if (bias_shape_.rank() != 4 || (bias_shape_[i] != full[i] && (i > 1 || bias_shape_[i] != 1)))
            fail(error_code::malformed_model, "the bias of scores has shape {}, expected {}", bias_shape_, full);
      }
      if (in.size() > sinks && in[sinks]) sinks_ = numbers(in[sinks]);
    }

    void run(input_views in, output_views out) {
      auto const keys = a_.key_heads * e_.size, row = a_.heads * e_.size;
      auto const all = numbers(in[query]);
      auto const width = e_.packed ? row + 2 * keys : row;
      auto q = columns(all, width, 0, row);
      auto k = e_.packed ? columns(all, width, row, keys) : numbers(in[key]);
      auto const v = e_.packed ? columns(all, width, row + keys, keys) : numbers(in[value]);
      find_pasts(in);
      if (a_.rotates) {
        rotate(in, q, a_.heads);
        rotate(in, k, a_.key_heads);
      }
      auto const all_keys = join(in, past_key, k), all_values = join(in, past_value, v);
      std::vector<double> y(static_cast<std::size_t>(e_.batch * e_.queries * row));
      for (std::int64_t b = 0; b < e_.batch; ++b)
        for (std::int64_t s = 0; s < e_.queries; ++s)
          for (std::int64_t h = 0; h < a_.heads; ++h) {
            auto const cached = (b * a_.key_heads + h / (a_.heads / a_.key_heads)) * present_ * e_.size;
            auto const at = (b * e_.queries + s) * row + h * e_.size;
            attend(b, h, s, q.data() + at, all_keys.data() + cached, all_values.data() + cached, y.data() + at);
          }
      write(y, out[0]);
      if (out.size() > 1 && out[1]) write(all_keys, out[1]);
      if (out.size() > 2 && out[2]) write(all_values, out[2]);
    }

   private:
    using vector = std::vector<double>;

    static vector numbers(tensor_view v) {
      vector to(v.elements());
      load_run<double>(v.type, v.data, 0, 1, to.size(), to.data());
      return to;
    }
    static void write(vector const& from, mutable_tensor_view to) {
      for (std::size_t i = 0; i < from.size(); ++i) store<double>(to.type, to.data, i, from[i]);
    }
    vector columns(vector const& all, std::int64_t width, std::int64_t first, std::int64_t count) const {
      vector part;
      for (std::int64_t row = 0; row < e_.batch * e_.queries; ++row)
        part.insert(part.end(), all.begin() + row * width + first, all.begin() + row * width + first + count);
      return part;
    }

    /// How many keys of each batch are past, and how many it has.
    void find_pasts(input_views in) {
      for (auto const last : integers_of(in[last_keys])) {
        auto const past = e_.queries == total_ ? 0 : last + 1 - e_.queries;
        if (last < 0 || last >= total_ || past < 0 || past > e_.past || past + e_.queries > present_)
          fail(error_code::malformed_model, "the last key of a batch is {}, of {} in all, {} of them past", last,
               total_, e_.past);
        pasts_.push_back(past);
        lengths_.push_back(last + 1);
      }
    }

    void rotate(input_views in, vector& x, std::int64_t heads) const {
      auto const c = numbers(in[cosines]), s = numbers(in[sines]);
      auto const rows = in[cosines].shape[0], half = in[cosines].shape[1];
      auto const given = in.size() > position && in[position] ? std::optional(integers_of(in[position])) : std::nullopt;
      for (std::int64_t place = 0; place < e_.batch * e_.queries; ++place) {
        auto const index = static_cast<std::size_t>(place);
        auto const at =
            given ? (*given)[index] : pasts_[static_cast<std::size_t>(place / e_.queries)] + place % e_.queries;
        if (at < 0 || at >= rows)
          fail(error_code::malformed_model, "a position is {}, there are cosines of {}", at, rows);
        for (std::int64_t h = 0; h < heads; ++h)
          for (std::int64_t i = 0; i < half; ++i) {
            auto* const pair = x.data() + (place * heads + h) * e_.size;
            auto &p = pair[a_.interleaved ? 2 * i : i], &r = pair[a_.interleaved ? 2 * i + 1 : half + i];
            auto const cosine = c[static_cast<std::size_t>(at * half + i)],
                       sine = s[static_cast<std::size_t>(at * half + i)];
            auto const turned = cosine * p - sine * r;
            r = sine * p + cosine * r;
            p = turned;
          }
      }
    }

    /// Past rows, then new ones, as batch x heads x present x size; zeros behind.
    vector join(input_views in, std::size_t past, vector const& now) const {
      auto const before = in.size() > past && in[past] ? numbers(in[past]) : vector();
      vector all(static_cast<std::size_t>(e_.batch * a_.key_heads * present_ * e_.size));
      for (std::int64_t b = 0; b < e_.batch; ++b)
        for (std::int64_t h = 0; h < a_.key_heads; ++h) {
          auto const kept = pasts_[static_cast<std::size_t>(b)];
          auto to = all.begin() + (b * a_.key_heads + h) * present_ * e_.size;
          to = std::copy_n(before.begin() + (b * a_.key_heads + h) * e_.past * e_.size, kept * e_.size, to);
          for (std::int64_t s = 0; s < e_.queries; ++s)
            to = std::copy_n(now.begin() + ((b * e_.queries + s) * a_.key_heads + h) * e_.size, e_.size, to);
        }
      return all;
    }

    double bias(std::int64_t b, std::int64_t h, std::int64_t s, std::int64_t k) const {
      if (bias_.empty()) return 0;
      auto const& of = bias_shape_;
      auto const matrix = (of[0] == 1 ? 0 : b) * of[1] + (of[1] == 1 ? 0 : h);
      return bias_[static_cast<std::size_t>((matrix * of[2] + s) * of[3] + k)];
    }

    void attend(std::int64_t b, std::int64_t h, std::int64_t s, double const* q, double const* keys,
                double const* values, double* y) const {
      auto const end = a_.causal ? pasts_[static_cast<std::size_t>(b)] + s + 1 : lengths_[static_cast<std::size_t>(b)];
      auto const first = a_.window > 0 ? std::max<std::int64_t>(0, end - a_.window) : 0;
      vector scores;
      auto greatest = -std::numeric_limits<double>::infinity();
      for (auto k = first; k < end; ++k) {
        double score = 0;
        for (std::int64_t i = 0; i < e_.size; ++i) score += q[i] * keys[k * e_.size + i];
        score *= scale_;
        if (a_.softcap != 0) score = a_.softcap * std::tanh(score / a_.softcap);
        scores.push_back(score + bias(b, h, s, k));
        greatest = std::max(greatest, scores.back());
      }
      double sum = 0;
      if (!sinks_.empty() || a_.smooth)
        sum = std::exp((sinks_.empty() ? 0 : sinks_[static_cast<std::size_t>(h)]) - greatest);
      for (auto& score : scores) sum += score = std::exp(score - greatest);
      for (std::int64_t i = 0; i < e_.size; ++i) {
        y[i] = 0;
        for (auto k = first; k < end; ++k)
          y[i] += scores[static_cast<std::size_t>(k - first)] / sum * values[k * e_.size + i];
      }
    }

    attributes const& a_;
    extents e_{};
    std::int64_t total_ = 0, present_ = 0;
    double scale_ = 1;
    std::vector<std::int64_t> pasts_{}, lengths_{};
    vector bias_{}, sinks_{};
    shape bias_shape_{};
  };
};

}  // namespace sinter::microsoft

#pragma once

#include <sinter/ops/attention.hpp>

namespace sinter {

/// RotaryEmbedding: pairs of a head's elements, turned by an angle that depends on their position.
/// https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html
struct rotary_embedding {
  static constexpr op_schema schema{.name = "RotaryEmbedding", .since = 23, .min_inputs = 3, .max_inputs = 4};
  struct attributes {
    std::int64_t heads = 0;
    std::int64_t size = 0;  ///< how many of a head's elements turn; 0: all
    bool interleaved = false;
  };

  static attributes parse(attribute_reader const& r) {
    return {.heads = r.get<std::int64_t>("num_heads", 0),
            .size = r.get<std::int64_t>("rotary_embedding_dim", 0),
            .interleaved = r.get("interleaved", false)};
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const l = head_layout::of(in.shape(0), a.heads, "num_heads");
    auto const half = turned(l, a) / 2;
    auto const expected = shape{l.batch, l.length, half};
    auto const& cache = in.shape(1);
    bool const fits = in.has(3) ? cache.rank() == 2 && cache[1] == half : cache == expected;
    if (in.shape(2) != cache || !fits)
      fail(error_code::malformed_model, "the caches have shapes {} and {}, expected {}", cache, in.shape(2),
           in.has(3) ? fmt::format("positions x {}", half) : to_string(expected));
    if (in.has(3) && in.shape(3) != shape{l.batch, l.length})
      fail(error_code::malformed_model, "the positions have shape {}, expected {}x{}", in.shape(3), l.batch, l.length);
    return {in[0]};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const l = head_layout::of(in[0].shape, a.heads, "num_heads");
    auto const count = turned(l, a), half = count / 2;
    auto const positions = in.size() > 3 && in[3] ? integers_of(in[3]) : std::vector<std::int64_t>{};
    for (auto const p : positions)
      if (p < 0 || p >= in[1].shape[0])
        fail(error_code::malformed_model, "a position is {}, expected 0 to {}", p, in[1].shape[0] - 1);
    visit_floating(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]), cosines(in[1]), sines(in[2]);
      kernels::staged_output<T> y(out[0]);
      std::copy_n(x.data(), in[0].elements(), y.data());
      for (std::int64_t b = 0; b < l.batch; ++b)
        for (std::int64_t i = 0; i < l.length; ++i) {
          auto const place = b * l.length + i;
          auto const angle = (positions.empty() ? place : positions[static_cast<std::size_t>(place)]) * half;
          for (std::int64_t h = 0; h < l.heads; ++h) {
            auto const row = l.row(b, h, i);
            for (std::int64_t k = 0; k < half; ++k) {
              auto const p = row + (a.interleaved ? 2 * k : k), q = row + (a.interleaved ? 2 * k + 1 : half + k);
              auto const cosine = cosines[angle + k], sine = sines[angle + k];
              y[p] = cosine * x[p] - sine * x[q];
              y[q] = sine * x[p] + cosine * x[q];
            }
          }
        }
    });
  }

 private:
  static std::int64_t turned(head_layout const& l, attributes const& a) {
    auto const size = a.size == 0 ? l.size : a.size;
    if (size < 0 || size > l.size || size % 2 != 0)
      fail(error_code::malformed_model, "the attribute 'rotary_embedding_dim' is {}, expected an even number up to {}",
           size, l.size);
    return size;
  }
};

}  // namespace sinter

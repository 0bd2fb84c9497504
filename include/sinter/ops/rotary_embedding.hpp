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
    auto const l = layout_of_heads(in.shape(0), a.heads, "num_heads");
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

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const l = layout_of_heads(in.shape(0), a.heads, "num_heads");
    kernel_call call{.kernel = {kernels::rotate_pairs, "rotate_pairs", "attention.hpp"}, .may_fail = in.has(3)};
    append(call.integers, l);
    call.integers.insert(call.integers.end(), {turned(l, a) / 2, a.interleaved});
    return call;
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

#pragma once

#include <sinter/kernels/normalization.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// LayerNormalization and RMSNormalization: everything from an axis on is normalised, then scaled and shifted.
/// https://onnx.ai/onnx/operators/onnx__LayerNormalization.html
template <bool Centred>
struct normalization_from_axis {
  static constexpr op_schema schema{.name = Centred ? "LayerNormalization" : "RMSNormalization",
                                    .since = Centred ? 17 : 23,
                                    .min_inputs = 2,
                                    .max_inputs = Centred ? 3 : 2,
                                    .max_outputs = Centred ? 3 : 1};
  struct attributes {
    std::int64_t axis = -1;
    float epsilon = 1e-5f;
    dtype moments_type = dtype::float32;
  };

  static attributes parse(attribute_reader const& r) {
    auto const stash = r.get<std::int64_t>("stash_type", 1);
    if (stash < 0 || stash >= dtype_count || !is_floating(static_cast<dtype>(stash)))
      fail(error_code::malformed_model, "the attribute 'stash_type' is {}, expected a float type", stash);
    return {.axis = r.get<std::int64_t>("axis", -1),
            .epsilon = r.get("epsilon", 1e-5f),
            .moments_type = static_cast<dtype>(stash)};
  }

  static types infer(inputs const& in, attributes const& a) {
    auto moments = in.shape(0);
    for (std::size_t i = normalize_axis(a.axis, moments.rank()); i < moments.rank(); ++i) moments[i] = 1;
    for (std::size_t i = 1; i < 3; ++i)
      if (in.has(i) && broadcast(in.shape(i), in.shape(0)) != in.shape(0))
        fail(error_code::malformed_model, "the input {} has shape {}, which does not broadcast to {}", i, in.shape(i),
             in.shape(0));
    return {in[0], {a.moments_type, moments}, {a.moments_type, moments}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[0].shape;
    auto const axis = normalize_axis(a.axis, s.rank());
    auto const rows = static_cast<std::int64_t>(s.elements(0, axis));
    auto const count = static_cast<std::int64_t>(s.elements(axis, s.rank()));
    shape const row(s.span().subspan(axis));
    visit_floating(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]);
      kernels::staged_output<T> y(out[0]);
      factors<T> const scale(in[1], s, row), bias(in.size() > 2 ? in[2] : tensor_view{}, s, row);
      for (std::int64_t r = 0; r < rows; ++r) {
        auto const m = kernels::moments_of(x + r * count, count, Centred);
        auto const inverse = kernels::inverse_deviation(m, double{a.epsilon});
        auto const factor = static_cast<T>(inverse), mean = static_cast<T>(m.mean);
        auto const *f = scale.row(r, count), *b = bias.row(r, count);
        for (std::int64_t i = 0; i < count; ++i)
          y[r * count + i] = rounded<T>(out[0].type, (x[r * count + i] - mean) * factor) * f[i] + (b ? b[i] : T{});
        if (out.size() > 1 && out[1]) store<T>(out[1].type, out[1].data, static_cast<std::size_t>(r), mean);
        if (out.size() > 2 && out[2]) store<T>(out[2].type, out[2].data, static_cast<std::size_t>(r), factor);
      }
    });
  }

 private:
  /// The value as the element type holds it: the specification casts before it scales.
  template <typename T>
  static T rounded(dtype type, T value) {
    if (type == dtype_of<T>) return value;
    std::uint64_t bits = 0;
    store<T>(type, &bits, 0, value);
    return load<T>(type, &bits, 0);
  }

  /// A scale or bias: the same for all rows where its shape allows, else broadcast to the whole input.
  template <typename T>
  struct factors {
    factors(tensor_view v, shape const& all, shape const& one) {
      if (!v) return;
      bool fits = true;
      for (std::size_t i = 0; i + one.rank() < v.shape.rank(); ++i) fits = fits && v.shape[i] == 1;
      repeats = fits;
      auto squeezed = v;
      while (fits && squeezed.shape.rank() > one.rank()) squeezed.shape.erase(0);
      values = kernels::broadcast_elements<T>(squeezed, fits ? one : all);
    }
    T const* row(std::int64_t r, std::int64_t count) const {
      return values.empty() ? nullptr : values.data() + (repeats ? 0 : r * count);
    }
    std::vector<T> values{};
    bool repeats = true;
  };
};

using layer_normalization = normalization_from_axis<true>;
using rms_normalization = normalization_from_axis<false>;

}  // namespace sinter

#pragma once

#include <sinter/kernels/normalization.hpp>
#include <sinter/ops/cast.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/window.hpp>

namespace sinter {

/// InstanceNormalization and GroupNormalization: each image's channels are normalised by themselves, or in groups.
/// https://onnx.ai/onnx/operators/onnx__GroupNormalization.html
template <bool Grouped>
struct normalization_by_image {
  static constexpr op_schema schema{.name = Grouped ? "GroupNormalization" : "InstanceNormalization",
                                    .since = Grouped ? 18 : 1,
                                    .min_inputs = 3,
                                    .max_inputs = 3};
  struct attributes {
    float epsilon = 1e-5f;
    std::int64_t groups = 0;       ///< 0: one for each channel
    bool scale_per_group = false;  ///< below version 21
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.epsilon = r.get("epsilon", 1e-5f), .groups = 0, .scale_per_group = Grouped && r.version() < 21};
    if constexpr (Grouped) {
      a.groups = r.require<std::int64_t>("num_groups");
      check_range("num_groups", {a.groups}, 1);
      parse_stash_type(r);  // the kernel computes in float or, for double, in double
    }
    return a;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const& x = in.shape(0);
    if (x.rank() < 2) fail(error_code::malformed_model, "the input has shape {}, expected NxC or more dimensions", x);
    if (a.groups > 0 && x[1] % a.groups != 0)
      fail(error_code::malformed_model, "the attribute 'num_groups' is {}, expected a divisor of the {} channels",
           a.groups, x[1]);
    auto const expected = shape{a.scale_per_group ? a.groups : x[1]};
    for (std::size_t i = 1; i < 3; ++i)
      if (in.shape(i) != expected)
        fail(error_code::malformed_model, "the input {} has shape {}, expected {}", i, in.shape(i), expected);
    return {in[0]};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    return {.kernel = {kernels::normalize_groups, "normalize_groups", "normalization.hpp"},
            .integers = {a.groups > 0 ? a.groups : in.shape(0)[1], a.scale_per_group},
            .reals = {static_cast<double>(a.epsilon)}};
  }
};

using instance_normalization = normalization_by_image<false>;
using group_normalization = normalization_by_image<true>;

}  // namespace sinter

#pragma once

#include <sinter/kernels/copy.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// ReverseSequence: reverses the first `sequence_lens[b]` steps of each batch entry.
/// https://onnx.ai/onnx/operators/onnx__ReverseSequence.html
struct reverse_sequence {
  static constexpr op_schema schema{.name = "ReverseSequence", .since = 10, .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    bool time_first = true;
  };

  static attributes parse(attribute_reader const& r) {
    auto const batch = r.get<std::int64_t>("batch_axis", 1), time = r.get<std::int64_t>("time_axis", 0);
    if (!(batch == 0 && time == 1) && !(batch == 1 && time == 0))
      fail(error_code::malformed_model, "batch_axis and time_axis are {} and {}, expected 0 and 1", batch, time);
    return {.time_first = time == 0};
  }
  static types infer(inputs const& in, attributes const& a) {
    auto const& s = in.shape(0);
    if (s.rank() < 2 || in.shape(1) != shape{s[a.time_first ? 1 : 0]})
      fail(error_code::malformed_model, "lengths of shape {} are given for sequences of shape {}", in.shape(1), s);
    return {in[0]};
  }
  static kernel_call kernel(inputs const&, attributes const& a) {
    return {.kernel = {kernels::reverse_sequences, "reverse_sequences", "copy.hpp"},
            .integers = {a.time_first},
            .may_fail = true};
  }
};

}  // namespace sinter

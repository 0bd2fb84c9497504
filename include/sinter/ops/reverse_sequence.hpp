#pragma once

#include <sinter/kernels/movement.hpp>
#include <sinter/ops/axes.hpp>
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
  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[0].shape;
    auto const steps = s[a.time_first ? 0 : 1], batches = s[a.time_first ? 1 : 0];
    auto const inner = static_cast<std::int64_t>(s.elements(2, s.rank()));
    auto const step_stride = a.time_first ? batches * inner : inner,
               batch_stride = a.time_first ? inner : steps * inner;
    auto const lengths = integers_of(in[1]);
    for (std::int64_t batch = 0; batch < batches; ++batch) {
      auto const length = lengths[static_cast<std::size_t>(batch)];
      if (length < 0 || length > steps)
        fail(error_code::invalid_argument, "a sequence has the length {}, expected 0 to {}", length, steps);
      for (std::int64_t step = 0; step < steps; ++step) {
        auto const from = step < length ? length - 1 - step : step;
        copy_elements(in[0], batch * batch_stride + from * step_stride, out[0],
                      batch * batch_stride + step * step_stride, static_cast<std::size_t>(inner));
      }
    }
  }
};

}  // namespace sinter

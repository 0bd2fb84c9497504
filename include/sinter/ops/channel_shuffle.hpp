#pragma once

#include <sinter/ops/operator.hpp>

#include <cstdint>
#include <cstring>

namespace sinter {

/// sinter.ChannelShuffle: X [N,C,…]; the channels are split into `groups` equal runs, and output channel
/// c*groups + g is channel c of run g (the Reshape, Transpose, Reshape of ShuffleNet).
struct channel_shuffle {
  static constexpr op_schema schema{.name = "ChannelShuffle", .since = 1, .domain = "sinter", .max_inputs = 1};

  struct attributes {
    std::int64_t groups = 1;
  };

  static attributes parse(attribute_reader const& r) { return {.groups = r.require<std::int64_t>("groups")}; }

  static types infer(inputs const& in, attributes const& a) {
    auto const& x = in.shape(0);
    if (x.rank() < 2 || a.groups < 1 || x[1] % a.groups != 0)
      fail(error_code::malformed_model, "the channels of a tensor of shape {} do not form {} groups", x, a.groups);
    return {in[0]};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& x = in[0];
    auto const channels = x.shape[1], run = channels / a.groups;
    auto const plane = x.shape.elements(2, x.shape.rank()) * size_of(x.type);
    auto const* from = static_cast<std::byte const*>(x.data);
    auto* to = static_cast<std::byte*>(out[0].data);
    for (std::int64_t image = 0; image < x.shape[0]; ++image)
      for (std::int64_t channel = 0; channel < channels; ++channel, to += plane) {
        auto const source = image * channels + channel % a.groups * run + channel / a.groups;
        std::memcpy(to, from + static_cast<std::size_t>(source) * plane, plane);
      }
  }
};

}  // namespace sinter

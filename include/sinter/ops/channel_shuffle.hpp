#pragma once

#include <sinter/ops/reshape.hpp>

#include <cstdint>

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

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const& s = in.shape(0);
    auto const run = s[1] / a.groups, plane = static_cast<std::int64_t>(s.elements(2, s.rank()));
    return move_call(0, {s[0], run, a.groups, plane}, {s[1] * plane, plane, run * plane, 1});
  }
};

}  // namespace sinter

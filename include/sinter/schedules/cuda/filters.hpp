#pragma once

#include <sinter/program/device_copy.hpp>
#include <sinter/schedules/cuda/operands.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

/// The filters of convolutions as kernels read them, [group][tap][channel][output channel]: packed where they are
/// known, else brought into order by a launch.
namespace sinter::detail::cuda {

/// Where a model has them: the extents of these four axes, and elements for one step of each.
struct filter_order {
  std::string_view name{};  ///< of the order, for keys
  device_sizes sizes{}, from{};
};

/// ONNX's [output channel][channel][tap], groups of output channels.
inline filter_order convolution_filters(std::int64_t groups, std::int64_t taps, std::int64_t c, std::int64_t f) {
  return {"convolution", {groups, taps, c, f}, {f * c * taps, 1, taps, c * taps}};
}
/// ONNX's [channel][output channel][tap], groups of channels.
inline filter_order transposed_filters(std::int64_t groups, std::int64_t taps, std::int64_t c, std::int64_t f) {
  return {"transposed", {groups, taps, c, f}, {c * f * taps, 1, f * taps, taps}};
}

inline packing pack_filters(operand_info const& w, filter_order const& order) {
  auto const bytes = static_cast<std::int64_t>(w.shape().elements() * sizeof(float));
  return {.key = fmt::format("cuda:{}:{}:{}", order.name, order.sizes[0], w.constant_key),
          .bytes = bytes,
          .fill = [t = *w.constant, sizes = order.sizes, from = order.from](std::byte* to) {
            auto* y = reinterpret_cast<float*>(to);
            auto const* const x = static_cast<float const*>(t.data());
            for (std::int64_t g = 0; g < sizes[0]; ++g)
              for (std::int64_t tap = 0; tap < sizes[1]; ++tap)
                for (std::int64_t c = 0; c < sizes[2]; ++c)
                  for (std::int64_t f = 0; f < sizes[3]; ++f)
                    *y++ = x[g * from[0] + tap * from[1] + c * from[2] + f * from[3]];
          }};
}

/// Where operand 1 of a node lies in that order, for the launch after those that there are.
inline address filters_in_order(fragment& f, scheduled_node const& n, filter_order order) {
  auto const& w = n.inputs[1];
  if (w.constant) return f.weight(pack_filters(w, order));
  auto const step = static_cast<std::int32_t>(f.launches.size());
  auto const bytes = static_cast<std::int64_t>(w.shape().elements() * sizeof(float));
  auto const place = f.temporary("filters in order", bytes, step, step + 1);
  auto to = row_major_strides(order.sizes);
  f.add(copy_call({.sizes = std::move(order.sizes),
                   .from = std::move(order.from),
                   .to = std::move(to),
                   .alignment = w.alignment}),
        {input_of(n, 1), place});
  return place;
}

}  // namespace sinter::detail::cuda

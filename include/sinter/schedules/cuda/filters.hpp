#pragma once

#include <sinter/program/device_copy.hpp>
#include <sinter/program/device_products.hpp>
#include <sinter/schedules/cuda/operands.hpp>
#include <sinter/schedules/rounded.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

/// The filters of convolutions as kernels read them, [group][tap][channel][output channel] or, of 16 bits, with output
/// channels outside: packed where they are known, else brought into order by a launch.
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

/// The order of tiles along k: [group][output channel][tap][channel].
inline filter_order along_k(filter_order order) {
  for (auto* numbers : {&order.sizes, &order.from})
    std::rotate(numbers->begin() + 1, numbers->end() - 1, numbers->end());
  return order;
}

inline packing pack_filters(operand_info const& w, filter_order const& order, dtype element) {
  auto const bytes = static_cast<std::int64_t>(w.shape().elements() * size_of(element));
  auto const groups = order.sizes[0];
  return {.key = fmt::format("cuda:{}:{}:{}:{}", order.name, name(element), groups, w.constant_key),
          .bytes = bytes,
          .fill = [t = *w.constant, sizes = order.sizes, from = order.from, element](std::byte* to) {
            write_elements(to, element, [&](auto const& put) {
              auto const* const x = static_cast<float const*>(t.data());
              for (std::int64_t a = 0; a < sizes[0]; ++a)
                for (std::int64_t b = 0; b < sizes[1]; ++b)
                  for (std::int64_t c = 0; c < sizes[2]; ++c)
                    for (std::int64_t d = 0; d < sizes[3]; ++d)
                      put(x[a * from[0] + b * from[1] + c * from[2] + d * from[3]]);
            });
          }};
}

/// Where operand 1 of a node lies in the order for factors of type `element`, for the launch after those that there
/// are.
inline address filters_in_order(fragment& f, scheduled_node const& n, filter_order order, dtype element) {
  auto const& w = n.inputs[1];
  if (b_along_k(element)) order = along_k(std::move(order));
  if (w.constant) return f.weight(pack_filters(w, order, element));
  auto const step = static_cast<std::int32_t>(f.launches.size());
  auto const bytes = static_cast<std::int64_t>(size_of(element));
  auto const place =
      f.temporary("filters in order", static_cast<std::int64_t>(w.shape().elements()) * bytes, step, step + 1);
  auto to = row_major_strides(order.sizes);
  f.add(copy_call({.sizes = std::move(order.sizes),
                   .from = std::move(order.from),
                   .to = std::move(to),
                   .bytes = bytes,
                   .alignment = w.alignment}),
        {input_of(n, 1), place});
  return place;
}

}  // namespace sinter::detail::cuda

#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/ops/conv.hpp>

#include <array>
#include <cmath>
#include <vector>

namespace sinter {

/// DeformConv: a convolution of planes whose taps are moved by offsets, and weighed by a mask.
/// https://onnx.ai/onnx/operators/onnx__DeformConv.html
struct deform_conv {
  static constexpr op_schema schema{.name = "DeformConv", .since = 19, .min_inputs = 3, .max_inputs = 5};
  enum : std::size_t { image, weight, offset, bias, mask };
  struct attributes {
    convolution_attributes conv{};
    std::int64_t offset_groups = 1;
  };

  static attributes parse(attribute_reader const& r) {
    attributes const a{.conv = parse_convolution(r), .offset_groups = r.get<std::int64_t>("offset_group", 1)};
    if (a.offset_groups < 1)
      fail(error_code::malformed_model, "the attribute 'offset_group' is {}, expected 1 or more", a.offset_groups);
    return a;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const &x = in.shape(image), &w = in.shape(weight);
    if (x.rank() != 4) fail(error_code::unsupported_feature, "the input has shape {}, expected NxCxHxW", x);
    auto const y = window_output(convolution_window(x, w, a.conv), x, w[0]);
    auto const taps = checked_mul(a.offset_groups, w[2] * w[3]);
    if (x[1] % a.offset_groups != 0 || in.shape(offset) != shape{x[0], 2 * taps, y[2], y[3]})
      fail(error_code::malformed_model, "the offsets have shape {}, expected {}x{}x{}x{}", in.shape(offset), x[0],
           2 * taps, y[2], y[3]);
    if (in.has(mask) && in.shape(mask) != shape{x[0], taps, y[2], y[3]})
      fail(error_code::malformed_model, "the mask has shape {}, expected {}x{}x{}x{}", in.shape(mask), x[0], taps, y[2],
           y[3]);
    check_vector(in, bias, w[0], "bias");
    return {{in.element(image), y}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const &x = in[image].shape, &w = in[weight].shape, &y = out[0].shape;
    auto const window = convolution_window(x, w, a.conv);
    auto const taps = w[2] * w[3], pixels = y[2] * y[3], per_group = w[0] / a.conv.groups;
    for (std::int64_t n = 0; n < x[0]; ++n)
      for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
        auto const column = sampled(in, a, window, n, pixel, pixels);
        for (std::int64_t m = 0; m < w[0]; ++m) {
          double sum = in.size() > bias && in[bias] ? at(in[bias], m) : 0;
          auto const* const from = column.data() + m / per_group * w[1] * taps;
          for (std::int64_t i = 0; i < w[1] * taps; ++i) sum += from[i] * at(in[weight], m * w[1] * taps + i);
          store<double>(out[0].type, out[0].data, static_cast<std::size_t>((n * w[0] + m) * pixels + pixel), sum);
        }
      }
  }

 private:
  static double at(tensor_view t, std::int64_t i) { return load<double>(t.type, t.data, static_cast<std::size_t>(i)); }

  /// What the taps of all channels see at one pixel of the output.
  static std::vector<double> sampled(input_views in, attributes const& a, kernels::window const& window, std::int64_t n,
                                     std::int64_t pixel, std::int64_t pixels) {
    auto const &x = in[image].shape, &w = in[weight].shape;
    auto const taps = w[2] * w[3], width = window.out[2];
    std::vector<double> column(static_cast<std::size_t>(x[1] * taps));
    for (std::int64_t c = 0; c < x[1]; ++c)
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        auto const group = n * a.offset_groups + c / (x[1] / a.offset_groups);
        auto const place = (group * taps + tap) * 2 * pixels + pixel;
        auto const row = static_cast<double>(window.position(1, pixel / width, tap / w[3])) + at(in[offset], place);
        auto const col =
            static_cast<double>(window.position(2, pixel % width, tap % w[3])) + at(in[offset], place + pixels);
        auto value = bilinear(in[image], (n * x[1] + c) * x[2] * x[3], row, col);
        if (in.size() > mask && in[mask]) value *= at(in[mask], (group * taps + tap) * pixels + pixel);
        column[static_cast<std::size_t>(c * taps + tap)] = value;
      }
    return column;
  }

  /// Between pixels of a plane; outside it is zero.
  static double bilinear(tensor_view x, std::int64_t plane, double row, double column) {
    auto const height = x.shape[2], width = x.shape[3];
    if (!(row > -1 && row < static_cast<double>(height) && column > -1 && column < static_cast<double>(width)))
      return 0;
    auto const top = std::floor(row), left = std::floor(column);
    double sum = 0;
    for (int down = 0; down < 2; ++down)
      for (int right = 0; right < 2; ++right) {
        auto const r = static_cast<std::int64_t>(top) + down, c = static_cast<std::int64_t>(left) + right;
        if (r < 0 || r >= height || c < 0 || c >= width) continue;
        auto const share = (down ? row - top : 1 - (row - top)) * (right ? column - left : 1 - (column - left));
        sum += share * at(x, plane + r * width + c);
      }
    return sum;
  }
};

}  // namespace sinter

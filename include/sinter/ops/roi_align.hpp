#pragma once

#include <sinter/kernels/staging.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/window.hpp>

#include <cmath>

namespace sinter {

/// RoiAlign: each region of interest, pooled to a fixed size from bilinear samples.
/// https://onnx.ai/onnx/operators/onnx__RoiAlign.html
struct roi_align {
  static constexpr op_schema schema{.name = "RoiAlign", .since = 10, .min_inputs = 3, .max_inputs = 3};
  struct attributes {
    std::int64_t height = 1, width = 1;
    std::int64_t samples = 0;  ///< in each direction of a bin; 0: as many as the bin has elements
    float scale = 1;
    bool max = false;
    bool half_pixel = true;
  };

  static attributes parse(attribute_reader const& r) {
    constexpr std::array<std::string_view, 2> modes{"avg", "max"}, pixels{"output_half_pixel", "half_pixel"};
    attributes const a{
        .height = r.get<std::int64_t>("output_height", 1),
        .width = r.get<std::int64_t>("output_width", 1),
        .samples = r.get<std::int64_t>("sampling_ratio", 0),
        .scale = r.get("spatial_scale", 1.0f),
        .max = r.choice("mode", "avg", modes) == 1,
        .half_pixel = r.choice("coordinate_transformation_mode", pixels[r.version() >= 16 ? 1 : 0], pixels) == 1};
    check_range("output_height", {a.height}, 1);
    check_range("output_width", {a.width}, 1);
    check_range("sampling_ratio", {a.samples}, 0);
    return a;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const &x = in.shape(0), &rois = in.shape(1);
    if (x.rank() != 4 || rois.rank() != 2 || rois[1] != 4 || in.shape(2) != shape{rois[0]})
      fail(error_code::malformed_model, "the inputs have shapes {}, {} and {}, expected NxCxHxW, Rx4 and R", x, rois,
           in.shape(2));
    return {{in.element(0), shape{rois[0], x[1], a.height, a.width}}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[0].shape;
    auto const batch = integers_of(in[2]);
    visit_floating(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]);
      kernels::staged_input<float> rois(in[1]);
      kernels::staged_output<T> y(out[0]);
      auto* to = y.data();
      for (std::size_t r = 0; r < batch.size(); ++r) {
        if (batch[r] < 0 || batch[r] >= s[0])
          fail(error_code::malformed_model, "a batch index is {}, expected 0 to {}", batch[r], s[0] - 1);
        for (std::int64_t c = 0; c < s[1]; ++c, to += a.height * a.width)
          pool(a, rois + 4 * r, {x + (batch[r] * s[1] + c) * s[2] * s[3], s[2], s[3]}, to);
      }
    });
  }

 private:
  template <typename T>
  struct plane {
    T const* data;
    std::int64_t height, width;
  };

  /// The four weighted neighbours of a position; all zero further than one element outside.
  template <typename T>
  static std::array<T, 4> neighbours(plane<T> const& p, double y, double x) {
    auto const h = static_cast<double>(p.height), w = static_cast<double>(p.width);
    if (!(y >= -1 && y <= h && x >= -1 && x <= w) || p.height == 0 || p.width == 0) return {};
    y = std::clamp(y, 0.0, h - 1);
    x = std::clamp(x, 0.0, w - 1);
    auto const y0 = static_cast<std::int64_t>(y), x0 = static_cast<std::int64_t>(x);
    auto const y1 = std::min(y0 + 1, p.height - 1), x1 = std::min(x0 + 1, p.width - 1);
    auto const fy = y - static_cast<double>(y0), fx = x - static_cast<double>(x0);
    auto const at = [&](std::int64_t i, std::int64_t j, double weight) {
      return static_cast<T>(weight) * p.data[i * p.width + j];
    };
    return {at(y0, x0, (1 - fy) * (1 - fx)), at(y0, x1, (1 - fy) * fx), at(y1, x0, fy * (1 - fx)), at(y1, x1, fy * fx)};
  }

  /// All bins of one region in one plane. `max` takes the greatest weighted neighbour, as the specification's reference
  /// does.
  template <typename T>
  static void pool(attributes const& a, float const* roi, plane<T> const& p, T* to) {
    double const shift = a.half_pixel ? 0.5 : 0, scale = static_cast<double>(a.scale);
    auto const left = roi[0] * scale - shift, top = roi[1] * scale - shift;
    auto width = roi[2] * scale - shift - left, height = roi[3] * scale - shift - top;
    if (!a.half_pixel) {
      width = std::max(width, 1.0);
      height = std::max(height, 1.0);
    }
    auto const bin_h = height / static_cast<double>(a.height), bin_w = width / static_cast<double>(a.width);
    auto const count = [&](double bin) {
      if (a.samples > 0) return a.samples;
      if (!(bin < 1e6)) fail(error_code::limit_exceeded, "a region of interest spans {} elements a bin", bin);
      return std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(bin)));
    };
    auto const ny = count(bin_h), nx = count(bin_w);
    auto const position = [](double begin, double bin, std::int64_t i, std::int64_t k, std::int64_t n) {
      return begin + bin * (static_cast<double>(i) + (static_cast<double>(k) + 0.5) / static_cast<double>(n));
    };
    for (std::int64_t i = 0; i < a.height; ++i)
      for (std::int64_t j = 0; j < a.width; ++j) {
        double sum = 0;
        T greatest{};
        for (std::int64_t ky = 0; ky < ny; ++ky)
          for (std::int64_t kx = 0; kx < nx; ++kx) {
            auto const v = neighbours(p, position(top, bin_h, i, ky, ny), position(left, bin_w, j, kx, nx));
            sum += static_cast<double>(v[0] + v[1] + v[2] + v[3]);
            auto const most = std::ranges::max(v);
            greatest = ky == 0 && kx == 0 ? most : std::max(greatest, most);
          }
        auto const taken = static_cast<double>(std::max<std::int64_t>(ny * nx, 1));
        *to++ = a.max ? greatest : static_cast<T>(sum / taken);
      }
  }
};

}  // namespace sinter

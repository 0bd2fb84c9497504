#pragma once

#include <sinter/ops/axes.hpp>
#include <sinter/ops/microsoft/bias_activation.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace sinter::microsoft {

/// Inverse of square matrices. What a singular one gives is not finite.
struct inverse {
  static constexpr op_schema schema{.name = "Inverse", .domain = domain, .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    expect_element(in, 0, {dtype::float32, dtype::float64, dtype::float16});
    auto const& s = in.shape(0);
    if (s.rank() < 2 || s.back() != s[s.rank() - 2])
      fail(error_code::malformed_model, "the input has shape {}, expected square matrices", s);
    return {in[0]};
  }

  static void evaluate(input_views in, output_views out, attributes const&) {
    auto const n = static_cast<std::size_t>(in[0].shape.back());
    std::vector<double> rows(n * 2 * n);  // of the matrix, and of what becomes its inverse
    for (std::size_t first = 0; first < in[0].elements(); first += n * n) {
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) {
          rows[i * 2 * n + j] = load<double>(in[0].type, in[0].data, first + i * n + j);
          rows[i * 2 * n + n + j] = i == j;
        }
      eliminate(rows, n);
      for (std::size_t i = 0; i < n * n; ++i)
        store<double>(out[0].type, out[0].data, first + i, rows[i / n * 2 * n + n + i % n]);
    }
  }

 private:
  /// Gauss and Jordan, with the largest pivot of each column.
  static void eliminate(std::vector<double>& rows, std::size_t n) {
    auto const row = [&](std::size_t i) { return rows.begin() + static_cast<std::ptrdiff_t>(i * 2 * n); };
    auto const width = static_cast<std::ptrdiff_t>(2 * n);
    for (std::size_t column = 0; column < n; ++column) {
      auto const at = static_cast<std::ptrdiff_t>(column);
      auto pivot = column;
      for (auto i = column + 1; i < n; ++i)
        if (std::abs(row(i)[at]) > std::abs(row(pivot)[at])) pivot = i;
      if (pivot != column) std::swap_ranges(row(pivot), row(pivot) + width, row(column));
      auto const divisor = row(column)[at];
      for (std::ptrdiff_t j = 0; j < width; ++j) row(column)[j] /= divisor;
      for (std::size_t i = 0; i < n; ++i) {
        auto const factor = row(i)[at];
        if (i != column && factor != 0)
          for (std::ptrdiff_t j = 0; j < width; ++j) row(i)[j] -= factor * row(column)[j];
      }
    }
  }
};

/// CDist: distances of each row of A and each row of B.
struct cdist {
  static constexpr op_schema schema{.name = "CDist", .domain = domain, .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    bool squared = true;
  };

  static attributes parse(attribute_reader const& r) {
    auto const metric = r.get<std::string>("metric", "sqeuclidean");
    if (metric != "sqeuclidean" && metric != "euclidean")
      fail(error_code::unsupported_feature, "the attribute 'metric' is '{}', expected sqeuclidean or euclidean",
           metric);
    return {metric == "sqeuclidean"};
  }
  static types infer(inputs const& in, attributes const&) {
    expect_element(in, 0, {dtype::float32, dtype::float64});
    expect_element(in, 1, {in.element(0)});
    auto const &a = in.shape(0), &b = in.shape(1);
    if (a.rank() != 2 || b.rank() != 2 || a[1] != b[1])
      fail(error_code::malformed_model, "the inputs have shapes {} and {}, expected matrices with rows of one length",
           a, b);
    return {{in.element(0), shape{a[0], b[0]}}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const length = static_cast<std::size_t>(in[0].shape[1]), columns = static_cast<std::size_t>(in[1].shape[0]);
    auto const at = [&](std::size_t i, std::size_t place) { return load<double>(in[i].type, in[i].data, place); };
    for (std::size_t to = 0; to < out[0].elements(); ++to) {
      double sum = 0;
      for (std::size_t k = 0; k < length; ++k) {
        auto const d = at(0, to / columns * length + k) - at(1, to % columns * length + k);
        sum += d * d;
      }
      store<double>(out[0].type, out[0].data, to, a.squared ? sum : std::sqrt(sum));
    }
  }
};

/// CropAndResize: boxes of the images, in parts of their height and width, resized to one size.
struct crop_and_resize {
  static constexpr op_schema schema{.name = "CropAndResize", .domain = domain, .min_inputs = 4, .max_inputs = 4};
  enum : std::size_t { images, boxes, batches, size };
  struct attributes {
    bool nearest = false;
    double outside = 0;
  };

  static attributes parse(attribute_reader const& r) {
    auto const mode = r.get<std::string>("mode", "bilinear");
    if (mode != "bilinear" && mode != "nearest")
      fail(error_code::malformed_model, "the attribute 'mode' is '{}', expected bilinear or nearest", mode);
    return {mode == "nearest", static_cast<double>(r.get("extrapolation_value", 0.0f))};
  }

  static types infer(inputs const& in, attributes const&) {
    expect_element(in, images, {dtype::float32, dtype::float64, dtype::float16});
    expect_element(in, boxes, {in.element(images)});
    for (auto const i : {std::size_t{batches}, std::size_t{size}}) expect_element(in, i, {dtype::int32});
    auto const &x = in.shape(images), &b = in.shape(boxes);
    if (x.rank() != 4 || b.rank() != 2 || b[1] != 4 || in.shape(batches) != shape{b[0]} || in.shape(size) != shape{2})
      fail(error_code::malformed_model,
           "images, boxes, batches and size have shapes {}, {}, {} and {}, expected NxCxHxW, Rx4, R and 2", x, b,
           in.shape(batches), in.shape(size));
    auto const extents = in.integers(size);
    if (!extents) return {unknown_shape(in.element(images))};
    if ((*extents)[0] < 1 || (*extents)[1] < 1)
      fail(error_code::malformed_model, "the size is {}, expected more than 0", fmt::join(*extents, " x "));
    return {{in.element(images), shape{b[0], x[1], (*extents)[0], (*extents)[1]}}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& x = in[images].shape;
    auto const& y = out[0].shape;
    auto const of_batch = integers_of(in[batches]);
    std::size_t to = 0;
    for (std::int64_t box = 0; box < y[0]; ++box) {
      auto const batch = of_batch[static_cast<std::size_t>(box)];
      if (batch < 0 || batch >= x[0])
        fail(error_code::malformed_model, "a box is of image {}, there are {}", batch, x[0]);
      auto const corner = [&](std::int64_t i) {
        return load<double>(in[boxes].type, in[boxes].data, static_cast<std::size_t>(box * 4 + i));
      };
      for (std::int64_t c = 0; c < y[1]; ++c)
        for (std::int64_t i = 0; i < y[2]; ++i)
          for (std::int64_t j = 0; j < y[3]; ++j)
            store<double>(
                out[0].type, out[0].data, to++,
                sample(in[images], (batch * x[1] + c) * x[2] * x[3], place(corner(0), corner(2), x[2], i, y[2]),
                       place(corner(1), corner(3), x[3], j, y[3]), a));
    }
  }

 private:
  /// Where in an image of `extent` rows or columns number `i` of `count` lies.
  static double place(double from, double to, std::int64_t extent, std::int64_t i, std::int64_t count) {
    auto const last = static_cast<double>(extent - 1);
    if (count == 1) return 0.5 * (from + to) * last;
    return from * last + static_cast<double>(i) * (to - from) * last / static_cast<double>(count - 1);
  }

  static double sample(tensor_view image, std::int64_t plane, double row, double column, attributes const& a) {
    auto const height = image.shape[2], width = image.shape[3];
    bool const inside =
        row >= 0 && row <= static_cast<double>(height - 1) && column >= 0 && column <= static_cast<double>(width - 1);
    if (!inside) return a.outside;
    auto const at = [&](double r, double c) {
      return load<double>(
          image.type, image.data,
          static_cast<std::size_t>(plane + static_cast<std::int64_t>(r) * width + static_cast<std::int64_t>(c)));
    };
    if (a.nearest) return at(std::round(row), std::round(column));
    auto const top = std::floor(row), left = std::floor(column), bottom = std::ceil(row), right = std::ceil(column);
    auto const mix = [&](double r) { return at(r, left) + (at(r, right) - at(r, left)) * (column - left); };
    return mix(top) + (mix(bottom) - mix(top)) * (row - top);
  }
};

}  // namespace sinter::microsoft

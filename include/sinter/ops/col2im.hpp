#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/window.hpp>

#include <vector>

namespace sinter {

/// Col2Im: adds the columns of overlapping blocks to an image of any number of dimensions.
/// https://onnx.ai/onnx/operators/onnx__Col2Im.html
struct col2im {
  static constexpr op_schema schema{.name = "Col2Im", .since = 18, .min_inputs = 3, .max_inputs = 3};
  struct attributes {
    std::vector<std::int64_t> strides{}, dilations{}, pads{};
  };
  using numbers = std::vector<std::int64_t>;

  static attributes parse(attribute_reader const& r) {
    attributes a{.strides = r.get("strides", numbers()),
                 .dilations = r.get("dilations", numbers()),
                 .pads = r.get("pads", numbers())};
    check_range("strides", a.strides, 1);
    check_range("dilations", a.dilations, 1);
    check_range("pads", a.pads, 0);
    return a;
  }

  /// How blocks lie in the image.
  struct geometry {
    shape image{}, block{}, blocks{};
    numbers strides{}, dilations{}, pads{};
  };
  static geometry geometry_of(numbers const& image, numbers const& block, attributes const& a) {
    auto const rank = image.size();
    if (rank == 0 || block.size() != rank)
      fail(error_code::malformed_model, "image and block have {} and {} dimensions", rank, block.size());
    geometry g{.image = shape(std::span(image)), .block = shape(std::span(block)), .blocks = {}};
    auto const list = [](numbers const& given, std::size_t length, std::int64_t otherwise, char const* what) {
      if (given.empty()) return numbers(length, otherwise);
      if (given.size() != length)
        fail(error_code::malformed_model, "the attribute '{}' has {} entries, expected {}", what, given.size(), length);
      return given;
    };
    g.strides = list(a.strides, rank, 1, "strides");
    g.dilations = list(a.dilations, rank, 1, "dilations");
    g.pads = list(a.pads, 2 * rank, 0, "pads");
    check_range("image_shape", image, 0);
    check_range("block_shape", block, 1);
    for (std::size_t d = 0; d < rank; ++d) {
      auto const room = image[d] + g.pads[d] + g.pads[d + rank] - checked_mul(g.dilations[d], block[d] - 1) - 1;
      g.blocks.push_back(room < 0 ? 0 : room / g.strides[d] + 1);
    }
    return g;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const image = in.integers(1), block = in.integers(2);
    if (!image || !block) return {unknown_shape(in.element(0))};
    auto const g = geometry_of(*image, *block, a);
    auto const& x = in.shape(0);
    auto const size = static_cast<std::int64_t>(g.block.elements());
    if (x.rank() != 3 || x[1] % size != 0 || x[2] != static_cast<std::int64_t>(g.blocks.elements()))
      fail(error_code::malformed_model, "the columns have shape {}, expected N x C*{} x {}", x, size,
           g.blocks.elements());
    shape result{x[0], x[1] / size};
    for (auto const extent : *image) result.push_back(extent);
    return {{in.element(0), result}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const g = geometry_of(integers_of(in[1]), integers_of(in[2]), a);
    auto const size = g.block.elements(), count = g.blocks.elements(), plane = g.image.elements();
    auto const planes = plane ? out[0].elements() / plane : 0;
    std::vector<double> sums(plane);
    for (std::size_t p = 0; p < planes; ++p) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::size_t tap = 0; tap < size; ++tap)
        for (std::size_t b = 0; b < count; ++b)
          if (auto const at = place(g, tap, b); at >= 0)
            sums[static_cast<std::size_t>(at)] += load<double>(in[0].type, in[0].data, (p * size + tap) * count + b);
      store_run<double>(out[0].type, out[0].data, p * plane, plane, sums.data());
    }
  }

 private:
  /// Where an element of a block belongs in the image; -1: into the padding.
  static std::int64_t place(geometry const& g, std::size_t tap, std::size_t block) {
    std::int64_t at = 0, step = 1;
    auto const split = [](std::size_t& index, std::int64_t extent) {
      auto const rest = static_cast<std::int64_t>(index % static_cast<std::size_t>(extent));
      index /= static_cast<std::size_t>(extent);
      return rest;
    };
    for (auto d = g.image.rank(); d-- > 0;) {
      auto const position =
          split(block, g.blocks[d]) * g.strides[d] + split(tap, g.block[d]) * g.dilations[d] - g.pads[d];
      if (position < 0 || position >= g.image[d]) return -1;
      at += position * step;
      step *= g.image[d];
    }
    return at;
  }
};

}  // namespace sinter

#pragma once

#include <sinter/kernels/movement.hpp>
#include <sinter/ops/reshape.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace sinter {

enum class pad_mode : std::uint8_t { constant, reflect, edge, wrap };

/// The element of an axis of `extent` elements that position `at` shows, where 0 is its first element; -1: padding of
/// the mode `constant`.
inline std::int64_t padded_index(pad_mode mode, std::int64_t at, std::int64_t extent) {
  if (at >= 0 && at < extent) return at;
  auto const modulo = [](std::int64_t a, std::int64_t b) { return (a % b + b) % b; };
  switch (mode) {
    case pad_mode::edge: return at < 0 ? 0 : extent - 1;
    case pad_mode::wrap: return modulo(at, extent);
    case pad_mode::reflect: {
      if (extent == 1) return 0;
      auto const there_and_back = modulo(at, 2 * (extent - 1));
      return there_and_back < extent ? there_and_back : 2 * (extent - 1) - there_and_back;
    }
    default: return -1;
  }
}

/// out[i, j, …] = in[sources[0][i], sources[1][j], …], or the element at `fill` where one of the sources is -1.
inline void indexed_copy(tensor_view in, std::vector<std::vector<std::int64_t>> const& sources, void const* fill,
                         mutable_tensor_view out) {
  auto const rank = out.shape.rank();
  auto const strides = row_major_strides(in.shape);
  auto const row = rank ? static_cast<std::size_t>(out.shape.back()) : 1;
  auto const rows = out.elements() / std::max<std::size_t>(row, 1);
  visit_storage(in.type, [&]<typename T>() {
    auto const* x = static_cast<T const*>(in.data);
    auto* y = static_cast<T*>(out.data);
    auto const& empty = *static_cast<T const*>(fill);
    std::array<std::int64_t, max_rank> index{};
    for (std::size_t r = 0; r < rows; ++r, y += row) {
      std::int64_t offset = 0;
      bool outside = false;
      for (std::size_t axis = 0; axis + 1 < rank; ++axis) {
        auto const source = sources[axis][static_cast<std::size_t>(index[axis])];
        outside = outside || source < 0;
        offset += source * strides[axis];
      }
      for (std::size_t i = 0; i < row; ++i) {
        auto const source = rank ? sources[rank - 1][i] : 0;
        y[i] = outside || source < 0 ? empty : x[offset + source];
      }
      for (auto axis = rank; axis-- > 1;) {
        if (++index[axis - 1] < out.shape[axis - 1]) break;
        index[axis - 1] = 0;
      }
    }
  });
}

/// Pad: pads, value and axes are attributes before operator set 11 and inputs since; negative pads crop.
/// https://onnx.ai/onnx/operators/onnx__Pad.html
struct pad {
  static constexpr op_schema schema{.name = "Pad", .max_inputs = 4};
  struct attributes {
    pad_mode mode{};
    integers_source pads{};
    float value = 0;
  };

  static attributes parse(attribute_reader const& r) {
    auto const mode = r.get<std::string>("mode", "constant");
    constexpr std::string_view modes[] = {"constant", "reflect", "edge", "wrap"};
    auto const found = std::ranges::find(modes, mode);
    if (found == std::end(modes))
      fail(error_code::malformed_model, "mode is '{}', expected constant, reflect, edge or wrap", mode);
    return {.mode = static_cast<pad_mode>(found - std::begin(modes)),
            .pads = integers_source::parse(r, r.version() < 2 ? "paddings" : "pads", 11),
            .value = r.version() < 11 ? r.get("value", 0.0f) : 0.0f};
  }

  /// Elements added before and after each axis.
  struct amounts {
    std::vector<std::int64_t> before{};
    std::vector<std::int64_t> after{};
  };

  static amounts resolve(std::size_t rank, std::vector<std::int64_t> const& pads,
                         std::optional<std::vector<std::int64_t>> const& axes) {
    auto const count = axes ? axes->size() : rank;
    if (pads.size() != 2 * count)
      fail(error_code::malformed_model, "{} pads are given, expected {}", pads.size(), 2 * count);
    amounts a{std::vector<std::int64_t>(rank, 0), std::vector<std::int64_t>(rank, 0)};
    for (std::size_t i = 0; i < count; ++i) {
      auto const axis = axes ? normalize_axis((*axes)[i], rank) : i;
      a.before[axis] = pads[i];
      a.after[axis] = pads[count + i];
    }
    return a;
  }

  static types infer(inputs const& in, attributes const& a) {
    if (!a.pads.given(in, 1)) fail(error_code::malformed_model, "pads are not given");
    if (in.has(2) && (in.element(2) != in.element(0) || in.shape(2).elements() != 1))
      fail(error_code::malformed_model, "the padding value is {} {}, expected one {}", name(in.element(2)), in.shape(2),
           name(in.element(0)));
    auto const pads = a.pads.read(in, 1);
    auto const axes = in.has(3) ? in.integers(3) : std::nullopt;
    if (!pads || (in.has(3) && !axes)) return {unknown_shape(in.element(0))};
    auto result = in.shape(0);
    auto const added = resolve(result.rank(), *pads, axes);
    for (std::size_t i = 0; i < result.rank(); ++i) {
      auto const extent = checked_add(checked_add(result[i], added.before[i]), added.after[i]);
      if (extent < 0 || (result[i] == 0 && extent > 0 && a.mode != pad_mode::constant))
        fail(error_code::malformed_model, "dimension {} of {} cannot be padded by {} and {}", i, in.shape(0),
             added.before[i], added.after[i]);
      result[i] = extent;
    }
    return {{in.element(0), result}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[0].shape;
    auto const axes = integers_source{}.read(in, 3);
    auto const added = resolve(s.rank(), *a.pads.read(in, 1), axes);
    std::vector<std::vector<std::int64_t>> sources(s.rank());
    for (std::size_t i = 0; i < s.rank(); ++i)
      for (std::int64_t at = 0; at < out[0].shape[i]; ++at)
        sources[i].push_back(padded_index(a.mode, checked_sub(at, added.before[i]), s[i]));
    any_tensor fill(in[0].type, {});
    if (in.size() > 2 && in[2])
      copy_elements(in[2], 0, fill.mutable_view(), 0, 1);
    else if (in[0].type != dtype::string)
      store<float>(in[0].type, fill.data(), 0, a.value);
    indexed_copy(in[0], sources, fill.data(), out[0]);
  }
};

}  // namespace sinter

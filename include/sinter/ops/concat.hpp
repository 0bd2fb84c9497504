#pragma once

#include <sinter/kernels/copy.hpp>
#include <sinter/ops/reshape.hpp>

#include <optional>
#include <vector>

namespace sinter {

/// Concat   https://onnx.ai/onnx/operators/onnx__Concat.html
struct concat {
  static constexpr op_schema schema{.name = "Concat"};
  struct attributes {
    std::int64_t axis = 1;
  };

  static attributes parse(attribute_reader const& r) {
    return {.axis = r.version() < 4 ? r.get<std::int64_t>("axis", 1) : r.require<std::int64_t>("axis")};
  }

  static types infer(inputs const& in, attributes const& a) {
    auto result = in.shape(0);
    auto const axis = normalize_axis(a.axis, result.rank());
    for (std::size_t i = 1; i < in.size(); ++i) {
      auto const& s = in.shape(i);
      bool fits = s.rank() == result.rank() && in.element(i) == in.element(0);
      for (std::size_t k = 0; fits && k < s.rank(); ++k) fits = k == axis || s[k] == result[k];
      if (!fits)
        fail(error_code::malformed_model, "input {} is {} {}, it does not continue {} {} along axis {}", i,
             name(in.element(i)), s, name(in.element(0)), in.shape(0), axis);
      result[axis] = checked_add(result[axis], s[axis]);
    }
    return {{in.element(0), result}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const axis = normalize_axis(a.axis, in.shape(0).rank());
    return {.kernel = {kernels::concatenate, "concatenate", "copy.hpp"}, .integers = {static_cast<std::int64_t>(axis)}};
  }
};

/// Split: the sizes of the parts are an attribute before operator set 13, an input since; without them the parts are
/// equal, the last one smaller where they cannot be.   https://onnx.ai/onnx/operators/onnx__Split.html
struct split {
  static constexpr op_schema schema{.name = "Split", .max_inputs = 2, .max_outputs = 16384};
  struct attributes {
    std::int64_t axis = 0;
    integers_source sizes{};
    std::int64_t parts = 1;
    bool uneven = false;  ///< the last part may be smaller
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.axis = r.get<std::int64_t>("axis", 0),
                 .sizes = integers_source::parse(r, "split", 13),
                 .parts = static_cast<std::int64_t>(r.output_count()),
                 .uneven = r.has("num_outputs")};
    if (a.parts == 0) fail(error_code::malformed_model, "the node has no outputs");
    if (a.uneven && r.require<std::int64_t>("num_outputs") != a.parts)
      fail(error_code::malformed_model, "num_outputs is {}, the node has {} outputs",
           r.require<std::int64_t>("num_outputs"), a.parts);
    return a;
  }

  static std::vector<std::int64_t> equal_sizes(std::int64_t extent, attributes const& a) {
    if (!a.uneven && extent % a.parts != 0)
      fail(error_code::malformed_model, "a dimension of {} does not split into {} equal parts", extent, a.parts);
    auto const most = ceil_div(extent, a.parts);
    std::vector<std::int64_t> sizes;
    for (std::int64_t at = 0, i = 0; i < a.parts; ++i) {
      sizes.push_back(std::min(most, extent - at));
      at += sizes.back();
    }
    return sizes;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const& s = in.shape(0);
    auto const axis = normalize_axis(a.axis, s.rank());
    auto sizes = a.sizes.read(in, 1);
    if (!sizes) {
      if (a.sizes.given(in, 1)) return types(static_cast<std::size_t>(a.parts), unknown_shape(in.element(0)));
      sizes = equal_sizes(s[axis], a);
    }
    std::int64_t total = 0;
    types parts;
    for (auto const size : *sizes) {
      if (size < 0) fail(error_code::malformed_model, "a part has the size {}", size);
      total = checked_add(total, size);
      auto part = s;
      part[axis] = size;
      parts.push_back({in.element(0), part});
    }
    if (total != s[axis] || sizes->size() != static_cast<std::size_t>(a.parts))
      fail(error_code::malformed_model, "a dimension of {} with {} outputs cannot be split into {}", s[axis], a.parts,
           fmt::join(*sizes, "+"));
    return parts;
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const& s = in.shape(0);
    auto const axis = normalize_axis(a.axis, s.rank());
    auto const given = a.sizes.read(in, 1);
    if (!given && a.sizes.given(in, 1)) return {};
    auto numbers = given ? *given : equal_sizes(s[axis], a);
    numbers.insert(numbers.begin(), static_cast<std::int64_t>(axis));
    return {.kernel = {kernels::split, "split", "copy.hpp"}, .integers = std::move(numbers), .reads = 1};
  }
};

}  // namespace sinter

#pragma once

#include <sinter/ops/microsoft/bias_activation.hpp>

namespace sinter::microsoft {

/// Pad: as in ONNX; the pads may be a matrix of one row.
struct pad {
  static constexpr op_schema schema{.name = "Pad", .domain = domain, .min_inputs = 2, .max_inputs = 3};
  struct attributes {
    attribute_map mode{};
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) { return {r.pass_on({"mode"})}; }
  static graph body(inputs const& in, attributes const& a) {
    body_builder b(in);
    bool const is_row = in[1].shape && in.shape(1).rank() == 1;
    auto const pads = is_row ? b.input(1) : b.reshape(b.input(1), {-1});
    return b.finish({b("Pad", {b.input(0), pads, b.input(2)}, a.mode)});
  }
};

/// Unique: different elements in the order in which they come, for each element which it is, and how often each occurs.
struct unique {
  static constexpr op_schema schema{.name = "Unique", .domain = domain, .max_inputs = 1, .max_outputs = 3};
  using attributes = no_attributes;
  static constexpr bool infers_any_shape = true;

  static graph body(inputs const& in, attributes const&) {
    if (in[0].shape && in.shape(0).rank() != 1)
      fail(error_code::malformed_model, "the input has shape {}, expected rank 1", in.shape(0));
    body_builder b(in);
    auto const found = b.several(4, "Unique", {b.input(0)}, {{"sorted", std::int64_t{0}}});
    return b.finish({found[0], found[2], found[3]});
  }
};

/// ExpandDims: an axis of one element more.
struct expand_dims {
  static constexpr op_schema schema{.name = "ExpandDims", .domain = domain, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;
  static constexpr bool infers_any_shape = true;

  static graph body(inputs const& in, attributes const&) {
    expect_element(in, 1, {dtype::int32});
    body_builder b(in);
    auto const known = in.integers(1);
    if (known && known->size() != 1)
      fail(error_code::malformed_model, "the axis has {} elements, expected one", known->size());
    auto const axis = known ? b.integers(*known) : b.reshape(b.cast(b.input(1), dtype::int64), {1});
    return b.finish({b("Unsqueeze", {b.input(0), axis})});
  }
};

/// GatherND, as in ONNX without batches.
struct gather_nd {
  static constexpr op_schema schema{.name = "GatherND", .domain = domain, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;
  static constexpr bool infers_any_shape = true;

  static graph body(inputs const& in, attributes const&) {
    expect_element(in, 1, {dtype::int32, dtype::int64});
    body_builder b(in);
    return b.finish({b("GatherND", {b.input(0), b.cast(b.input(1), dtype::int64)})});
  }
};

/// Trilu, as in ONNX.
struct trilu {
  static constexpr op_schema schema{.name = "Trilu", .domain = domain, .max_inputs = 2};
  struct attributes {
    attribute_map upper{};
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) { return {r.pass_on({"upper"})}; }
  static graph body(inputs const& in, attributes const& a) {
    body_builder b(in);
    return b.finish({b("Trilu", {b.input(0), b.input(1)}, a.upper)});
  }
};

/// GridSample, as in ONNX at operator set 16.
struct grid_sample {
  static constexpr op_schema schema{.name = "GridSample", .domain = domain, .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    attribute_map how{};
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) { return {r.pass_on({"align_corners", "mode", "padding_mode"})}; }
  static graph body(inputs const& in, attributes const& a) {
    body_builder b(in);
    return b.finish({b("GridSample", {b.input(0), b.input(1)}, a.how, 16)});
  }
};

/// Range, as in ONNX; the step is 1 where it is omitted, and each input may be a vector of one element.
struct range {
  static constexpr op_schema schema{.name = "Range", .domain = domain, .min_inputs = 2, .max_inputs = 3};
  using attributes = no_attributes;
  static constexpr bool infers_any_shape = true;

  static graph body(inputs const& in, attributes const&) {
    body_builder b(in);
    auto const scalar = [&](std::size_t i) {
      if (!in.has(i)) return b.number(1, in.element(0));
      return in[i].shape && in.shape(i).empty() ? b.input(i) : b.reshape(b.input(i), {});
    };
    return b.finish({b("Range", {scalar(0), scalar(1), scalar(2)})});
  }
};

}  // namespace sinter::microsoft

#pragma once

#include <sinter/kernels/copy.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// sinter.Append: a tensor with room along `axis`, into which rows are written from index `at` on.
///
/// Inputs: the tensor, the rows (its shape, but for the axis), `at` (int64, one element). The output has the shape of
/// the first input. Where that is state (`port::appended`), the output has its memory too, and only the rows are
/// written: whoever reads the input may find them.
struct append_rows {
  static constexpr op_schema schema{.name = "Append", .since = 1, .domain = "sinter", .min_inputs = 3, .max_inputs = 3};
  static constexpr bool appends = true;
  struct attributes {
    std::int64_t axis = 0;
  };

  static attributes parse(attribute_reader const& r) { return {.axis = r.require<std::int64_t>("axis")}; }

  static types infer(inputs const& in, attributes const& a) {
    auto rows = in.shape(0);
    auto const axis = normalize_axis(a.axis, rows.rank());
    if (in.shape(1).rank() == rows.rank()) rows[axis] = std::min(rows[axis], in.shape(1)[axis]);
    if (in.shape(1) != rows || in.element(1) != in.element(0) || in.element(2) != dtype::int64 ||
        in.shape(2).elements() != 1)
      fail(error_code::malformed_model, "{} {} at an index {} {} does not fit into {} {}", name(in.element(1)),
           in.shape(1), name(in.element(2)), in.shape(2), name(in.element(0)), in.shape(0));
    return {in[0]};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const axis = normalize_axis(a.axis, in.shape(0).rank());
    return {.kernel = {kernels::write_rows, "write_rows", "copy.hpp"},
            .integers = {static_cast<std::int64_t>(axis)},
            .may_fail = true};
  }
};

}  // namespace sinter

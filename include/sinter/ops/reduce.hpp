#pragma once

#include <sinter/kernels/reduce.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <string_view>

namespace sinter {

using kernels::reduction;

struct reduce_attributes {
  std::vector<std::int64_t> axes{};
  bool keep = true;
  bool noop_when_empty = false;
};

/// The axes of a reduction: its attribute, or the second input; none means all, unless that is declared a no-op.
inline axis_set axes_of_reduction(reduce_attributes const& a, std::vector<std::int64_t> const& input,
                                  std::size_t rank) {
  auto const& axes = a.axes.empty() ? input : a.axes;
  if (axes.empty()) return a.noop_when_empty ? axis_set() : axis_set::all(rank);
  return {axes, rank};
}

constexpr std::string_view name_of(reduction kind) {
  constexpr std::string_view names[] = {"ReduceSum",       "ReduceMean",     "ReduceProd", "ReduceMax",
                                        "ReduceMin",       "ReduceL1",       "ReduceL2",   "ReduceLogSum",
                                        "ReduceLogSumExp", "ReduceSumSquare"};
  return names[static_cast<int>(kind)];
}

/// ReduceSum and its kin; up to 12 (ReduceSum) or 17 (others) the axes are an attribute, later an input.
/// https://onnx.ai/onnx/operators/onnx__ReduceSum.html
template <reduction Kind>
struct reduce {
  static constexpr op_schema schema{.name = name_of(Kind), .since = 1, .max_inputs = 2};
  using attributes = reduce_attributes;

  static attributes parse(attribute_reader const& r) {
    return {.axes = r.get("axes", std::vector<std::int64_t>{}),
            .keep = r.get("keepdims", true),
            .noop_when_empty = r.get("noop_with_empty_axes", false)};
  }

  static types infer(inputs const& in, attributes const& a) {
    std::vector<std::int64_t> axes;
    if (in.has(1)) {
      auto const known = in.integers(1);
      if (!known) return {unknown_shape(in.element(0))};
      axes = *known;
    }
    auto const set = axes_of_reduction(a, axes, in.shape(0).rank());
    return {{in.element(0), set.reduced(in.shape(0), a.keep)}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const& s = in.shape(0);
    std::vector<std::int64_t> axes;
    if (in.has(1)) {
      auto const known = in.integers(1);
      if (!known) return {};
      axes = *known;
    }
    auto const set = axes_of_reduction(a, axes, s.rank());
    constexpr std::string_view names[] = {
        "reduce<sinter::kernels::reduction::sum>",         "reduce<sinter::kernels::reduction::mean>",
        "reduce<sinter::kernels::reduction::product>",     "reduce<sinter::kernels::reduction::max>",
        "reduce<sinter::kernels::reduction::min>",         "reduce<sinter::kernels::reduction::l1>",
        "reduce<sinter::kernels::reduction::l2>",          "reduce<sinter::kernels::reduction::log_sum>",
        "reduce<sinter::kernels::reduction::log_sum_exp>", "reduce<sinter::kernels::reduction::sum_square>"};
    return {.kernel = {kernels::reduce<Kind>, names[static_cast<int>(Kind)], "reduce.hpp"},
            .integers = {set.bits(), set.elements(s)},
            .reads = 1};
  }
};

/// All reductions.
struct reduction_family {
  static constexpr auto entries =
      operator_list<reduce<reduction::sum>, reduce<reduction::mean>, reduce<reduction::product>, reduce<reduction::max>,
                    reduce<reduction::min>, reduce<reduction::l1>, reduce<reduction::l2>, reduce<reduction::log_sum>,
                    reduce<reduction::log_sum_exp>, reduce<reduction::sum_square>>::entries;
};

}  // namespace sinter

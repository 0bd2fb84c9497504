#pragma once

#include <sinter/expr/text.hpp>
#include <sinter/ops/epilogue.hpp>
#include <sinter/ops/matmul.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace sinter {

/// sinter.Gemm: matrix product with bias, followed by an elementwise epilogue.
///
/// Inputs A […,M,K], B ([K,N], or [N,K] if `trans_b`, or batched […,K,N]), bias [N] (may be omitted), then extras e1…:
/// each has the output's shape, or broadcasts to it along the last axis ([N], [1,N]) or as a scalar. Both operands have
/// at least two dimensions; batch dimensions broadcast. The attribute `epilogue` is as in sinter.Conv.
struct fused_gemm {
  static constexpr op_schema schema{.name = "Gemm", .since = 1, .domain = "sinter", .min_inputs = 2};

  struct attributes {
    bool trans_b = false;
    std::optional<expr::function> epilogue{};
  };

  static attributes parse(attribute_reader const& r) {
    return {.trans_b = r.get<std::int64_t>("trans_b", 0) != 0, .epilogue = read_epilogue(r)};
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const &left = in.shape(0), &right = in.shape(1);
    auto const rank_a = left.rank(), rank_b = right.rank();
    if (rank_a < 2 || rank_b < 2 || left.back() != right[rank_b - (a.trans_b ? 1 : 2)])
      fail(error_code::malformed_model, "matrices of shapes {} and {}{} cannot be multiplied", left, right,
           a.trans_b ? " (transposed)" : "");
    auto out = broadcast(shape(left.span().first(rank_a - 2)), shape(right.span().first(rank_b - 2)));
    out.push_back(left[rank_a - 2]);
    out.push_back(right[rank_b - (a.trans_b ? 2 : 1)]);
    return {{in.element(0), out}};
  }

  static kernel_call kernel(inputs const&, attributes const& a) {
    return with_epilogue({.kernel = {kernels::fused_products, "fused_products", "matmul.hpp"}, .integers = {a.trans_b}},
                         a.epilogue);
  }
};

}  // namespace sinter

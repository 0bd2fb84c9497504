#pragma once

#include <sinter/expr/text.hpp>
#include <sinter/ops/epilogue.hpp>
#include <sinter/ops/operator.hpp>

#include <cstdint>
#include <numeric>
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

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const right = a.trans_b ? transposed(in[1]) : any_tensor{};
    std::vector<tensor_view> operands{in[0], a.trans_b ? right.view() : in[1]};
    node const plain{.op = "MatMul", .version = 13, .inputs = {value_id{0}, value_id{1}}, .outputs = {value_id{2}}};
    bind(plain).evaluate(operands, out);
    if (in.size() > 2 && in[2]) {
      auto const sum = expr::flatten(expr::input(0) + expr::input(1), 2);
      apply_epilogue(sum, in.subspan(2, 1), out[0]);
    }
    if (a.epilogue) apply_epilogue(*a.epilogue, in.size() > 3 ? in.subspan(3) : input_views{}, out[0]);
  }

 private:
  /// A copy of `b` with its last two axes exchanged.
  static any_tensor transposed(tensor_view b) {
    auto extents = b.shape;
    auto const rank = extents.rank();
    std::swap(extents[rank - 1], extents[rank - 2]);
    std::vector<std::int64_t> order(rank);
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[rank - 1], order[rank - 2]);
    node const plain{.op = "Transpose",
                     .version = 13,
                     .attributes = {{"perm", order}},
                     .inputs = {value_id{0}},
                     .outputs = {value_id{1}}};
    any_tensor result(b.type, extents);
    auto const target = result.mutable_view();
    bind(plain).evaluate({&b, 1}, {&target, 1});
    return result;
  }
};

}  // namespace sinter

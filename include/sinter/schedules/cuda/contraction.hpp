#pragma once

#include <sinter/ops/fused_gemm.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/product.hpp>
#include <sinter/schedules/rounded.hpp>
#include <sinter/schedules/tasks.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Matrix products of row-major tensors with up to two batch axes that do not join: kernels of the form `contraction`.
namespace sinter::detail::cuda {

/// A product whose rows and batches are coordinates of the form: two batches, rows, columns.
struct matrix_product {
  device_contraction what{};
  std::vector<device_sizes> strides{};  ///< along the first three, of A, B, result and the operands behind B
};

/// The operands of a product in the order of `matrix_product::strides`.
inline std::vector<operand_info const*> product_operands(scheduled_node const& n) {
  std::vector<operand_info const*> operands{&n.inputs[0], &n.inputs[1], &n.outputs[0]};
  for (std::size_t i = 2; i < n.inputs.size(); ++i)
    if (n.inputs[i].present()) operands.push_back(&n.inputs[i]);
  return operands;
}

/// Joins the axes of the result before its columns, where all operands allow it; none: there are more than three left.
inline std::optional<matrix_product> matrix_product_of(scheduled_node const& n) {
  auto const& y = n.outputs[0].shape();
  matrix_product p;
  auto sizes = device_sizes(y.begin(), y.end() - 1);
  std::vector<device_sizes*> strides;
  auto const operands = product_operands(n);
  for (auto const* o : operands) {
    auto const whole = broadcast_strides(*o, y.rank());
    p.strides.emplace_back(whole.begin(), whole.end() - 1);
  }
  p.strides[1].back() = 0;  // rows of the result are no rows of B
  for (auto& s : p.strides) strides.push_back(&s);
  merge_axes(sizes, strides);
  if (p.strides[1].back() != 0) {  // a batch of products of one row
    sizes.push_back(1);
    for (auto& s : p.strides) s.push_back(0);
  }
  if (sizes.size() > 3) return std::nullopt;
  for (; sizes.size() < 3; sizes.insert(sizes.begin(), 1))
    for (auto& s : p.strides) s.insert(s.begin(), 0);
  auto const depth = n.inputs[0].shape().back(), columns = y.back();
  bool const transposed = n.op.attributes_as<fused_gemm::attributes>().trans_b;
  auto const &a = p.strides[0], &b = p.strides[1];
  auto const rows_of_b = strides_of(n.inputs[1])[n.inputs[1].shape().rank() - 2];
  p.what = {.batch0 = sizes[0],
            .batch1 = sizes[1],
            .m = sizes[2],
            .n = columns,
            .k = depth,
            .a_batch0 = a[0],
            .a_batch1 = a[1],
            .a_m = a[2],
            .a_k = 1,
            .b_batch0 = b[0],
            .b_batch1 = b[1],
            .b_k = transposed ? 1 : rows_of_b,
            .b_n = transposed ? rows_of_b : 1};
  return p;
}

/// The columns of constant matrices one after another, as rows of what they are multiplied by: for tiles along k.
inline packing pack_columns(operand_info const& b, dtype element) {
  auto const& s = b.shape();
  auto const depth = s[s.rank() - 2], columns = s.back();
  return {.key = fmt::format("cuda:columns:{}:{}", name(element), b.constant_key),
          .bytes = static_cast<std::int64_t>(s.elements() * size_of(element)),
          .fill = [t = *b.constant, depth, columns, element](std::byte* to) {
            write_elements(to, element, [&](auto const& put) {
              auto const all = t.as<float>();
              for (auto const* x = all.data(); x != all.data() + all.size(); x += depth * columns)
                for (std::int64_t column = 0; column < columns; ++column)
                  for (std::int64_t k = 0; k < depth; ++k) put(x[k * columns + column]);
            });
          }};
}

inline fragment build_contraction(scheduled_node const& n, precision how) {
  auto const p = *matrix_product_of(n);
  auto const rank = n.outputs[0].shape().rank();
  auto c = p.what;
  c.element = n.inputs[0].element();
  fragment f;
  auto b = input_of(n, 1);
  if (n.inputs[1].constant && c.b_n == 1 && b_along_k(c.element)) {
    b = f.weight(pack_columns(n.inputs[1], c.element));
    c.b_k = 1, c.b_n = c.k;
  }
  auto const tiles = choose_tiles({c.batch0 * c.batch1, c.m, c.n, c.k}, how);
  std::size_t next = 3;
  auto e = epilogue_of(n, n.op.attributes_as<fused_gemm::attributes>().epilogue, [&](operand_info const& o, bool) {
    auto strides = p.strides[&o == &n.outputs[0] ? 2 : next++];
    strides.push_back(broadcast_strides(o, rank).back());
    return strides;
  });
  add_product(
      f, tiles, c.sizes(), [&](device_epilogue after) { return contraction_call(c, tiles, std::move(after)); },
      input_of(n, 0), b, std::move(e));
  return f;
}

inline std::vector<candidate> contraction_offer(scheduled_node const& n, target const& t) {
  if (n.n->domain != "sinter" || n.n->op != "Gemm") return {};
  if (!is_float_tensor(n.inputs[0]) || !is_float_tensor(n.inputs[1]) || !is_float_tensor(n.outputs[0])) return {};
  if (n.inputs[0].shape().back() == 0 || !has_plain_extras(n)) return {};
  auto const p = matrix_product_of(n);
  if (!p || p->what.batch0 * p->what.batch1 > 0xffff / 16) return {};
  auto const products = static_cast<double>(n.outputs[0].shape().elements()) * static_cast<double>(p->what.k);
  auto const layouts = [&](precision how) {
    layout_choice choice{
        .inputs = rows_as_stored(n.inputs), .outputs = {layout::row_major}, .slices = true, .rounds = true};
    auto const element = factor_element({&n.inputs[0], &n.inputs[1]}, how);
    choice.inputs[0].stored = choice.inputs[1].stored = element;
    return choice;
  };
  return product_candidates(layouts, multiply_add_cost(products), t, build_contraction);
}

inline constexpr schedule contraction_schedule{.name = "cuda contraction", .offer = contraction_offer};

}  // namespace sinter::detail::cuda

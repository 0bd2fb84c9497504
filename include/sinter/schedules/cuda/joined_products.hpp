#pragma once

#include <sinter/ops/fused_gemm.hpp>
#include <sinter/program/device_products.hpp>
#include <sinter/schedules/cuda/product.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Products of one tensor with several constant matrices as one: its columns are theirs, side by side.
namespace sinter::detail::cuda {

class joined_products {
 public:
  void add(scheduled_node const& product) { parts_.push_back(&product); }
  bool empty() const { return parts_.empty(); }
  std::int64_t columns() const {
    std::int64_t sum = 0;
    for (auto const* part : parts_) sum += columns_of(*part);
    return sum;
  }
  double multiply_adds() const {
    return empty() ? 0 : static_cast<double>(rows()) * static_cast<double>(depth() * columns());
  }

  /// Adds the launch to an empty fragment, which reads the result in the next one.
  address build(fragment& f, factor_precision precision) const {
    device_contraction const c{
        .m = rows(), .n = columns(), .k = depth(), .a_m = depth(), .a_k = 1, .b_k = columns(), .b_n = 1};
    auto const tiles = choose_tiles({1, c.m, c.n, c.k}, precision);
    auto const y = f.temporary("joined products", c.m * c.n * std::int64_t(sizeof(float)), 0, 1);
    product_epilogue e;
    if (std::ranges::any_of(parts_, [](scheduled_node const* n) { return has_input(*n, 2); })) {
      e.what.function = expr::flatten(expr::input(0) + expr::input(1), 2);
      e.what.arguments.push_back({dtype::float32, false, 0, {0, 0, 0, 1}});
      e.places.push_back(f.weight(pack(true)));
    }
    e.what.arguments.push_back({dtype::float32, true, 0, {0, 0, c.n, 1}});
    e.places.push_back(y);
    add_product(
        f, tiles, c.sizes(), [&](device_epilogue after) { return contraction_call(c, tiles, std::move(after)); },
        input_of(*parts_[0], 0), f.weight(pack(false)), std::move(e));
    return y;
  }

 private:
  static std::int64_t columns_of(scheduled_node const& n) { return n.outputs[0].shape().back(); }
  std::int64_t depth() const { return parts_[0]->inputs[0].shape().back(); }
  std::int64_t rows() const {
    auto const& x = parts_[0]->inputs[0].shape();
    return static_cast<std::int64_t>(x.elements(0, x.rank() - 1));
  }

  /// One matrix of a part, and where its columns begin.
  struct part {
    any_tensor values{};
    std::int64_t first = 0, columns = 0, row_step = 0, column_step = 1;
  };

  /// The weights [depth][columns] of all, or their biases, zero where one has none.
  packing pack(bool biases) const {
    std::vector<part> parts;
    std::string key = biases ? "cuda:joined biases" : "cuda:joined";
    std::int64_t first = 0;
    for (auto const* n : parts_) {
      bool const down = n->op.attributes_as<fused_gemm::attributes>().trans_b && !biases;
      auto const columns = columns_of(*n);
      auto const slot = biases ? 2u : 1u;
      part p{.first = first, .columns = columns, .row_step = down ? 1 : columns, .column_step = down ? depth() : 1};
      if (has_input(*n, slot)) p.values = *n->inputs[slot].constant;
      key += fmt::format(":{}:{}", has_input(*n, slot) ? n->inputs[slot].constant_key : "", down);
      first += columns;
      parts.push_back(std::move(p));
    }
    auto const height = biases ? 1 : depth(), width = first;
    return {.key = std::move(key),
            .bytes = height * width * static_cast<std::int64_t>(sizeof(float)),
            .fill = [parts = std::move(parts), height, width](std::byte* to) {
              fill(parts, height, width, reinterpret_cast<float*>(to));
            }};
  }

  static void fill(std::vector<part> const& parts, std::int64_t height, std::int64_t width, float* to) {
    for (auto const& p : parts) {
      auto const* const from = p.values ? static_cast<float const*>(p.values.data()) : nullptr;
      for (std::int64_t row = 0; row < height; ++row)
        for (std::int64_t i = 0; i < p.columns; ++i)
          to[row * width + p.first + i] = from ? from[row * p.row_step + i * p.column_step] : 0;
    }
  }

  std::vector<scheduled_node const*> parts_;
};

}  // namespace sinter::detail::cuda

#pragma once

#include <sinter/ops/fused_gemm.hpp>
#include <sinter/program/device_products.hpp>
#include <sinter/schedules/cuda/product.hpp>
#include <sinter/schedules/rounded.hpp>

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
  /// Of the result.
  std::int64_t columns() const {
    std::int64_t sum = 0;
    for (auto const* part : parts_) sum += columns_of(*part);
    return sum;
  }
  double multiply_adds() const {
    return empty() ? 0 : static_cast<double>(rows()) * static_cast<double>(depth() * columns());
  }

  /// Adds the launch to an empty fragment, which reads the result, of type `element`, in the next one.
  address build(fragment& f, precision how, dtype element) const {
    bool const along_k = b_along_k(factor());
    device_contraction const c{.m = rows(),
                               .n = columns(),
                               .k = depth(),
                               .a_m = depth(),
                               .a_k = 1,
                               .b_k = along_k ? 1 : columns(),
                               .b_n = along_k ? depth() : 1,
                               .element = factor()};
    auto const tiles = choose_tiles({1, c.m, c.n, c.k}, how);
    auto const y = f.temporary("joined products", c.m * c.n * static_cast<std::int64_t>(size_of(element)), 0, 1);
    product_epilogue e;
    if (std::ranges::any_of(parts_, [](scheduled_node const* n) { return has_input(*n, 2); })) {
      e.what.function = expr::flatten(expr::input(0) + expr::input(1), 2);
      e.what.arguments.push_back({dtype::float32, false, 0, {0, 0, 0, 1}});
      e.places.push_back(f.weight(pack(true)));
    }
    e.what.arguments.push_back({element, true, 0, {0, 0, c.n, 1}});
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

  /// One matrix of a part, or zeros.
  struct part {
    any_tensor values{};
    std::int64_t columns = 0, row_step = 0, column_step = 1;

    float at(std::int64_t row, std::int64_t column) const {
      return values ? static_cast<float const*>(values.data())[row * row_step + column * column_step] : 0;
    }
  };

  /// The type of factors.
  dtype factor() const { return parts_[0]->inputs[0].element(); }

  /// The weights [depth][columns] of all or, of 16 bits, [columns][depth]; or their biases, zero where one has none.
  packing pack(bool biases) const {
    std::vector<part> parts;
    auto const element = biases ? dtype::float32 : factor();
    auto key = fmt::format("cuda:joined{}:{}", biases ? " biases" : "", name(element));
    for (auto const* n : parts_) {
      bool const down = n->op.attributes_as<fused_gemm::attributes>().trans_b && !biases;
      auto const columns = columns_of(*n);
      auto const slot = biases ? 2u : 1u;
      part p{.columns = columns, .row_step = down ? 1 : columns, .column_step = down ? depth() : 1};
      if (has_input(*n, slot)) p.values = *n->inputs[slot].constant;
      key += fmt::format(":{}:{}", has_input(*n, slot) ? n->inputs[slot].constant_key : "", down);
      parts.push_back(std::move(p));
    }
    auto const height = biases ? 1 : depth(), width = columns();
    return {.key = std::move(key),
            .bytes = height * width * static_cast<std::int64_t>(size_of(element)),
            .fill = [parts = std::move(parts), height, element](std::byte* to) {
              write_elements(to, element, [&](auto const& put) {
                b_along_k(element) ? put_columns(parts, height, put) : put_rows(parts, height, put);
              });
            }};
  }

  static void put_rows(std::vector<part> const& parts, std::int64_t height, auto const& put) {
    for (std::int64_t row = 0; row < height; ++row)
      for (auto const& p : parts)
        for (std::int64_t i = 0; i < p.columns; ++i) put(p.at(row, i));
  }
  static void put_columns(std::vector<part> const& parts, std::int64_t height, auto const& put) {
    for (auto const& p : parts)
      for (std::int64_t i = 0; i < p.columns; ++i)
        for (std::int64_t row = 0; row < height; ++row) put(p.at(row, i));
  }

  std::vector<scheduled_node const*> parts_;
};

}  // namespace sinter::detail::cuda

#pragma once

#include <sinter/schedules/contraction_tile.hpp>
#include <sinter/schedules/requantize.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// The operands of products with packed weights besides what is multiplied.
namespace sinter::detail {

/// An operand that has `block_bytes` for each block of 16 columns (output channels).
struct column_operand {
  address at{};
  std::int64_t block_bytes = 0;
};

/// An address `offset` bytes further, with steps for the axes of a grid.
inline address moved(address a, std::int64_t offset, strides const& stride) {
  a.offset += offset;
  a.stride = stride;
  return a;
}

/// What sums of products become results with.
struct product_operands {
  std::vector<column_operand> values{};  ///< in the order of `declare_operands`
  bound_extras extras{};
  bool bias = false;
  std::optional<quantized_tile> quantized{};  ///< of integers

  /// Appends one of 4 bytes a column.
  void of_columns(packing of_all, fragment& code) { values.push_back({code.weight(std::move(of_all)), 64}); }
  /// Bias and scale of integers that are requantised, and the addend of `n`.
  void requantize(scheduled_node const& n, packing of_bias, packing of_scale, fragment& code) {
    bias = true;
    of_columns(std::move(of_bias), code);
    of_columns(std::move(of_scale), code);
    extras = addend_of(n, *quantized);
  }

  /// The arguments of a grid that writes `y`, from block `block` on; `block_step` are blocks that its axes advance by.
  std::vector<address> arguments(address const& y, std::int64_t block, strides const& block_step) const {
    std::vector<address> all;
    for (auto const& [at, block_bytes] : values) {
      strides step{};
      for (std::size_t a = 0; a < index_rank; ++a) step[a] = block_step[a] * block_bytes;
      all.push_back(moved(at, block * block_bytes, step));
    }
    for (auto const& extra : extras.at(y.offset, block, y.stride, block_step)) all.push_back(extra);
    return all;
  }
};

/// The bias of a product of float32, input 2 of `n` if it has one, and the extras behind it of an epilogue whose
/// channels are axis `axis`.
inline product_operands float_operands(scheduled_node const& n, std::optional<expr::function> const& epilogue,
                                       std::size_t axis, fragment& code) {
  product_operands o{.bias = has_input(n, 2)};
  if (o.bias) o.of_columns(pack_vector(n.inputs[2]), code);
  o.extras = bind_extras(n, epilogue, 3, axis, code);
  return o;
}

}  // namespace sinter::detail

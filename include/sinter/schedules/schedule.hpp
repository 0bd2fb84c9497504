#pragma once

#include <sinter/core/target.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/ops/operator.hpp>
#include <sinter/vector/recipe.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// A schedule is a C++ function that builds vector programs for one family of operators.
namespace sinter {

inline constexpr std::int64_t channel_block = 16;

/// How a tensor's elements lie in memory. `blocked` (NCHW16c): axis 1 in blocks of 16 channels, the channel within the
/// block innermost: [N][ceil(C/16)][spatial…][16]. Lanes past the last channel are finite and otherwise unspecified.
enum class layout : std::uint8_t { row_major, blocked };

/// Bytes of one item of axis 0 (the whole tensor, for rank 0), and of a whole tensor, in a layout.
std::int64_t item_bytes(shape const& s, dtype element, layout how);
std::int64_t tensor_bytes(shape const& s, dtype element, layout how);

/// An operand of a node, as a schedule sees it. All shapes are known. Items of axis 0 lie `item_stride` bytes apart in
/// a blocked tensor, which may be a slice of the channels of a larger one; row-major tensors are dense.
struct operand_info {
  tensor_type type{};
  layout how = layout::row_major;
  std::int64_t item_stride = 0;
  any_tensor constant{};       ///< set where the value is known
  std::string constant_key{};  ///< equal only for constants with equal bytes; known when code is built
  bool placed = false;         ///< an input that lies in output 0 already: see `layout_choice::input_places`
  bool present() const { return type.element != dtype::undefined; }
  sinter::shape const& shape() const { return *type.shape; }
};

/// A node with its operands.
struct scheduled_node {
  node const* n = nullptr;
  bound_operator op{};
  std::vector<operand_info> inputs{};
  std::vector<operand_info> outputs{};
};

/// What a kernel argument stands for.
struct source {
  enum class kind : std::uint8_t { input, output, packed, scratch } what = kind::input;
  std::uint32_t index = 0;               ///< which input, output or packing
  std::int64_t offset = 0;               ///< bytes
  std::array<std::int64_t, 4> stride{};  ///< bytes for each axis of the grid
};

/// One kernel over a grid of independent tasks, last axis fastest.
struct kernel_grid {
  vector::recipe kernel{};
  std::array<std::int32_t, 4> extent{1, 1, 1, 1};
  std::vector<source> arguments{};
};

/// Bytes made once from a constant. Keys contain its `constant_key`; equal keys mean equal bytes.
struct packed_weight {
  std::string key{};
  std::int64_t bytes = 0;
  std::function<void(std::byte*)> fill;
};

/// What a schedule makes of a node: regions run one after the other, the grids of a region side by side.
struct scheduled_code {
  std::vector<std::vector<kernel_grid>> regions{};
  std::vector<packed_weight> packed{};
  std::int64_t scratch_bytes = 0;  ///< for each worker
};

/// Layouts in which a schedule wants the operands of a node, and how memory may be shared.
struct layout_choice {
  std::vector<layout> inputs{};
  std::vector<layout> outputs{};
  /// Inputs whose bytes output 0 may overwrite in place: each element is read only by the task that writes the same
  /// place.
  std::vector<std::uint32_t> in_place{};
  /// Set: output 0 is no new tensor but the bytes of input 0, this many bytes into each item. There is nothing to
  /// build.
  std::optional<std::int64_t> view{};
  /// Set, one for each input: the producer of an input may write it straight into output 0, this many bytes into each
  /// item; -1: it may not. `build` then finds the input marked `placed`. Inputs and output are in one layout and agree
  /// in axis 0.
  std::vector<std::int64_t> input_places{};
};

struct schedule {
  std::string_view name{};
  /// The layouts that it wants, given those that the inputs have; none: the schedule does not fit the node.
  std::optional<layout_choice> (*applies)(scheduled_node const&, target const&);
  /// Builds the code, operands being in the layouts that `applies` asked for.
  scheduled_code (*build)(scheduled_node const&, target const&);
};

/// All schedules, in the order in which they are asked. Defined in schedules/all.hpp.
std::span<schedule const> schedule_table();

inline std::int64_t item_bytes(shape const& s, dtype element, layout how) {
  std::int64_t bytes = static_cast<std::int64_t>(size_of(element));
  for (std::size_t axis = 1; axis < s.rank(); ++axis)
    bytes = checked_mul(bytes, how == layout::blocked && axis == 1 ? round_up(s[axis], channel_block) : s[axis]);
  return bytes;
}

inline std::int64_t tensor_bytes(shape const& s, dtype element, layout how) {
  return checked_mul(s.empty() ? 1 : s[0], item_bytes(s, element, how));
}

}  // namespace sinter

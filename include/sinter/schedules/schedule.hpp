#pragma once

#include <sinter/core/preferences.hpp>
#include <sinter/core/target.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/ops/operator.hpp>
#include <sinter/program/fragment.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// A schedule is a C++ function that builds fragments of programs for one family of operators.
namespace sinter {

inline constexpr std::int64_t channel_block = 16;

/// The order of a tensor's elements in memory.
enum class element_order : std::uint8_t {
  row_major,
  blocked,        ///< NCHW16c: axis 1 in blocks of 16 channels, the channel within the block innermost:
                  ///< [N][ceil(C/16)][spatial…][16]. Lanes past the last channel are finite, otherwise unspecified.
                  ///< Of float32 that is rounded to 16 bits: blocks of 32 channels
  channels_last,  ///< NHWC: axis 1 innermost, [N][spatial…][C]; on devices
  host,           ///< row-major in the host's memory, of a program for a device that has memory of its own
  tiled_rows  ///< of float32 that is rounded to 16 bits, on CPUs: 32 rows of the innermost axis together, 32 numbers
              ///< of each row side by side: [rows / 32][row / 32][32 rows][32]. Rows past the last one are anything
};
inline constexpr std::size_t element_order_count = 5;

/// How a tensor's elements lie in memory: their order, and the type as which they are stored.
struct layout {
  element_order order = element_order::row_major;
  dtype stored = dtype::undefined;  ///< what float32 is rounded to; undefined: the value's own type

  static layout const row_major, blocked, channels_last, host, tiled_rows;

  constexpr layout as(dtype element) const { return {order, element}; }
  /// The type in memory of elements that are of type `own` in the graph.
  constexpr dtype element(dtype own) const { return stored == dtype::undefined ? own : stored; }
  /// Channels of a block, of a blocked tensor.
  constexpr std::int64_t block_channels() const {
    return stored == dtype::undefined ? channel_block : 2 * channel_block;
  }
  constexpr bool is_channels_last() const { return order == element_order::channels_last; }
  friend constexpr bool operator==(layout const&, layout const&) = default;
};
inline constexpr layout layout::row_major{element_order::row_major};
inline constexpr layout layout::blocked{element_order::blocked};
inline constexpr layout layout::channels_last{element_order::channels_last};
inline constexpr layout layout::host{element_order::host};
inline constexpr layout layout::tiled_rows{element_order::tiled_rows};

/// Bytes of one item of axis 0 (the whole tensor, for rank 0), and of a whole tensor, of values of a type in a layout.
std::int64_t item_bytes(shape const& s, dtype element, layout how);
std::int64_t tensor_bytes(shape const& s, dtype element, layout how);

/// Part of a larger tensor: each `run` elements that are neighbours begin `pitch` elements after those before; 0: all
/// elements lie side by side.
struct tensor_slice {
  std::int64_t run = 0, pitch = 0;
};

/// An operand of a node, as a schedule sees it. All shapes are known. Items of axis 0 lie `item_stride` bytes apart in
/// a blocked tensor, which may be a slice of the channels of a larger one; row-major tensors are dense. On a device, a
/// tensor may be a slice of a larger one along the innermost axis, where its schedule allows that.
struct operand_info {
  tensor_type type{};
  layout how = layout::row_major;
  std::int64_t item_stride = 0;
  tensor_slice slice{};
  std::int64_t alignment = 16;           ///< bytes that divide the address, on a device
  any_tensor const* constant = nullptr;  ///< of the graph, where the value is known
  std::string constant_key{};            ///< equal only for constants with equal bytes; known when code is built
  /// An input that lies in output 0 already, or an output that is a part of input 0: see `layout_choice::input_places`.
  bool placed = false;
  bool present() const { return type.element != dtype::undefined; }
  /// The type in memory.
  dtype element() const { return how.element(type.element); }
  sinter::shape const& shape() const { return *type.shape; }
};

/// A node with its operands, or a group of nodes: the last one, and those before it whose results it alone needs.
struct scheduled_node {
  node const* n = nullptr;
  bound_operator op{};
  std::vector<operand_info> inputs{};
  std::vector<operand_info> outputs{};
  std::vector<scheduled_node> before{};  ///< in order of execution; no groups themselves
  /// Number of input 0 in fragments and layout choices: those of a group are numbered through, node by node.
  std::uint32_t first_input = 0;
};

/// Whether an operand is there at all.
inline bool has_input(scheduled_node const& n, std::size_t i) { return i < n.inputs.size() && n.inputs[i].present(); }
inline bool has_output(scheduled_node const& n, std::size_t i) {
  return i < n.outputs.size() && n.outputs[i].present();
}

/// Operands of a node on a CPU that may be rounded to 16 bits in memory, where all that write and read a tensor allow
/// it (plan/rounding.hpp). Tensors in layout `blocked`, of a multiple of 32 channels, and row-major ones of a multiple
/// of 32 numbers in a row, which become `tiled_rows`.
struct roundable_operands {
  bool output = false;  ///< output 0
  std::vector<std::uint32_t> inputs{};
  std::vector<std::uint32_t> like_output{};  ///< inputs that are as output 0 is
};

/// Layouts in which a schedule wants the operands of a node or group, and how memory may be shared.
struct layout_choice {
  std::vector<layout> inputs{};
  std::vector<layout> outputs{};
  /// Inputs whose bytes output 0 may overwrite in place: each element is read only by the task that writes the same
  /// place.
  std::vector<std::uint32_t> in_place{};
  /// Set: output 0 is no new tensor but the bytes of input 0, this many bytes into each item. Nothing is built.
  std::optional<std::int64_t> view{};
  /// Set, one for each input: the producer of an input may write it straight into output 0, this many bytes into each
  /// item; -1: it may not. `build` then finds the input marked `placed`. Inputs and output are in one layout and agree
  /// in axis 0. On a device it is bytes into each run of the innermost axis.
  std::vector<std::int64_t> input_places{};
  /// The same for outputs, on a device: where in input 0 an output may lie, if all of its readers take slices.
  std::vector<std::int64_t> output_places{};
  bool slices = false;  ///< on a device: operands may be slices
  bool rounds = false;  ///< on a device: outputs of float32 may be stored as any floating type
  roundable_operands roundable{};
};

/// One way to compute a node.
struct candidate {
  layout_choice layouts{};
  double cost = 0;           ///< see cost.hpp; without reorders of the inputs
  double error = 1;          ///< rms of rounding errors, in units of those of sums in order
  double weight_growth = 1;  ///< size of the packed weights, in units of the model's
  sinter::precision precision = sinter::precision::exact;
  /// Makes the code, operands being in the layouts asked for. It keeps what the schedule found out about the node.
  std::function<fragment(scheduled_node const&)> build{};
};

/// Offers ways to compute the nodes of one family, given the layouts that their inputs have; none: it does not fit.
struct schedule {
  std::string_view name{};
  std::vector<candidate> (*offer)(scheduled_node const&, target const&);
  /// Set for schedules of groups: the nodes before this one that they would compute with it, in order of execution;
  /// none: it ends no such group. The result of each is needed by the next one alone.
  std::vector<node_id> (*match)(graph const&, node_id) = nullptr;
};

/// The schedules for a device. The planner takes the cheapest candidate of all; of equally cheap ones the first.
/// Defined in schedules/all.hpp.
std::span<schedule const> schedule_table(device_kind device);

inline std::int64_t item_bytes(shape const& s, dtype element, layout how) {
  std::int64_t bytes = static_cast<std::int64_t>(size_of(how.element(element)));
  for (std::size_t axis = 1; axis < s.rank(); ++axis)
    bytes = checked_mul(bytes,
                        how.order == element_order::blocked && axis == 1 ? round_up(s[axis], channel_block) : s[axis]);
  return bytes;
}

inline std::int64_t tensor_bytes(shape const& s, dtype element, layout how) {
  if (how.order == element_order::tiled_rows) {
    auto const row = s.back() * static_cast<std::int64_t>(size_of(how.element(element)));
    return checked_mul(round_up(static_cast<std::int64_t>(s.elements(0, s.rank() - 1)), 32), row);
  }
  return checked_mul(s.empty() ? 1 : s[0], item_bytes(s, element, how));
}

}  // namespace sinter

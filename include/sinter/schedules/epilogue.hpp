#pragma once

#include <sinter/expr/function.hpp>
#include <sinter/expr/math.hpp>
#include <sinter/schedules/apply.hpp>
#include <sinter/schedules/schedule.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/register_pressure.hpp>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

/// Epilogues of convolution and GEMM: a pointwise function of the result and of extra operands, computed in registers.
namespace sinter {

/// How an extra operand meets the result.
enum class extra_kind : std::uint8_t {
  element,       ///< same shape and layout as the result
  channel,       ///< one value a channel, packed in blocks of 16
  item_channel,  ///< one value a channel and item: an activation [N,C,1,1] in blocked layout
  scalar,
  computed_channel,  ///< one value a channel: an activation, row-major like the result
  computed_scalar
};

/// Registers that every register tile leaves free.
inline constexpr int free_registers = 4;

/// The code of an epilogue. Input 0 of the function is the result, input i the extra i-1.
struct epilogue_code {
  expr::function function{};  ///< expanded; no lines: the result itself
  std::vector<extra_kind> extras{};

  bool empty() const { return function.lines.empty(); }

  /// Whether it runs in the registers that every register tile leaves free. Otherwise some sums wait in the result's
  /// memory.
  bool fits_in_registers() const {
    return empty() || registers_to_apply(function) + static_cast<int>(extras.size()) <= free_registers;
  }

  void add_to(vector::recipe_key& key) const {
    key.add(function.inputs).add_all(function.lines, [](vector::recipe_key& k, expr::instruction const& line) {
      auto const& [code, cc, index, value, operands] = line;
      k.add(code).add(cc).add(index).add(value).add_all(operands);
    });
    key.add_all(extras);
  }

  /// Declares one argument an extra; element extras, of type `element`, reach as far as the result.
  std::vector<vector::pointer> declare(vector::builder& b, std::int64_t result_bytes, std::int64_t channel_bytes,
                                       vector::element element = vector::element::f32) const {
    std::vector<vector::pointer> pointers;
    for (std::size_t i = 0; i < extras.size(); ++i) {
      auto const name = "e" + std::to_string(i + 1);
      switch (extras[i]) {
        case extra_kind::element:
          pointers.push_back(b.argument(name, vector::access::in, result_bytes, element, vector::size_of(element)));
          break;
        case extra_kind::channel:
          pointers.push_back(b.argument(name, vector::access::constant, round_up(channel_bytes, 64)));
          break;
        case extra_kind::item_channel:
          pointers.push_back(b.argument(name, vector::access::in, round_up(channel_bytes, 64)));
          break;
        case extra_kind::scalar: pointers.push_back(b.argument(name, vector::access::constant, 4)); break;
        case extra_kind::computed_channel:
          pointers.push_back(b.argument(name, vector::access::in, channel_bytes));
          break;
        case extra_kind::computed_scalar: pointers.push_back(b.argument(name, vector::access::in, 4)); break;
      }
    }
    return pointers;
  }
};

/// An epilogue in the kernel under construction, to be applied to many results.
class applied_epilogue {
 public:
  /// With `keep`, constants lie in registers that the tile leaves free, from here on.
  applied_epilogue(epilogue_code const& code, vector::builder& b, std::vector<vector::pointer> const& extras,
                   bool keep = true)
      : code_(code), b_(b), extras_(extras) {
    if (code.empty()) return;
    function_.emplace(code.function);
    registers_ = registers_to_apply(code.function, true);
    auto const constants =
        static_cast<int>(std::ranges::count(code.function.lines, expr::op::constant, &expr::instruction::code));
    if (keep && registers_ + constants + static_cast<int>(extras.size()) <= free_registers)
      function_->keep_constants(b, constants);
  }

  /// Where a result lies.
  struct place {
    std::int64_t at = 0;          ///< byte of the result
    std::int64_t channel_at = 0;  ///< byte of the channels' values
    std::int32_t lanes = 0;
  };

  /// The function of `value`, which belongs to `to`.
  vector::reg operator()(vector::reg value, place const& to) const {
    return function_ ? (*function_)(b_, operands(value, to)) : value;
  }

  /// Calls `put(i, function of value(i))` for each place, for as many at a time as `registers` registers hold.
  template <typename Value, typename Put>
  void each(std::vector<place> const& places, int registers, Value&& value, Put&& put) const {
    auto const most = function_ ? at_once(registers) : 1;
    for (std::size_t first = 0; first < places.size(); first += most) {
      auto const count = std::min(most, places.size() - first);
      if (function_)
        side_by_side(places, first, count, value, put);
      else
        put(first, value(first));
    }
  }

  /// The same for values that lie in registers, all others being free. Those that leave the function no room wait where
  /// `put` stores them, until `get(i)` loads them.
  template <typename Get, typename Put>
  void each(std::vector<place> const& places, std::vector<vector::reg> const& values, Get&& get, Put&& put) const {
    SINTER_ASSERT(function_);
    int const each = static_cast<int>(extras_.size()) + registers_;
    int const room = vector::register_count(b_.lanes()) - 2;  // two are for constants
    int const count = static_cast<int>(values.size()), held = std::clamp(room - each, 0, count);
    for (auto i = static_cast<std::size_t>(held); i < values.size(); ++i) put(i, values[i]);
    auto const value = [&](std::size_t i) { return i < static_cast<std::size_t>(held) ? values[i] : get(i); };
    for (int first = 0, some = 0; first < count; first += some) {
      some = first < held ? std::min((room - (held - first)) / each, held - first) : room / (each + 1);
      some = std::clamp(some, 1, count - first);
      side_by_side(places, static_cast<std::size_t>(first), static_cast<std::size_t>(some), value, put);
    }
  }

 private:
  /// `put(i, function of value(i))` for `count` places from `first` on, line by line for all of them.
  template <typename Value, typename Put>
  void side_by_side(std::vector<place> const& places, std::size_t first, std::size_t count, Value&& value,
                    Put&& put) const {
    std::vector<std::vector<vector::reg>> sets;
    for (auto i = first; i < first + count; ++i) sets.push_back(operands(value(i), places[i]));
    auto const results = function_->side_by_side(b_, sets);
    for (std::size_t i = 0; i < count; ++i) put(first + i, results[i]);
  }

  /// Values that `registers` registers hold with all that the function needs; two are for constants.
  std::size_t at_once(int registers) const {
    auto const each = 1 + static_cast<int>(extras_.size()) + registers_;
    return static_cast<std::size_t>(std::max(1, (registers - 2) / each));
  }

  std::vector<vector::reg> operands(vector::reg value, place const& to) const {
    std::vector<vector::reg> all{value};
    for (std::size_t i = 0; i < extras_.size(); ++i) {
      switch (code_.extras[i]) {
        case extra_kind::element: all.push_back(b_.load(extras_[i].at(to.at), to.lanes)); break;
        case extra_kind::channel:
        case extra_kind::item_channel: all.push_back(b_.load(extras_[i].at(to.channel_at))); break;
        case extra_kind::computed_channel: all.push_back(b_.load(extras_[i].at(to.channel_at), to.lanes)); break;
        case extra_kind::computed_scalar:
        case extra_kind::scalar: all.push_back(b_.load(extras_[i].broadcast(0))); break;
      }
    }
    return all;
  }

  epilogue_code const& code_;
  vector::builder& b_;
  std::vector<vector::pointer> const& extras_;
  std::optional<applied_function> function_{};
  int registers_ = 0;  ///< that the function needs besides those of operands and constants
};

/// Whether a shape is one value for each of `channels` at axis `axis` of a result of rank `rank`.
inline bool is_per_channel(shape const& s, std::size_t rank, std::size_t axis, std::int64_t channels) {
  if (s.rank() > rank || rank - s.rank() > axis) return false;
  for (std::size_t i = 0; i < s.rank(); ++i) {
    bool const channel_axis = i + (rank - s.rank()) == axis;
    if (s[i] != (channel_axis ? channels : 1)) return false;
  }
  return true;
}

/// How `extra` meets a result of shape `result` whose channels are axis `axis`; none if no kernel does that.
inline std::optional<extra_kind> classify_extra(operand_info const& extra, shape const& result, std::size_t axis) {
  if (extra.type.element != dtype::float32) return std::nullopt;
  auto const& s = extra.shape();
  if (s == result) return extra_kind::element;
  if (extra.constant && s.elements() == 1) return extra_kind::scalar;
  if (extra.constant && is_per_channel(s, result.rank(), axis, result[axis])) return extra_kind::channel;
  if (axis == 1 && s.rank() == result.rank() && result.rank() > 2 && s[0] == result[0] && s[1] == result[1] &&
      std::all_of(s.begin() + 2, s.end(), [](auto extent) { return extent == 1; }))
    return extra_kind::item_channel;
  if (s.elements() == 1 && s.rank() <= result.rank()) return extra_kind::computed_scalar;
  if (axis + 1 == result.rank() && is_per_channel(s, result.rank(), axis, result[axis]))
    return extra_kind::computed_channel;
  return std::nullopt;
}

/// Whether kernels can do a fused node's epilogue: the extras from input `first` on, for a result whose channels are
/// axis `axis`.
inline bool supports_extras(scheduled_node const& n, std::size_t first, std::size_t axis) {
  for (std::size_t i = first; i < n.inputs.size(); ++i)
    if (!classify_extra(n.inputs[i], n.outputs[0].shape(), axis)) return false;
  return true;
}

/// The element extras from input `first` on: the result may overwrite them if the epilogue runs in registers.
inline std::vector<std::uint32_t> overwritable_extras(scheduled_node const& n,
                                                      std::optional<expr::function> const& function, std::size_t first,
                                                      std::size_t axis) {
  std::vector<std::uint32_t> found;
  if (!function || n.inputs.size() <= first) return found;
  epilogue_code const code{.function = expr::expand(*function),
                           .extras = std::vector(n.inputs.size() - first, extra_kind::element)};
  if (!code.fits_in_registers()) return found;
  for (std::size_t i = first; i < n.inputs.size(); ++i)
    if (classify_extra(n.inputs[i], n.outputs[0].shape(), axis) == extra_kind::element)
      found.push_back(static_cast<std::uint32_t>(i));
  return found;
}

/// A packing of `values` in blocks of 16, zero-filled.
inline packing pack_vector(operand_info const& values) {
  auto const count = static_cast<std::int64_t>(values.constant->elements());
  return {.key = "vector:" + values.constant_key,
          .bytes = round_up(count, channel_block) * 4,
          .fill = [tensor = *values.constant, count](std::byte* to) {
            std::memset(to, 0, static_cast<std::size_t>(round_up(count, channel_block) * 4));
            tensor.read(0, {to, static_cast<std::size_t>(count * 4)});
          }};
}

/// The extra operands of a scheduled node as kernel arguments.
struct bound_extras {
  epilogue_code code{};
  std::vector<address> sources{};
  std::vector<std::int64_t> item_strides{};  ///< of extras in blocked layout; 0 for others

  /// The sources for a grid whose axis 0 counts items: `y_at` and `y_stride` are the result's offset and strides,
  /// `block` is the first block of channels and `block_step` the blocks that an axis advances by.
  std::vector<address> at(std::int64_t y_at, std::int64_t block, strides const& y_stride,
                          strides const& block_step) const {
    auto result = sources;
    for (std::size_t i = 0; i < result.size(); ++i) {
      auto& s = result[i];
      if (code.extras[i] == extra_kind::scalar || code.extras[i] == extra_kind::computed_scalar) continue;
      if (code.extras[i] == extra_kind::element) {
        s.offset = y_at;
        s.stride = y_stride;
      } else {
        s.offset = block * channel_block * 4;
        for (std::size_t a = 0; a < index_rank; ++a) s.stride[a] = block_step[a] * channel_block * 4;
      }
      if (item_strides[i] != 0) s.stride[0] = item_strides[i];
    }
    return result;
  }
};

/// The bias of `n`, input 2, if it has one: a weight of `code`.
inline std::optional<address> bind_bias(scheduled_node const& n, fragment& code) {
  return has_input(n, 2) ? std::optional(code.weight(pack_vector(n.inputs[2]))) : std::nullopt;
}

/// Binds `function` and the extras of `n`; constants become weights of `code`. Call only after `classify_extra`
/// accepted each.
inline bound_extras bind_extras(scheduled_node const& n, std::optional<expr::function> const& function,
                                std::size_t first, std::size_t axis, fragment& code) {
  bound_extras bound;
  if (function) bound.code.function = expr::expand(*function);
  auto const& result = n.outputs[0].shape();
  for (std::size_t i = first; i < n.inputs.size(); ++i) {
    auto const& in = n.inputs[i];
    auto const kind = *classify_extra(in, result, axis);
    bool const vector = kind == extra_kind::channel || kind == extra_kind::scalar;
    bool const blocked_constant = !vector && in.constant && n.outputs[0].how.order == element_order::blocked;
    bound.code.extras.push_back(kind);
    bound.item_strides.push_back(blocked_constant ? item_bytes(in.shape(), dtype::float32, layout::blocked)
                                 : in.how.order == element_order::blocked ? in.item_stride
                                                                          : 0);
    if (vector || blocked_constant)
      bound.sources.push_back(code.weight(vector ? pack_vector(in) : pack_blocked(in)));
    else
      bound.sources.push_back({.in = space::input, .index = n.first_input + static_cast<std::uint32_t>(i)});
  }
  return bound;
}

}  // namespace sinter

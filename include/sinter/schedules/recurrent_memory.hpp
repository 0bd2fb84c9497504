#pragma once

#include <sinter/schedules/recurrent_layer.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The memory of a recurrent layer as its kernel sees it: the operands, and the states that it keeps in scratch.
namespace sinter::detail {

/// The arguments of the kernel, and the addresses for them; operands that the layer lacks have none.
struct recurrent_arguments {
  vector::pointer projection{}, state_bias{}, peephole{}, first_hidden{}, first_cell{}, y{}, last_hidden{}, last_cell{};
  std::vector<vector::pointer> weights{};  ///< for each pass
  vector::pointer units{};                 ///< scratch, along the units
  vector::pointer factors{};               ///< scratch, along the factors of a sum
  std::vector<address> addresses{};
};

inline recurrent_arguments declare_arguments(vector::builder& b, recurrent_layer const& l) {
  using vector::access;
  recurrent_arguments a;
  auto const declare = [&](std::string name, access mode, std::int64_t bytes, address from) {
    a.addresses.push_back(from);
    return b.argument(std::move(name), mode, bytes);
  };
  auto const declare_operand = [&](std::string name, access mode, std::int64_t bytes,
                                   std::optional<layer_operand> const& o) {
    if (!o) return vector::pointer();
    return declare(std::move(name), mode, (l.steps - 1) * o->step + (l.rows - 1) * o->row + bytes, o->from);
  };
  auto const units = l.hidden * 4, padded = l.units_bytes();
  a.projection = declare_operand("x", access::in, l.gates * padded, l.projection);
  for (std::size_t i = 0; i < l.passes.size(); ++i)
    a.weights.push_back(
        declare("r" + std::to_string(i), access::constant, l.blocks() * block_bytes(l, l.passes[i]), l.weights[i]));
  if (l.state_bias) a.state_bias = declare("b", access::constant, l.gates * padded, *l.state_bias);
  if (l.peephole) a.peephole = declare("p", access::constant, 3 * padded, *l.peephole);
  a.first_hidden = declare_operand("h0", access::in, units, l.first_hidden);
  a.first_cell = declare_operand("c0", access::in, units, l.first_cell);
  a.y = declare_operand("y", access::out, units, l.y);
  a.last_hidden = declare_operand("h1", access::out, units, l.last_hidden);
  a.last_cell = declare_operand("c1", access::out, units, l.last_cell);
  a.units = declare("s", access::scratch, l.scratch_bytes(), address{.in = space::scratch});
  a.factors = b.stream("k", a.units, 0);
  return a;
}

/// The buffers of the states in scratch: [buffer][sequence][unit], whole blocks of units. The two of the hidden state
/// change places after each step.
class recurrent_states {
 public:
  recurrent_states(vector::builder& b, recurrent_layer const& l, vector::pointer units) : b_(b), l_(l), units_(units) {}

  /// Whether the buffers of the hidden state have changed places.
  bool odd() const { return odd_; }
  void exchange() { odd_ = !odd_; }

  /// Where the units of a sequence start in scratch.
  std::int64_t offset(state_buffer buffer, std::int64_t row) const {
    if (odd_ && buffer == state_buffer::hidden)
      buffer = state_buffer::next_hidden;
    else if (odd_ && buffer == state_buffer::next_hidden)
      buffer = state_buffer::hidden;
    return (static_cast<std::int64_t>(buffer) * l_.rows + row) * l_.units_bytes();
  }
  /// The units from `bytes` bytes behind the first one on.
  vector::memory at(state_buffer buffer, std::int64_t row, std::int64_t bytes) const {
    return units_.at(offset(buffer, row) + bytes);
  }
  /// How many of the next `units` units a register holds.
  std::int32_t lanes_of(std::int64_t units) const {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(units, 0, b_.lanes()));
  }

  /// Fills a buffer with the state that is given, or with zeros.
  void start(state_buffer buffer, vector::pointer from, std::optional<layer_operand> const& given) {
    for (std::int64_t row = 0; row < l_.rows; ++row)
      along_units(given ? std::vector{units_, from} : std::vector{units_}, [&](std::int64_t bytes, std::int32_t lanes) {
        auto const v = given && lanes > 0 ? b_.load(from.at(row * given->row + bytes), lanes) : b_.zero();
        b_.store(at(buffer, row, bytes), v);
      });
  }

  /// Copies a buffer to where the last state is wanted.
  void finish(state_buffer buffer, vector::pointer to, layer_operand const& wanted) {
    for (std::int64_t row = 0; row < l_.rows; ++row)
      along_units({units_, to}, [&](std::int64_t bytes, std::int32_t lanes) {
        if (lanes == 0) return;
        b_.store(to.at(row * wanted.row + bytes), b_.load(at(buffer, row, bytes)), lanes);
      });
  }

 private:
  /// Calls visit(bytes, lanes) for each register of the units of a row; `streams` advance along them.
  template <typename Visit>
  void along_units(std::vector<vector::pointer> const& streams, Visit&& visit) {
    std::vector<std::pair<vector::pointer, std::int64_t>> advance;
    advance.reserve(streams.size());
    for (auto const s : streams) advance.emplace_back(s, channel_block * 4);
    auto const block = [&](std::int64_t first, std::int64_t units) {
      for (std::int64_t i = 0; i < channel_block / b_.lanes(); ++i)
        visit(first + i * b_.register_bytes(), lanes_of(units - i * b_.lanes()));
    };
    auto const whole = l_.hidden / channel_block;
    if (whole > 0) b_.loop(whole, advance, [&] { block(0, channel_block); });
    if (auto const rest = l_.hidden % channel_block) block(whole * channel_block * 4, rest);
  }

  vector::builder& b_;
  recurrent_layer const& l_;
  vector::pointer units_;
  bool odd_ = false;
};

}  // namespace sinter::detail

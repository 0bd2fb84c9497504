#pragma once

#include <sinter/schedules/elementwise_function.hpp>
#include <sinter/schedules/epilogue.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Elementwise functions in blocked layout.
///
///     for item, run of channel blocks, run of pixels:      (grid)
///       for channel block:
///         load what is one value a channel
///         for pixel: load, compute, store one vector (two if registers hold 8)
namespace sinter::detail {

/// How an operand meets the blocked output.
enum class blocked_operand : std::uint8_t {
  unused,
  full,     ///< the output's shape
  channel,  ///< one value a channel, the same for all items: a constant, or an activation [1,C,1,…]
  item,     ///< one value a channel and item: an activation [N,C,1,…]
  pixel,    ///< one value a pixel and item: a row-major activation [N,1,spatial…]
  scalar
};

constexpr bool is_per_block(blocked_operand kind) {
  return kind == blocked_operand::channel || kind == blocked_operand::item;
}

inline std::optional<blocked_operand> classify_blocked(operand_info const& in, shape const& out) {
  if (!in.present()) return blocked_operand::unused;
  auto const& s = in.shape();
  if (s == out) return blocked_operand::full;
  if (s.elements() == 1) return blocked_operand::scalar;
  if (in.constant) {
    if (is_per_channel(s, out.rank(), 1, out[1])) return blocked_operand::channel;
    return std::nullopt;
  }
  if (s.rank() != out.rank()) return std::nullopt;
  bool const per_channel = s[1] == out[1] && std::all_of(s.begin() + 2, s.end(), [](auto e) { return e == 1; });
  if (per_channel && s[0] == out[0]) return blocked_operand::item;
  if (per_channel && s[0] == 1) return blocked_operand::channel;
  if (s[0] == out[0] && s[1] == 1 && std::equal(s.begin() + 2, s.end(), out.begin() + 2)) return blocked_operand::pixel;
  return std::nullopt;
}

inline std::optional<layout_choice> blocked_elementwise_layouts(scheduled_node const& n) {
  auto const& out = n.outputs[0].shape();
  if (out.rank() < 2) return std::nullopt;
  auto choice = same_layouts(n, layout::row_major, layout::blocked);
  for (std::size_t i = 0; i < n.inputs.size(); ++i) {
    auto const kind = classify_blocked(n.inputs[i], out);
    if (!kind) return std::nullopt;
    if (n.inputs[i].constant || (*kind != blocked_operand::full && !is_per_block(*kind))) continue;
    choice.inputs[i] = layout::blocked;
    bool const same_type = n.inputs[i].type.element == n.outputs[0].type.element;
    if (*kind == blocked_operand::full && same_type) choice.in_place.push_back(static_cast<std::uint32_t>(i));
  }
  return choice;
}

/// One kernel: `blocks` channel blocks of `pixels` pixels each, planes `plane` pixels apart.
class blocked_elementwise_kernel {
 public:
  expr::function const* function = nullptr;
  std::vector<blocked_operand> operands{};
  std::vector<vector::element> elements{};  ///< of the operands, then of the result
  std::int64_t blocks = 1, pixels = 1, plane = 1;
  std::int64_t real_lanes = 16;  ///< of the last block; further lanes become 0

  bool masked(target const& t) const { return real_lanes % t.lanes() != 0; }
  vector::program build(target const& t) const {
    vector::builder b("elementwise", t.lanes());
    state s{.f = applied_function(*function)};
    declare(b, s, t);
    hold(b, s, [](auto kind) { return kind == blocked_operand::scalar; });
    int const per_block = static_cast<int>(std::ranges::count_if(operands, is_per_block)) * 16 / t.lanes();
    if (s.free > per_block) s.f.keep_constants(b, s.free - per_block);
    s.free = std::min(s.free, per_block);
    auto const unroll = std::min(pixels, unroll_of(*function, t.lanes() / 4, 16 / t.lanes()));
    b.loop(blocks, steps(s, plane * 16, 16, 0), [&] {
      hold(b, s, is_per_block);
      b.loop(pixels / unroll, steps(s, unroll * 16, 0, unroll), [&] { compute(b, s, 0, unroll); });
      compute(b, s, pixels / unroll * unroll, pixels);
    });
    return std::move(b).take();
  }

 private:
  struct state {
    applied_function f;
    std::vector<vector::pointer> pointers{};
    vector::pointer out{};
    std::vector<vector::reg> held{};  ///< values that several pixels share, at operand * parts + part
    vector::reg mask{};
    int free = 0;              ///< registers
    std::int64_t at_once = 1;  ///< registers side by side
  };

  /// Bytes of an operand that a task touches.
  std::int64_t reach(blocked_operand kind, vector::element e) const {
    auto const size = vector::size_of(e);
    if (kind == blocked_operand::full) return ((blocks - 1) * plane + pixels) * 16 * size;
    if (kind == blocked_operand::pixel) return pixels * size;
    return is_per_block(kind) ? blocks * 16 * size : size;
  }

  void declare(vector::builder& b, state& s, target const& t) const {
    for (std::size_t i = 0; i < operands.size(); ++i)
      s.pointers.push_back(operands[i] == blocked_operand::unused
                               ? vector::pointer{}
                               : b.argument("x" + std::to_string(i), vector::access::in,
                                            reach(operands[i], elements[i]), elements[i],
                                            vector::size_of(elements[i])));
    auto const lanes = real_lanes % t.lanes();
    auto const mask = lanes == 0 ? vector::pointer{} : b.argument("mask", vector::access::constant, lanes * 4);
    auto const result = elements.back();
    s.out = b.argument("y", vector::access::out, reach(blocked_operand::full, result), result, vector::size_of(result));
    s.held.resize(operands.size() * static_cast<std::size_t>(16 / t.lanes()));
    vector_group const group(*function, operands.size(), t);
    s.at_once = group.vectors;
    s.free = t.registers() - group.registers - (lanes == 0 ? 0 : 2);
    if (lanes != 0) s.mask = b.load(mask.at(0), static_cast<std::int32_t>(lanes));
  }

  /// Loads operands of some kinds ahead of the loop that uses them, as long as registers are free.
  template <typename Kinds>
  void hold(vector::builder& b, state& s, Kinds const& of_kind) const {
    auto const parts = static_cast<std::size_t>(16 / b.lanes());
    for (std::size_t i = 0; i < operands.size(); ++i)
      for (std::size_t part = 0; part < parts && of_kind(operands[i]) && s.free > 0; ++part, --s.free)
        s.held[i * parts + part] = load(b, s, i, static_cast<int>(part), 0);
  }

  /// How far the streams move, in elements, by kind of operand.
  std::vector<std::pair<vector::pointer, std::int64_t>> steps(state const& s, std::int64_t full, std::int64_t per_block,
                                                              std::int64_t pixel) const {
    std::vector<std::pair<vector::pointer, std::int64_t>> result{{s.out, full * vector::size_of(elements.back())}};
    for (std::size_t i = 0; i < operands.size(); ++i) {
      auto const count = operands[i] == blocked_operand::full    ? full
                         : is_per_block(operands[i])             ? per_block
                         : operands[i] == blocked_operand::pixel ? pixel
                                                                 : 0;
      if (count != 0) result.emplace_back(s.pointers[i], count * vector::size_of(elements[i]));
    }
    return result;
  }

  vector::reg load(vector::builder& b, state const& s, std::size_t operand, int part, std::int64_t pixel) const {
    auto const parts = 16 / b.lanes();
    auto const kept = s.held[operand * static_cast<std::size_t>(parts) + static_cast<std::size_t>(part)];
    if (kept) return kept;
    auto const p = s.pointers[operand];
    auto const size = vector::size_of(elements[operand]), within = part * b.lanes() * size;
    switch (operands[operand]) {
      case blocked_operand::full: return b.load(p.at(pixel * 16 * size + within));
      case blocked_operand::channel:
      case blocked_operand::item: return b.load(p.at(within));
      case blocked_operand::pixel: return b.load(p.broadcast(pixel * size));
      case blocked_operand::scalar: return b.load(p.broadcast(0));
      case blocked_operand::unused: break;
    }
    return {};
  }

  /// The pixels [begin, end), a few registers at a time.
  void compute(vector::builder& b, state const& s, std::int64_t begin, std::int64_t end) const {
    int const parts = 16 / b.lanes();
    for (auto first = begin * parts; first < end * parts; first += s.at_once) {
      auto const last = std::min(end * parts, first + s.at_once);
      std::vector<std::vector<vector::reg>> sets;
      for (auto at = first; at < last; ++at) {
        if (lanes_of(b, at) <= 0) continue;
        sets.emplace_back();
        for (std::size_t i = 0; i < operands.size(); ++i)
          sets.back().push_back(load(b, s, i, static_cast<int>(at % parts), at / parts));
      }
      auto const results = sets.empty() ? std::vector<vector::reg>{} : s.f.side_by_side(b, sets);
      auto result = results.begin();
      for (auto at = first; at < last; ++at)
        b.store(s.out.at(at * b.lanes() * vector::size_of(elements.back())),
                lanes_of(b, at) <= 0 ? b.zero() : keep_real(b, s, at, *result++));
    }
  }

  /// Of register `at`, counted over the pixels: lanes that are channels.
  std::int64_t lanes_of(vector::builder const& b, std::int64_t at) const {
    return real_lanes - at % (16 / b.lanes()) * b.lanes();
  }
  vector::reg keep_real(vector::builder& b, state const& s, std::int64_t at, vector::reg y) const {
    if (lanes_of(b, at) >= b.lanes()) return y;
    auto const zero = b.zero();
    return b.select(vector::compare::ne, s.mask, zero, y, zero);
  }
};

/// The code of one node: its operands as arguments, and the grids.
class blocked_elementwise {
 public:
  blocked_elementwise(scheduled_node const& n, elementwise_body const& body, target const& t)
      : n_(n), body_(body), target_(t), out_(n.outputs[0]) {
    auto const used = used_inputs(body.function);
    for (std::size_t i = 0; i < n.inputs.size(); ++i) {
      auto const& in = n.inputs[i];
      auto const kind = used[i] ? *classify_blocked(in, out_.shape()) : blocked_operand::unused;
      kinds_.push_back(kind);
      elements_.push_back(element_in_memory(in));
      address s{.in = space::input, .index = static_cast<std::uint32_t>(i)};
      if (used[i] && in.constant)
        s = code_.weight(kind == blocked_operand::full     ? pack_blocked(in)
                         : kind == blocked_operand::scalar ? pack_raw(in)
                                                           : pack_vector(in));
      sources_.push_back(s);
    }
    elements_.push_back(element_in_memory(out_));
  }

  fragment build() && {
    plane_ = pixels_of(out_.shape());
    auto blocks = channel_blocks_of(out_.shape());
    auto const last_lanes = out_.shape()[1] - (blocks - 1) * 16;
    bool const masked = body_.may_leave_floats && last_lanes < 16;
    bool const flat = !masked && std::ranges::none_of(kinds_, [](auto kind) {
      return is_per_block(kind) || kind == blocked_operand::pixel;
    });
    if (flat) plane_ *= std::exchange(blocks, 1);
    auto const whole = masked ? blocks - 1 : blocks;
    for (auto const& columns : equal_runs(plane_, task_bytes / 64)) {
      if (whole > 0)
        for (auto const& rows : equal_runs(whole, task_bytes / 64 / columns.length)) add_grid(rows, columns, 16);
      if (masked) add_grid({whole, 1, 1}, columns, last_lanes);
    }
    return std::move(code_);
  }

 private:
  void add_grid(tile_run const& rows, tile_run const& columns, std::int64_t real_lanes) {
    blocked_elementwise_kernel kernel;
    kernel.function = &body_.function, kernel.operands = kinds_, kernel.elements = elements_;
    kernel.blocks = rows.length, kernel.pixels = columns.length, kernel.plane = plane_, kernel.real_lanes = real_lanes;
    std::vector<address> arguments;
    for (std::size_t i = 0; i < kinds_.size(); ++i)
      if (kinds_[i] != blocked_operand::unused) arguments.push_back(placed(i, rows, columns));
    if (kernel.masked(target_)) arguments.push_back(code_.weight(pack_lane_mask()));
    auto const pixel = 16 * vector::size_of(elements_.back());
    arguments.push_back({.in = space::output,
                         .offset = (rows.first * plane_ + columns.first) * pixel,
                         .stride = {item_stride(out_), rows.length * plane_ * pixel, columns.length * pixel}});
    code_.add(kernel.build(target_), {out_.shape()[0], rows.count, columns.count}, std::move(arguments));
  }

  address placed(std::size_t i, tile_run const& rows, tile_run const& columns) const {
    auto s = sources_[i];
    auto const& in = n_.inputs[i];
    auto const item = in.constant ? item_bytes(in.shape(), dtype::float32, layout::blocked) : item_stride(in);
    auto const size = vector::size_of(elements_[i]), pixel = 16 * size;
    if (kinds_[i] == blocked_operand::full) {
      s.offset = (rows.first * plane_ + columns.first) * pixel;
      s.stride = {item, rows.length * plane_ * pixel, columns.length * pixel};
    } else if (is_per_block(kinds_[i])) {
      s.offset = rows.first * pixel;
      s.stride = {kinds_[i] == blocked_operand::item ? item : 0, rows.length * pixel};
    } else if (kinds_[i] == blocked_operand::pixel) {
      s.offset = columns.first * size;
      s.stride = {item, 0, columns.length * size};
    }
    return s;
  }

  scheduled_node const& n_;
  elementwise_body const& body_;
  target const& target_;
  operand_info const& out_;
  fragment code_;
  std::vector<blocked_operand> kinds_;
  std::vector<vector::element> elements_;  ///< of the inputs, then of the output
  std::vector<address> sources_;
  std::int64_t plane_ = 1;
};

inline fragment build_blocked_elementwise(scheduled_node const& n, elementwise_body const& body, target const& t) {
  return blocked_elementwise(n, body, t).build();
}

}  // namespace sinter::detail

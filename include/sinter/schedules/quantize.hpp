#pragma once

#include <sinter/ops/quantized.hpp>
#include <sinter/schedules/cast.hpp>
#include <sinter/schedules/quantized_weights.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// QuantizeLinear and DequantizeLinear with one constant scale, and sinter.QuantizedAdd, between float32 and 8-bit
/// integers in any layout, element by element; the bits of the operators.
///
///     for item, piece: for vector: load, convert, compute, store         (grid)
namespace sinter {
namespace detail {

/// Numbers and what they stand for: (q - zero point) * scale.
struct quantization {
  vector::element element = vector::element::u8;
  float scale = 1, zero_point = 0;
};

/// How each element of a result comes from those of one or two inputs at the same place.
struct quantize_shape {
  std::vector<quantization> inputs{};  ///< f32: as they are
  quantization result{};               ///< f32: not quantised
  float least = 0, greatest = 255;     ///< of results that are
  std::int64_t count = 1;              ///< elements of a piece

  vector::recipe recipe(target const& t) const;
};

class quantize_kernel {
 public:
  quantize_kernel(quantize_shape const& s, target const& t) : s_(s), b_("quantize", t.lanes()) {}

  vector::program build() && {
    std::vector<std::pair<vector::pointer, std::int64_t>> steps;
    std::int64_t const lanes = b_.lanes(), vectors = s_.count / lanes;
    auto const argument = [&](vector::access mode, vector::element e) {
      auto const size = vector::size_of(e);
      auto const name = mode == vector::access::out ? "y" : "x" + std::to_string(pointers_.size());
      pointers_.push_back(b_.argument(name, mode, s_.count * size, e, size));
      steps.emplace_back(pointers_.back(), lanes * size);
    };
    for (auto const& in : s_.inputs) argument(vector::access::in, in.element);
    argument(vector::access::out, s_.result.element);
    constants();
    if (vectors > 0) b_.loop(vectors, steps, [&] { elements(0, lanes); });
    if (vectors * lanes < s_.count) elements(vectors * lanes, s_.count - vectors * lanes);
    return std::move(b_).take();
  }

 private:
  void constants() {
    for (auto const& in : s_.inputs) constants_.push_back({b_.constant(in.scale), b_.constant(in.zero_point)});
    constants_.push_back({b_.constant(s_.result.scale), b_.constant(s_.result.zero_point)});
    least_ = b_.constant(s_.least), greatest_ = b_.constant(s_.greatest);
  }

  void elements(std::int64_t first, std::int64_t count) {
    using enum vector::opcode;
    auto const n = static_cast<std::int32_t>(count);
    auto const at = [&](std::size_t i, vector::element e) { return pointers_[i].at(first * vector::size_of(e)); };
    std::optional<vector::reg> sum;
    for (std::size_t i = 0; i < s_.inputs.size(); ++i) {
      auto value = b_.load(at(i, s_.inputs[i].element), n);
      if (s_.inputs[i].element != vector::element::f32)
        value = b_.binary(mul, b_.binary(sub, value, constants_[i].zero_point), constants_[i].scale);
      sum = sum ? b_.binary(add, *sum, value) : value;
    }
    auto const y = at(s_.inputs.size(), s_.result.element);
    b_.store(y, s_.result.element == vector::element::f32 ? *sum : quantized(*sum), n);
  }

  /// A NaN gives the zero point.
  vector::reg quantized(vector::reg value) {
    using enum vector::opcode;
    auto const [scale, zero_point] = constants_.back();
    value = b_.binary(add, b_.unary(round, b_.binary(div, value, scale)), zero_point);
    value = b_.select(compare::eq, value, value, value, zero_point);
    return b_.binary(max, b_.binary(min, value, greatest_), least_);
  }

  struct constant_registers {
    vector::reg scale{}, zero_point{};
  };
  quantize_shape const& s_;
  vector::builder b_;
  std::vector<vector::pointer> pointers_;
  std::vector<constant_registers> constants_;
  vector::reg least_{}, greatest_{};
};

inline vector::recipe quantize_shape::recipe(target const& t) const {
  vector::recipe_key key("quantize", t);
  auto const add = [](vector::recipe_key& k, quantization const& q) {
    k.add(q.element).add(q.scale).add(q.zero_point);
  };
  key.add_all(inputs, add);
  add(key, result);
  key.add(least).add(greatest).add(count);
  return {key.take(), [s = *this, t] { return quantize_kernel(s, t).build(); }};
}

/// How operand `o` is quantised, with scale and zero point (which may be omitted) in inputs `at` and `at + 1` of `n`;
/// none where they differ between elements or are not known.
inline std::optional<quantization> quantization_of(scheduled_node const& n, operand_info const& o, std::size_t at) {
  bool const is_byte = o.type.element == dtype::int8 || o.type.element == dtype::uint8;
  auto const known = [](operand_info const& c) { return c.constant && c.shape().elements() == 1; };
  auto const& scale = n.inputs[at];
  if (!is_byte || !known(scale) || scale.type.element != dtype::float32) return std::nullopt;
  quantization q{.element = *float_source(o.type.element), .scale = scale.constant->as<float>()[0]};
  if (!has_input(n, at + 1)) return q;
  if (!known(n.inputs[at + 1])) return std::nullopt;
  q.zero_point = static_cast<float>(integers_of(*n.inputs[at + 1].constant)[0]);
  return q;
}

/// What a node does; none: another schedule's, or nobody's.
inline std::optional<quantize_shape> shape_of_quantize(scheduled_node const& n) {
  quantize_shape s;
  auto const take = [&](std::optional<quantization> const& q) {
    if (q) s.inputs.push_back(*q);
    return q.has_value();
  };
  auto const gives = [&](std::optional<quantization> const& q, auto const& range_of_result) {
    if (!q) return false;
    auto const range = range_of_result();
    s.result = *q;
    s.least = static_cast<float>(range.least), s.greatest = static_cast<float>(range.greatest);
    return true;
  };
  auto const& y = n.outputs[0];
  quantization const real{.element = vector::element::f32};
  if (is_standard_operator(*n.n, "QuantizeLinear")) {
    if (!is_float_tensor(n.inputs[0]) || n.inputs[0].constant) return std::nullopt;
    s.inputs = {real};
    if (!gives(quantization_of(n, y, 1), [&] { return range_of(y.type.element); })) return std::nullopt;
  } else if (is_standard_operator(*n.n, "DequantizeLinear")) {
    if (!is_float_tensor(y) || n.inputs[0].constant || !take(quantization_of(n, n.inputs[0], 1))) return std::nullopt;
    s.result = real;
  } else if (n.n->domain == "sinter" && n.n->op == "QuantizedAdd") {
    auto const& bounds = n.op.attributes_as<quantized_bounds>();
    if (n.inputs[0].constant || n.inputs[3].constant || !take(quantization_of(n, n.inputs[0], 1)) ||
        !take(quantization_of(n, n.inputs[3], 4)) ||
        !gives(quantization_of(n, y, 6), [&] { return bounds.range(y.type.element); }))
      return std::nullopt;
  } else {
    return std::nullopt;
  }
  return s;
}

inline fragment quantize_build(scheduled_node const& n, quantize_shape s, target const& t) {
  fragment code;
  auto const& y = n.outputs[0];
  bool const by_item = y.how == layout::blocked;
  auto const items = by_item ? y.shape()[0] : 1;
  auto const elements = (by_item ? item_bytes(y.shape(), y.type.element, y.how) / std::int64_t(size_of(y.type.element))
                                 : std::int64_t(y.shape().elements()));
  for (auto const& piece : full_runs(elements, task_bytes / 4)) {
    s.count = piece.length;
    auto const of = [&](space in, std::size_t index, operand_info const& o) {
      auto const size = static_cast<std::int64_t>(size_of(o.type.element));
      return address{.in = in,
                     .index = static_cast<std::uint32_t>(index),
                     .offset = piece.first * size,
                     .stride = {by_item ? item_stride(o) : 0, piece.length * size}};
    };
    std::vector<address> arguments;
    for (std::size_t i = 0; i < s.inputs.size(); ++i) arguments.push_back(of(space::input, 3 * i, n.inputs[3 * i]));
    arguments.push_back(of(space::output, 0, y));
    code.add(s.recipe(t), {items, piece.count, 1, 1}, std::move(arguments));
  }
  return code;
}

inline std::vector<candidate> quantize_offer(scheduled_node const& n, target const& t) {
  auto const s = shape_of_quantize(n);
  if (!s) return {};
  auto const how = n.outputs[0].shape().rank() >= 2 ? n.inputs[0].how : layout::row_major;
  layout_choice choice;
  choice.inputs.assign(n.inputs.size(), layout::row_major);
  for (std::size_t i = 0; i < s->inputs.size(); ++i) {
    choice.inputs[3 * i] = how;
    if (n.inputs[3 * i].type.element == n.outputs[0].type.element)
      choice.in_place.push_back(static_cast<std::uint32_t>(3 * i));
  }
  choice.outputs = {how};
  return {{.layouts = std::move(choice), .cost = traffic_cost(n), .build = [s = *s, t](scheduled_node const& at) {
             return quantize_build(at, s, t);
           }}};
}

}  // namespace detail

inline constexpr schedule quantize_schedule{.name = "quantize", .offer = detail::quantize_offer};

}  // namespace sinter

#pragma once

#include <sinter/ops/axes.hpp>
#include <sinter/ops/cast.hpp>
#include <sinter/ops/control_flow.hpp>
#include <sinter/ops/stack.hpp>

#include <array>
#include <span>
#include <utility>
#include <vector>

/// Sequences of tensors. Their lengths and the shapes of what they hold are known only when they are there.
namespace sinter {

namespace detail {

inline std::vector<any_tensor> items_in(any_tensor const& sequence) {
  auto const items = sequence.items();
  return {items.begin(), items.end()};
}

inline any_tensor sequence_holding(dtype item, std::vector<any_tensor> items) {
  return any_tensor::holding(sequence_of(item), std::move(items));
}

inline void expect_sequence(dtype type) {
  if (!is_sequence(type)) fail(error_code::malformed_model, "the input is {}, expected a sequence", name(type));
}

/// The position that an int32 or int64 tensor of one element says, counted from the front; `places` is how many there
/// are.
inline std::ptrdiff_t position_in(any_tensor const& position, std::size_t places) {
  auto const numbers = integers_of(position.view());
  if (numbers.size() != 1)
    fail(error_code::malformed_model, "a position has shape {}, expected one number", position.shape());
  auto const count = static_cast<std::int64_t>(places);
  auto const at = numbers[0] < 0 ? numbers[0] + count : numbers[0];
  if (at < 0 || at >= count)
    fail(error_code::invalid_argument, "the position in a sequence is {}, expected {} to {}", numbers[0], -count,
         count - 1);
  return static_cast<std::ptrdiff_t>(at);
}

}  // namespace detail

/// SequenceConstruct   https://onnx.ai/onnx/operators/onnx__SequenceConstruct.html
struct sequence_construct {
  static constexpr op_schema schema{.name = "SequenceConstruct", .since = 11};
  using attributes = no_attributes;

  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) {
    for (std::size_t i = 1; i < in.size(); ++i)
      if (in.element(i) != in.element(0))
        fail(error_code::malformed_model, "a sequence would hold {} and {}", name(in.element(0)), name(in.element(i)));
    return {unknown_shape(sequence_of(in.element(0)))};
  }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const&) {
    return {detail::sequence_holding(in[0].type(), {in.begin(), in.end()})};
  }
};

/// SequenceEmpty   https://onnx.ai/onnx/operators/onnx__SequenceEmpty.html
struct sequence_empty {
  static constexpr op_schema schema{.name = "SequenceEmpty", .since = 11, .min_inputs = 0, .max_inputs = 0};
  struct attributes {
    dtype item = dtype::float32;
  };

  static attributes parse(attribute_reader const& r) {
    return {dtype_from_attribute(r.get<std::int64_t>("dtype", static_cast<std::int64_t>(dtype::float32)))};
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const&, attributes const& a) { return {unknown_shape(sequence_of(a.item))}; }
  static std::vector<any_tensor> execute(std::span<any_tensor const>, attributes const& a) {
    return {detail::sequence_holding(a.item, {})};
  }
};

/// SequenceAt   https://onnx.ai/onnx/operators/onnx__SequenceAt.html
struct sequence_at {
  static constexpr op_schema schema{.name = "SequenceAt", .since = 11, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) {
    detail::expect_sequence(in.element(0));
    return {unknown_shape(item_of(in.element(0)))};
  }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const&) {
    auto const items = in[0].items();
    return {items[static_cast<std::size_t>(detail::position_in(in[1], items.size()))]};
  }
};

/// SequenceInsert: before a position, by default behind the last.
/// https://onnx.ai/onnx/operators/onnx__SequenceInsert.html
struct sequence_insert {
  static constexpr op_schema schema{.name = "SequenceInsert", .since = 11, .min_inputs = 2, .max_inputs = 3};
  using attributes = no_attributes;

  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) {
    detail::expect_sequence(in.element(0));
    if (in.element(1) != item_of(in.element(0)))
      fail(error_code::malformed_model, "{} goes into {}", name(in.element(1)), name(in.element(0)));
    return {unknown_shape(in.element(0))};
  }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const&) {
    auto items = detail::items_in(in[0]);
    auto at = static_cast<std::ptrdiff_t>(items.size());
    if (in.size() > 2 && in[2]) {
      // Negative positions count from the end of the sequence as it is.
      auto const numbers = integers_of(in[2].view());
      at = !numbers.empty() && numbers[0] < 0 ? detail::position_in(in[2], items.size())
                                              : detail::position_in(in[2], items.size() + 1);
    }
    items.insert(items.begin() + at, in[1]);
    return {detail::sequence_holding(in[1].type(), std::move(items))};
  }
};

/// SequenceErase: at a position, by default the last.   https://onnx.ai/onnx/operators/onnx__SequenceErase.html
struct sequence_erase {
  static constexpr op_schema schema{.name = "SequenceErase", .since = 11, .max_inputs = 2};
  using attributes = no_attributes;

  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) {
    detail::expect_sequence(in.element(0));
    return {unknown_shape(in.element(0))};
  }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const&) {
    auto items = detail::items_in(in[0]);
    auto const last = any_tensor::scalar<std::int64_t>(-1);
    items.erase(items.begin() + detail::position_in(in.size() > 1 && in[1] ? in[1] : last, items.size()));
    return {detail::sequence_holding(item_of(in[0].type()), std::move(items))};
  }
};

/// SequenceLength   https://onnx.ai/onnx/operators/onnx__SequenceLength.html
struct sequence_length {
  static constexpr op_schema schema{.name = "SequenceLength", .since = 11, .max_inputs = 1};
  using attributes = no_attributes;

  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) {
    detail::expect_sequence(in.element(0));
    return {{dtype::int64, shape{}}};
  }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const&) {
    return {any_tensor::scalar(static_cast<std::int64_t>(in[0].items().size()))};
  }
};

/// SplitToSequence: into parts of a length, or of the lengths of a list, or of one element each.
/// https://onnx.ai/onnx/operators/onnx__SplitToSequence.html
struct split_to_sequence {
  static constexpr op_schema schema{.name = "SplitToSequence", .since = 11, .max_inputs = 2};
  struct attributes {
    std::int64_t axis = 0;
    bool keep = true;  ///< the axis, where parts have one element each
  };

  static attributes parse(attribute_reader const& r) {
    return {.axis = r.get<std::int64_t>("axis", 0), .keep = r.get("keepdims", true)};
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) { return {unknown_shape(sequence_of(in.element(0)))}; }

  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a) {
    auto const& x = in[0];
    auto const axis = normalize_axis(a.axis, x.shape().rank());
    auto const extent = x.shape()[axis];
    std::vector<any_tensor> parts;
    if (in.size() < 2 || !in[1]) {
      for (std::int64_t i = 0; i < extent; ++i) parts.push_back(a.keep ? part(x, axis, i, 1) : slice_of(x, axis, i));
    } else {
      std::int64_t at = 0;
      for (auto const length : lengths(in[1], extent))
        parts.push_back(part(x, axis, std::exchange(at, at + length), length));
    }
    return {detail::sequence_holding(x.type(), std::move(parts))};
  }

 private:
  static std::vector<std::int64_t> lengths(any_tensor const& split, std::int64_t extent) {
    auto numbers = integers_of(split.view());
    std::int64_t sum = 0;
    for (auto const n : numbers) {
      if (n < 0 || n > extent) fail(error_code::invalid_argument, "a part has length {}, of {}", n, extent);
      sum = checked_add(sum, n);
    }
    if (split.shape().rank() > 0) {
      if (sum != extent) fail(error_code::invalid_argument, "the parts have {} elements together, of {}", sum, extent);
      return numbers;
    }
    if (sum == 0) fail(error_code::invalid_argument, "the length of the parts is 0");
    std::vector<std::int64_t> equal;
    for (auto left = extent; left > 0; left -= sum) equal.push_back(std::min(sum, left));
    return equal;
  }

  static any_tensor part(any_tensor const& x, std::size_t axis, std::int64_t from, std::int64_t length) {
    auto extents = x.shape();
    extents[axis] = length;
    any_tensor result(x.type(), extents);
    auto const strides = row_major_strides(x.shape());
    if (result.elements() > 0) strided_copy(x.view(), from * strides[axis], strides, result.mutable_view());
    return result;
  }
};

/// ConcatFromSequence: along an axis, or a new one.   https://onnx.ai/onnx/operators/onnx__ConcatFromSequence.html
struct concat_from_sequence {
  static constexpr op_schema schema{.name = "ConcatFromSequence", .since = 11, .max_inputs = 1};
  struct attributes {
    std::int64_t axis = 0;
    bool along_new = false;
  };

  static attributes parse(attribute_reader const& r) {
    return {.axis = r.require<std::int64_t>("axis"), .along_new = r.get("new_axis", false)};
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) {
    detail::expect_sequence(in.element(0));
    return {unknown_shape(item_of(in.element(0)))};
  }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a) {
    auto const items = in[0].items();
    if (items.empty()) fail(error_code::invalid_argument, "the sequence is empty, expected tensors to concatenate");
    if (a.along_new) {
      stack whole;
      for (auto const& item : items) whole.push(item);
      return {whole.take(a.axis)};
    }
    node concat{.name = "", .op = "Concat", .version = 13, .attributes = {{"axis", a.axis}}};
    concat.inputs.assign(items.size(), value_id{0});
    concat.outputs = {value_id{1}};
    return evaluate(bind(concat), concat, detail::items_in(in[0]));
  }
};

/// SequenceMap: a subgraph applied to the items of sequences side by side. Tensors, and the captures of the subgraph,
/// which are the node's last inputs, are the same for all.   https://onnx.ai/onnx/operators/onnx__SequenceMap.html
struct sequence_map {
  static constexpr op_schema schema{.name = "SequenceMap", .since = 17, .max_outputs = 16384};
  struct attributes {
    std::shared_ptr<graph const> body{};
    std::size_t own = 0;  ///< inputs that are no captures
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.body = r.require<std::shared_ptr<graph const>>("body")};
    a.own = r.input_count() - std::min(captures_of(*a.body), r.input_count());
    if (a.body->inputs.size() != r.input_count() || a.body->outputs.size() < r.output_count())
      fail(error_code::malformed_model, "the body has {} inputs and {} outputs, the node {} and {}",
           a.body->inputs.size(), a.body->outputs.size(), r.input_count(), r.output_count());
    return a;
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const& a) {
    detail::expect_sequence(in.element(0));
    std::vector<operand> given(in.all().begin(), in.all().end());
    for (std::size_t i = 0; i < a.own; ++i)
      if (is_sequence(given[i].type.element)) given[i] = {unknown_shape(item_of(given[i].type.element))};
    auto found = infer_outputs(*a.body, given);
    for (auto& type : found) type = unknown_shape(sequence_of(type.element));
    return found;
  }

  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a) {
    auto const count = in[0].items().size();
    graph_evaluation const body(*a.body);
    std::vector<std::vector<any_tensor>> results(a.body->outputs.size());
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<any_tensor> operands(in.begin(), in.end());
      for (std::size_t k = 0; k < a.own; ++k) {
        if (!is_sequence(in[k].type())) continue;
        if (in[k].items().size() != count)
          fail(error_code::invalid_argument, "input {} has {} items, the first input {}", k, in[k].items().size(),
               count);
        operands[k] = in[k].items()[i];
      }
      auto const made = body(operands);
      for (std::size_t k = 0; k < made.size(); ++k) results[k].push_back(made[k]);
    }
    std::vector<any_tensor> sequences;
    auto const kinds = count == 0 ? output_types(in, a) : types();
    for (std::size_t k = 0; k < results.size(); ++k) {
      auto const item = count == 0 ? item_of(kinds[k].element) : results[k][0].type();
      sequences.push_back(detail::sequence_holding(item, std::move(results[k])));
    }
    return sequences;
  }

 private:
  static types output_types(std::span<any_tensor const> in, attributes const& a) {
    std::vector<operand> operands;
    for (auto const& t : in) operands.push_back({unknown_shape(t.type())});
    return infer(inputs(operands), a);
  }
};

/// All of them, as one line of the list of operators.
struct sequence_family {
  static constexpr std::array entries{
      entry_of<sequence_construct>(), entry_of<sequence_empty>(),       entry_of<sequence_at>(),
      entry_of<sequence_insert>(),    entry_of<sequence_erase>(),       entry_of<sequence_length>(),
      entry_of<split_to_sequence>(),  entry_of<concat_from_sequence>(), entry_of<sequence_map>()};
};

}  // namespace sinter

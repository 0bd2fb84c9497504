#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/kernels/element.hpp>
#include <sinter/ops/cast.hpp>
#include <sinter/ops/control_flow.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <vector>

namespace sinter {

/// FlexAttention: attention whose scores and probabilities subgraphs may change. The node's last inputs are the
/// captures of both.   https://onnx.ai/onnx/operators/onnx_aionnxpreview_FlexAttention.html
struct flex_attention {
  static constexpr op_schema schema{.name = "FlexAttention", .since = 1, .domain = "ai.onnx.preview", .min_inputs = 3};
  struct attributes {
    std::shared_ptr<graph const> score{}, probability{};
    std::optional<double> scale{};
    dtype precision = dtype::undefined;  ///< undefined: float32, or float64 where the inputs are
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{};
    if (r.has("scale")) a.scale = r.require<float>("scale");
    if (auto const type = r.get<std::int64_t>("softmax_precision", 0); type != 0)
      a.precision = dtype_from_attribute(type);
    if (a.precision != dtype::undefined && !is_floating(a.precision))
      fail(error_code::malformed_model, "'softmax_precision' is {}, expected a floating type", name(a.precision));
    for (auto const& [name, body] : {std::pair("score_mod", &a.score), std::pair("prob_mod", &a.probability)}) {
      if (!r.has(name)) continue;
      *body = r.require<std::shared_ptr<graph const>>(name);
      if ((*body)->inputs.size() != r.input_count() - 2 || (*body)->outputs.size() != 1)
        fail(error_code::malformed_model, "the subgraph '{}' has {} inputs and {} outputs, expected one of each", name,
             (*body)->inputs.size(), (*body)->outputs.size());
    }
    if (!a.score && !a.probability && r.input_count() > 3)
      fail(error_code::malformed_model, "{} inputs are given, expected 3", r.input_count());
    return a;
  }

  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) {
    for (std::size_t i = 0; i < 3; ++i)
      if (!is_floating(in.element(i)) || in.element(i) != in.element(0))
        fail(error_code::malformed_model, "input {} holds {}, expected one floating type", i, name(in.element(i)));
    if (!in[0].shape || !in[1].shape || !in[2].shape) return {unknown_shape(in.element(0))};
    auto const &q = in.shape(0), &k = in.shape(1), &v = in.shape(2);
    if (q.rank() != 4 || k.rank() != 4 || v.rank() != 4 || k[0] != q[0] || v[0] != q[0] || k[3] != q[3] ||
        v[1] != k[1] || v[2] != k[2] || k[1] < 1 || q[1] % k[1] != 0)
      fail(error_code::malformed_model, "Q, K and V have shapes {}, {} and {}, expected BxHxLxE, BxGxSxE and BxGxSxF",
           q, k, v);
    return {{in.element(0), shape{q[0], q[1], q[2], v[3]}}};
  }

  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a) {
    std::vector<operand> operands;
    for (auto const& t : in) operands.push_back({{t.type(), t.shape()}});
    any_tensor y(in[0].type(), *infer(inputs(operands), a)[0].shape);
    auto const precision = a.precision != dtype::undefined  ? a.precision
                           : in[0].type() == dtype::float64 ? dtype::float64
                                                            : dtype::float32;
    auto const captured = in.subspan(3);
    auto scores = modified(scores_of(in[0].view(), in[1].view(), a, precision), a.score, captured);
    softmax(scores);
    weigh(modified(std::move(scores), a.probability, captured).view(), in[2].view(), y.mutable_view());
    return {y};
  }

 private:
  static double at(tensor_view t, std::int64_t i) { return load<double>(t.type, t.data, static_cast<std::size_t>(i)); }

  static any_tensor modified(any_tensor t, std::shared_ptr<graph const> const& body,
                             std::span<any_tensor const> captured) {
    if (!body) return t;
    std::vector<any_tensor> operands{t};
    operands.insert(operands.end(), captured.begin(), captured.end());
    auto result = graph_evaluation(*body)(operands)[0];
    if (result.type() != t.type() || result.shape() != t.shape())
      fail(error_code::malformed_model, "a subgraph made {} {} of {} {}", name(result.type()), result.shape(),
           name(t.type()), t.shape());
    return result;
  }

  /// The row of K or V that belongs to row `row` of Q or of the scores, by heads.
  static std::int64_t shared_head(std::int64_t head, shape const& q, shape const& k) {
    return head / q[1] * k[1] + head % q[1] / (q[1] / k[1]);
  }

  static any_tensor scores_of(tensor_view q, tensor_view k, attributes const& a, dtype precision) {
    auto const length = q.shape[2], keys = k.shape[2], size = q.shape[3];
    shape const extents{q.shape[0], q.shape[1], length, keys};
    budget("the scores of attention", limits{}.arena_bytes).charge(dense_bytes(precision, extents));
    any_tensor scores(precision, extents);
    auto const scale = a.scale.value_or(1 / std::sqrt(static_cast<double>(size)));
    auto const to = scores.mutable_view();
    std::size_t next = 0;
    for (std::int64_t head = 0; head < q.shape[0] * q.shape[1]; ++head)
      for (std::int64_t i = 0; i < length; ++i)
        for (std::int64_t j = 0; j < keys; ++j) {
          double sum = 0;
          for (std::int64_t e = 0; e < size; ++e)
            sum += at(q, (head * length + i) * size + e) *
                   at(k, (shared_head(head, q.shape, k.shape) * keys + j) * size + e);
          store<double>(to.type, to.data, next++, scale * sum);
        }
    return scores;
  }

  static void softmax(any_tensor& scores) {
    auto const keys = static_cast<std::size_t>(scores.shape().back());
    auto const rows = keys ? scores.elements() / keys : 0;
    auto const t = scores.mutable_view();
    std::vector<double> row(keys);
    for (std::size_t r = 0; r < rows; ++r) {
      load_run<double>(t.type, t.data, r * keys, 1, keys, row.data());
      auto const most = *std::ranges::max_element(row);
      double sum = 0;
      for (auto& x : row) sum += x = std::exp(x - most);
      for (auto& x : row) x /= sum;
      store_run<double>(t.type, t.data, r * keys, keys, row.data());
    }
  }

  static void weigh(tensor_view p, tensor_view v, mutable_tensor_view y) {
    auto const length = p.shape[2], keys = p.shape[3], size = v.shape[3];
    std::size_t next = 0;
    for (std::int64_t head = 0; head < p.shape[0] * p.shape[1]; ++head)
      for (std::int64_t i = 0; i < length; ++i)
        for (std::int64_t e = 0; e < size; ++e) {
          double sum = 0;
          for (std::int64_t j = 0; j < keys; ++j)
            sum += at(p, (head * length + i) * keys + j) *
                   at(v, (shared_head(head, p.shape, v.shape) * keys + j) * size + e);
          store<double>(y.type, y.data, next++, sum);
        }
  }
};

}  // namespace sinter

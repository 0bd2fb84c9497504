#pragma once

#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <numeric>

namespace sinter {

/// TopK: the k greatest or least elements along an axis, and where they lie; of equal ones the first.
/// https://onnx.ai/onnx/operators/onnx__TopK.html
struct top_k {
  static constexpr op_schema schema{.name = "TopK", .since = 1, .max_inputs = 2, .max_outputs = 2};
  struct attributes {
    std::int64_t axis = -1;
    std::optional<std::int64_t> k{};  ///< below version 10
    bool largest = true;
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.axis = r.get<std::int64_t>("axis", -1), .k = {}, .largest = r.get("largest", true)};
    if (r.version() < 10) a.k = r.require<std::int64_t>("k");
    if (!a.k && r.input_count() < 2) fail(error_code::malformed_model, "the input 'K' is required");
    return a;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto out = in.shape(0);
    auto const axis = normalize_axis(a.axis, out.rank());
    auto k = a.k;
    if (!k) {
      auto const given = in.integers(1);
      if (!given) return {unknown_shape(in.element(0)), unknown_shape(dtype::int64)};
      if (given->size() != 1)
        fail(error_code::malformed_model, "the input 'K' has shape {}, expected one element", in.shape(1));
      k = given->front();
    }
    if (*k < 0 || *k > out[axis])
      fail(error_code::malformed_model, "K is {}, expected 0 to {}, the extent of axis {}", *k, out[axis], a.axis);
    out[axis] = *k;
    return {{in.element(0), out}, {dtype::int64, out}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& chosen = out[0] ? out[0] : out[1];
    auto const axis = normalize_axis(a.axis, in[0].shape.rank());
    auto const view = kernels::axis_view::of(in[0].shape, axis);
    auto const k = chosen.shape[axis];
    visit_compute(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]);
      kernels::staged_output<T> values(out[0]);
      kernels::staged_output<std::int64_t> indices(out.size() > 1 ? out[1] : mutable_tensor_view{});
      std::vector<std::int64_t> order(static_cast<std::size_t>(view.extent));
      std::int64_t line = 0;
      view.for_each_line([&](std::int64_t first) {
        auto const at = [&](std::int64_t i) { return x[first + i * view.inner]; };
        auto const before = [&](std::int64_t i, std::int64_t j) {
          auto const p = at(i), q = at(j);
          bool const p_nan = p != p, q_nan = q != q;
          if (p_nan != q_nan) return p_nan == a.largest;
          if (!p_nan && p != q) return a.largest ? p > q : p < q;
          return i < j;
        };
        std::iota(order.begin(), order.end(), 0);
        std::partial_sort(order.begin(), order.begin() + k, order.end(), before);
        auto const target = line / view.inner * k * view.inner + line % view.inner;
        ++line;
        for (std::int64_t i = 0; i < k; ++i) {
          auto const source = order[static_cast<std::size_t>(i)];
          if (values.data()) values[target + i * view.inner] = at(source);
          if (indices.data()) indices[target + i * view.inner] = source;
        }
      });
    });
  }
};

}  // namespace sinter

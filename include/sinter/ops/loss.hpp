#pragma once

#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <cmath>

namespace sinter {

/// NegativeLogLikelihoodLoss, and SoftmaxCrossEntropyLoss, which takes the logarithm of softmax first.
/// https://onnx.ai/onnx/operators/onnx__NegativeLogLikelihoodLoss.html
template <bool Softmax>
struct likelihood_loss {
  static constexpr op_schema schema{.name = Softmax ? "SoftmaxCrossEntropyLoss" : "NegativeLogLikelihoodLoss",
                                    .since = 12,
                                    .min_inputs = 2,
                                    .max_inputs = 3,
                                    .max_outputs = Softmax ? 2 : 1};
  enum class reduction { none, mean, sum };
  struct attributes {
    reduction how = reduction::mean;
    std::optional<std::int64_t> ignored{};
  };

  static attributes parse(attribute_reader const& r) {
    constexpr std::array<std::string_view, 3> names{"none", "mean", "sum"};
    attributes a{.how = static_cast<reduction>(r.choice("reduction", "mean", names)), .ignored = {}};
    if (r.has("ignore_index")) a.ignored = r.require<std::int64_t>("ignore_index");
    return a;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const& x = in.shape(0);
    auto expected = x;
    if (x.rank() >= 2) expected.erase(1);
    if (x.rank() < 2 || in.shape(1) != expected)
      fail(error_code::malformed_model, "the targets have shape {}, the input has shape {}, expected NxCx... and Nx...",
           in.shape(1), x);
    if (x[1] == 0) fail(error_code::malformed_model, "the input has shape {}, expected at least one class", x);
    if (in.has(2) && in.shape(2) != shape{x[1]})
      fail(error_code::malformed_model, "the weights have shape {}, expected {}", in.shape(2), x[1]);
    return {{in.element(0), a.how == reduction::none ? expected : shape{}}, in[0]};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const view = kernels::axis_view::of(in[0].shape, 1);
    auto const targets = integers_of(in[1]);
    visit_floating(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]), weights(in.size() > 2 ? in[2] : tensor_view{});
      kernels::staged_output<T> y(out[0]), logarithms(out.size() > 1 ? out[1] : mutable_tensor_view{});
      double total = 0, weight_sum = 0;
      std::size_t index = 0;
      view.for_each_line([&](std::int64_t first) {
        auto const shift = Softmax ? log_of_sum(x + first, view) : 0;
        if (logarithms.data())
          for (std::int64_t i = 0; i < view.extent; ++i) {
            auto const at = first + i * view.inner;
            logarithms[at] = static_cast<T>(static_cast<double>(x[at]) - shift);
          }
        auto const target = targets[index];
        double loss = 0;
        if (!a.ignored || target != *a.ignored) {
          if (target < 0 || target >= view.extent)
            fail(error_code::malformed_model, "a target is {}, expected 0 to {}", target, view.extent - 1);
          auto const weight = weights.data() ? static_cast<double>(weights[target]) : 1;
          loss = weight * (shift - static_cast<double>(x[first + target * view.inner]));
          weight_sum += weight;
        }
        if (a.how == reduction::none && y.data()) y[index] = static_cast<T>(loss);
        total += loss;
        ++index;
      });
      if (a.how == reduction::none || !y.data()) return;
      y[0] = static_cast<T>(a.how == reduction::sum ? total : total / weight_sum);
    });
  }

 private:
  template <typename T>
  static double log_of_sum(T const* x, kernels::axis_view const& view) {
    auto greatest = static_cast<double>(x[0]), sum = 0.0;
    for (std::int64_t i = 1; i < view.extent; ++i)
      greatest = std::max(greatest, static_cast<double>(x[i * view.inner]));
    for (std::int64_t i = 0; i < view.extent; ++i) sum += std::exp(static_cast<double>(x[i * view.inner]) - greatest);
    return greatest + std::log(sum);
  }
};

}  // namespace sinter

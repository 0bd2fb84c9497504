#pragma once

#include <sinter/kernels/loss.hpp>
#include <sinter/ops/entry.hpp>

#include <optional>

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
  using reduction = kernels::loss_reduction;
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

  static kernel_call kernel(inputs const&, attributes const& a) {
    return {.kernel = {kernels::likelihood_loss, "likelihood_loss", "loss.hpp"},
            .integers = {Softmax, static_cast<std::int64_t>(a.how), a.ignored.has_value(), a.ignored.value_or(0)},
            .may_fail = true};
  }
};

}  // namespace sinter

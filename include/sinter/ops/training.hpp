#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/ops/entry.hpp>

#include <array>
#include <cmath>
#include <vector>

/// Steps of optimisers. Inputs are a rate, the number of steps so far, the tensors to optimise, their gradients, and
/// what the optimiser keeps of each tensor; outputs are the new tensors and what is kept.
namespace sinter {

/// Adam, Adagrad and Momentum: a step of one of them is
///   static std::size_t kept;                                            tensors that it keeps of each
///   static void step(attributes const&, double rate, double count, double x, double g, double const* in, double* out);
/// where `out` are the new element and what is kept of it.
template <typename Rule>
struct optimizer {
  static constexpr op_schema schema{
      .name = Rule::name, .since = 1, .domain = "ai.onnx.preview.training", .min_inputs = 2, .max_outputs = 16384};
  using attributes = Rule;
  static constexpr std::size_t kinds = 2 + Rule::kept;

  static attributes parse(attribute_reader const& r) {
    if ((r.input_count() - 2) % kinds != 0)
      fail(error_code::malformed_model, "{} inputs are given, expected 2 and {} for each tensor", r.input_count(),
           kinds);
    return Rule::parse(r);
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) {
    auto const count = (in.size() - 2) / kinds;
    types result;
    for (std::size_t kind = 0; kind < kinds; ++kind)
      for (std::size_t i = 0; i < count; ++i) {
        auto const& type = in[2 + kind * count + i];
        if (auto const& first = in[2 + i]; type.shape && first.shape && *type.shape != *first.shape)
          fail(error_code::malformed_model, "inputs that belong together have shapes {} and {}", *first.shape,
               *type.shape);
        if (kind != 1) result.push_back(type);
      }
    return result;
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const count = (in.size() - 2) / kinds;
    auto const rate = load<double>(in[0].type, in[0].data, 0), steps = load<double>(in[1].type, in[1].data, 0);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t at = 0; at < in[2 + i].elements(); ++at) {
        std::array<double, kinds> given{}, made{};
        for (std::size_t kind = 0; kind < kinds; ++kind) {
          auto const& v = in[2 + kind * count + i];
          given[kind] = load<double>(v.type, v.data, at);
        }
        Rule::step(a, rate, steps, given.data(), made.data());
        for (std::size_t kind = 0; kind < kinds - 1; ++kind)
          if (auto const& y = out[kind * count + i]; y) store<double>(y.type, y.data, at, made[kind]);
      }
  }
};

/// https://onnx.ai/onnx/operators/onnx_aionnxpreviewtraining_Adam.html
struct adam_rule {
  static constexpr std::string_view name = "Adam";
  static constexpr std::size_t kept = 2;
  double alpha = 0, beta = 0, decay = 0, decay_after = 0, epsilon = 0;

  static adam_rule parse(attribute_reader const& r) {
    return {.alpha = r.get("alpha", 0.9f),
            .beta = r.get("beta", 0.999f),
            .decay = r.get("norm_coefficient", 0.0f),
            .decay_after = r.get("norm_coefficient_post", 0.0f),
            .epsilon = r.get("epsilon", 1e-6f)};
  }
  /// In: x, gradient, its mean, the mean of its square; out: x and the means.
  static void step(adam_rule const& a, double rate, double count, double const* in, double* out) {
    auto const gradient = a.decay * in[0] + in[1];
    out[1] = a.alpha * in[2] + (1 - a.alpha) * gradient;
    out[2] = a.beta * in[3] + (1 - a.beta) * gradient * gradient;
    if (count > 0) rate *= std::sqrt(1 - std::pow(a.beta, count)) / (1 - std::pow(a.alpha, count));
    out[0] = (1 - a.decay_after) * (in[0] - rate * out[1] / (std::sqrt(out[2]) + a.epsilon));
  }
};

/// https://onnx.ai/onnx/operators/onnx_aionnxpreviewtraining_Adagrad.html
struct adagrad_rule {
  static constexpr std::string_view name = "Adagrad";
  static constexpr std::size_t kept = 1;
  double decay = 0, rate_decay = 0, epsilon = 0;

  static adagrad_rule parse(attribute_reader const& r) {
    return {.decay = r.get("norm_coefficient", 0.0f),
            .rate_decay = r.get("decay_factor", 0.0f),
            .epsilon = r.get("epsilon", 1e-6f)};
  }
  /// In: x, gradient, the sum of its squares; out: x and the sum.
  static void step(adagrad_rule const& a, double rate, double count, double const* in, double* out) {
    auto const gradient = a.decay * in[0] + in[1];
    out[1] = in[2] + gradient * gradient;
    out[0] = in[0] - rate / (1 + count * a.rate_decay) * gradient / (std::sqrt(out[1]) + a.epsilon);
  }
};

/// https://onnx.ai/onnx/operators/onnx_aionnxpreviewtraining_Momentum.html
struct momentum_rule {
  static constexpr std::string_view name = "Momentum";
  static constexpr std::size_t kept = 1;
  double alpha = 0, beta = 0, decay = 0;
  bool nesterov = false;

  static momentum_rule parse(attribute_reader const& r) {
    static constexpr std::array<std::string_view, 2> modes{"standard", "nesterov"};
    return {.alpha = r.require<float>("alpha"),
            .beta = r.require<float>("beta"),
            .decay = r.require<float>("norm_coefficient"),
            .nesterov = r.choice("mode", r.require<std::string>("mode"), modes) == 1};
  }
  /// In: x, gradient, momentum; out: x and momentum.
  static void step(momentum_rule const& a, double rate, double count, double const* in, double* out) {
    auto const gradient = a.decay * in[0] + in[1];
    out[1] = a.alpha * in[2] + (count > 0 ? a.beta : 1) * gradient;
    out[0] = in[0] - rate * (a.nesterov ? gradient + a.alpha * out[1] : out[1]);
  }
};

/// All of them, as one line of the list of operators.
struct optimizer_family {
  static constexpr std::array entries{entry_of<optimizer<adam_rule>>(), entry_of<optimizer<adagrad_rule>>(),
                                      entry_of<optimizer<momentum_rule>>()};
};

}  // namespace sinter

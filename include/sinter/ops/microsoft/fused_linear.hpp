#pragma once

#include <sinter/ops/microsoft/bias_activation.hpp>

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <vector>

namespace sinter::microsoft {

/// An activation that another operator applies to its results, with the names of its parameters in the order in which
/// onnxruntime lists them.
struct applied_activation {
  std::string name{};  ///< empty: none
  attribute_map attributes{};
};

struct activation_row {
  std::string_view name;
  std::array<std::string_view, 2> parameters;
};

inline constexpr activation_row applicable_activations[] = {
    {"Relu", {}},
    {"Tanh", {}},
    {"Sigmoid", {}},
    {"Softplus", {}},
    {"Softsign", {}},
    {"LeakyRelu", {"alpha"}},
    {"Elu", {"alpha"}},
    {"ThresholdedRelu", {"alpha"}},
    {"Celu", {"alpha"}},
    {"HardSigmoid", {"alpha", "beta"}},
    {"Clip", {"min", "max"}},
    {"Selu", {"alpha", "gamma"}},
};

/// The row of the activation that the attribute names, or null without one.
inline activation_row const* read_activation_name(attribute_reader const& r) {
  auto const name = r.get<std::string>("activation", "");
  if (name.empty()) return nullptr;
  auto const row = std::ranges::find(applicable_activations, name, &activation_row::name);
  if (row == std::end(applicable_activations))
    fail(error_code::unsupported_feature, "the attribute 'activation' is '{}', which is not supported", name);
  return &*row;
}

inline value_id activate(body_builder& b, value_id x, applied_activation const& f) {
  if (f.name.empty()) return x;
  if (f.name != "Clip") return b(f.name, {x}, f.attributes);
  auto const bound = [&](std::string_view name) {
    return b.number(static_cast<double>(std::get<float>(f.attributes.find(name)->second)), b.element(x));
  };
  return b("Clip", {x, bound("min"), bound("max")});
}

/// FusedConv: Conv, to which a tensor of the output's shape may be added, and an activation.
struct fused_conv {
  static constexpr op_schema schema{.name = "FusedConv", .domain = domain, .min_inputs = 2, .max_inputs = 4};
  struct attributes {
    attribute_map window{};
    applied_activation activation{};
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) {
    attributes a{.window = r.pass_on({"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"}),
                 .activation = {}};
    auto const* const row = read_activation_name(r);
    auto const given = r.get("activation_params", std::vector<float>{});
    auto const expected = row ? std::ranges::count_if(row->parameters, [](auto p) { return !p.empty(); }) : 0;
    if (static_cast<std::ptrdiff_t>(given.size()) != expected)
      fail(error_code::malformed_model, "the attribute 'activation_params' has {} numbers, expected {} for '{}'",
           given.size(), expected, row ? row->name : "no activation");
    if (!row) return a;
    a.activation.name = row->name;
    for (std::size_t i = 0; i < given.size(); ++i) a.activation.attributes[row->parameters[i]] = given[i];
    return a;
  }

  static graph body(inputs const& in, attributes const& a) {
    body_builder b(in);
    auto y = b("Conv", {b.input(0), b.input(1), b.input(2)}, a.window);
    if (in.has(3) && b.type(y).shape && in[3].shape && b.shape(y) != in.shape(3))
      fail(error_code::malformed_model, "the input 3 has shape {}, expected {} as the output has", in.shape(3),
           b.shape(y));
    y = b.plus(y, b.input(3));
    return b.finish({activate(b, y, a.activation)});
  }
};

/// FusedGemm: Gemm and an activation.
struct fused_gemm {
  static constexpr op_schema schema{.name = "FusedGemm", .domain = domain, .min_inputs = 2, .max_inputs = 3};
  struct attributes {
    attribute_map product{};
    applied_activation activation{};
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) {
    attributes a{.product = r.pass_on({"alpha", "beta", "transA", "transB"}), .activation = {}};
    auto const* const row = read_activation_name(r);
    if (!row) return a;
    a.activation.name = row->name;
    for (auto const parameter : row->parameters) {
      if (parameter.empty()) continue;
      auto const name = fmt::format("activation_{}", parameter);
      a.activation.attributes[parameter] = r.require<float>(name);
    }
    return a;
  }

  static graph body(inputs const& in, attributes const& a) {
    body_builder b(in);
    auto const y = b("Gemm", {b.input(0), b.input(1), b.input(2)}, a.product);
    return b.finish({activate(b, y, a.activation)});
  }
};

/// FusedMatMul, once TransposeMatMul: alpha * A' * B'. A factor may be transposed in its last two axes, and before that
/// its first axis may be moved to be the last but one.
template <bool Batched>
struct fused_matmul {
  static constexpr op_schema schema{
      .name = Batched ? "FusedMatMul" : "TransposeMatMul", .domain = domain, .min_inputs = 2, .max_inputs = 2};
  struct factor {
    bool transposed = false, batch_transposed = false;
  };
  struct attributes {
    float alpha = 1;
    factor a{}, b{};
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.alpha = r.get("alpha", 1.0f),
                 .a = {.transposed = r.get("transA", false)},
                 .b = {.transposed = r.get("transB", false)}};
    if constexpr (Batched) {
      a.a.batch_transposed = r.get("transBatchA", false);
      a.b.batch_transposed = r.get("transBatchB", false);
    }
    return a;
  }

  static graph body(inputs const& in, attributes const& a) {
    body_builder b(in);
    auto const y = b("MatMul", {ordered(b, 0, a.a), ordered(b, 1, a.b)});
    return b.finish({b.times(y, static_cast<double>(a.alpha))});
  }

 private:
  static value_id ordered(body_builder& b, std::size_t i, factor const& f) {
    auto const x = b.input(i);
    auto const rank = b.shape(x).rank();
    if (rank < 2) return x;  // a vector is what it is, however transposed
    std::vector<std::int64_t> order(rank);
    std::iota(order.begin(), order.end(), 0);
    if (f.batch_transposed) std::rotate(order.begin(), order.begin() + 1, order.end() - 1);
    if (f.transposed) std::swap(order[rank - 2], order[rank - 1]);
    return std::ranges::is_sorted(order) ? x : b.transpose(x, order);
  }
};

}  // namespace sinter::microsoft

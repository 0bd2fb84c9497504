#pragma once

#include <sinter/kernels/random.hpp>
#include <sinter/ops/cast.hpp>
#include <sinter/ops/entry.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

/// Random numbers. With a seed every run of a node gives the same; without one each run gives others.
namespace sinter {

struct random_attributes {
  std::optional<float> seed{};
  dtype type = dtype::undefined;  ///< undefined: that of input 0
  double first = 0, second = 1;   ///< the bounds, or mean and deviation
  std::vector<std::int64_t> extents{};
  std::int64_t samples = 1;

  static random_attributes parse(attribute_reader const& r, std::int64_t type) {
    random_attributes a{.seed = {}, .type = dtype::undefined};
    if (r.has("seed")) a.seed = r.require<float>("seed");
    if (a.seed && !(std::abs(*a.seed) < 0x1p62f)) fail(error_code::malformed_model, "the seed is {}", *a.seed);
    if (auto const given = r.get<std::int64_t>("dtype", type); given != 0) a.type = dtype_from_attribute(given);
    return a;
  }
  kernels::random_source source() const {
    return seed ? kernels::random_source(static_cast<std::uint32_t>(static_cast<std::int64_t>(*seed)))
                : kernels::random_source();
  }
  dtype type_like(inputs const& in) const { return type == dtype::undefined ? in.element(0) : type; }
};

enum class distribution { uniform, normal };

/// RandomUniform and RandomNormal, and with the shape of an input RandomUniformLike and RandomNormalLike.
/// https://onnx.ai/onnx/operators/onnx__RandomUniform.html
template <distribution Kind, bool Like>
struct random_tensor {
  static constexpr op_schema schema{.name = Kind == distribution::uniform ? Like ? "RandomUniformLike" : "RandomUniform"
                                            : Like                        ? "RandomNormalLike"
                                                                          : "RandomNormal",
                                    .min_inputs = Like,
                                    .max_inputs = Like};
  using attributes = random_attributes;

  static attributes parse(attribute_reader const& r) {
    auto a = attributes::parse(r, Like ? 0 : 1);
    bool const uniform = Kind == distribution::uniform;
    a.first = r.get(uniform ? "low" : "mean", 0.0f);
    a.second = r.get(uniform ? "high" : "scale", 1.0f);
    if (!Like) a.extents = r.require<std::vector<std::int64_t>>("shape");
    return a;
  }
  static dtype element(inputs const& in, attributes const& a, std::size_t) { return a.type_like(in); }
  static types infer(inputs const& in, attributes const& a) {
    if (!is_floating(a.type_like(in)))
      fail(error_code::malformed_model, "random {} is asked for, expected a floating type", name(a.type_like(in)));
    return {{a.type_like(in), Like ? in.shape(0) : shape(std::span(a.extents))}};
  }
  static void evaluate(input_views, output_views out, attributes const& a) {
    auto source = a.source();
    for (std::size_t i = 0; i < out[0].elements(); ++i)
      store<double>(out[0].type, out[0].data, i,
                    Kind == distribution::uniform ? a.first + (a.second - a.first) * source.uniform()
                                                  : a.first + a.second * source.normal());
  }
};

/// Bernoulli: ones with the probabilities of the input.   https://onnx.ai/onnx/operators/onnx__Bernoulli.html
struct bernoulli {
  static constexpr op_schema schema{.name = "Bernoulli", .since = 15, .max_inputs = 1};
  using attributes = random_attributes;

  static attributes parse(attribute_reader const& r) { return attributes::parse(r, 0); }
  static dtype element(inputs const& in, attributes const& a, std::size_t) { return a.type_like(in); }
  static types infer(inputs const& in, attributes const& a) { return {{a.type_like(in), in.shape(0)}}; }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto source = a.source();
    for (std::size_t i = 0; i < out[0].elements(); ++i)
      store<double>(out[0].type, out[0].data, i, source.uniform() < load<double>(in[0].type, in[0].data, i) ? 1 : 0);
  }
};

/// Multinomial: classes drawn by their unnormalised log-probabilities, which rows of the input hold.
/// https://onnx.ai/onnx/operators/onnx__Multinomial.html
struct multinomial {
  static constexpr op_schema schema{.name = "Multinomial", .since = 7, .max_inputs = 1};
  using attributes = random_attributes;

  static attributes parse(attribute_reader const& r) {
    auto a = attributes::parse(r, static_cast<std::int64_t>(dtype::int32));
    a.samples = r.get<std::int64_t>("sample_size", 1);
    if (a.samples < 0) fail(error_code::malformed_model, "the attribute 'sample_size' is {}", a.samples);
    return a;
  }
  static dtype element(inputs const&, attributes const& a, std::size_t) { return a.type; }
  static types infer(inputs const& in, attributes const& a) {
    auto const& x = in.shape(0);
    if (x.rank() != 2 || x[1] < 1) fail(error_code::malformed_model, "the input has shape {}, expected NxC", x);
    return {{a.type, shape{x[0], a.samples}}};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto source = a.source();
    auto const classes = static_cast<std::size_t>(in[0].shape[1]), samples = static_cast<std::size_t>(a.samples);
    std::vector<double> sums(classes);
    for (std::size_t row = 0; row < static_cast<std::size_t>(in[0].shape[0]); ++row) {
      auto const logit = [&](std::size_t c) { return load<double>(in[0].type, in[0].data, row * classes + c); };
      auto most = -std::numeric_limits<double>::infinity();
      for (std::size_t c = 0; c < classes; ++c) most = std::max(most, logit(c));
      for (std::size_t c = 0; c < classes; ++c) sums[c] = (c ? sums[c - 1] : 0) + std::exp(logit(c) - most);
      for (std::size_t s = 0; s < samples; ++s) {
        auto const at = std::ranges::upper_bound(sums, source.uniform() * sums.back()) - sums.begin();
        store<std::int64_t>(out[0].type, out[0].data, row * samples + s,
                            std::min<std::int64_t>(at, static_cast<std::int64_t>(classes) - 1));
      }
    }
  }
};

/// All of them, as one line of the list of operators.
struct random_family {
  static constexpr std::array entries{entry_of<random_tensor<distribution::uniform, false>>(),
                                      entry_of<random_tensor<distribution::uniform, true>>(),
                                      entry_of<random_tensor<distribution::normal, false>>(),
                                      entry_of<random_tensor<distribution::normal, true>>(),
                                      entry_of<bernoulli>(),
                                      entry_of<multinomial>()};
};

}  // namespace sinter

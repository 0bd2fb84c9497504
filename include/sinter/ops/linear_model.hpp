#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/ml_scores.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace sinter {

/// Weights of each feature for each target.
struct linear_model {
  std::vector<float> coefficients{}, intercepts{};
  post_transform transform = post_transform::none;
  std::int64_t targets = 1;

  static linear_model parse(attribute_reader const& r, std::int64_t targets) {
    using floats = std::vector<float>;
    linear_model m{.coefficients = r.require<floats>("coefficients"),
                   .intercepts = r.get("intercepts", floats()),
                   .transform = parse_post_transform(r),
                   .targets = targets};
    if (targets < 1 || (!m.intercepts.empty() && static_cast<std::int64_t>(m.intercepts.size()) != targets))
      fail(error_code::malformed_model, "{} intercepts are given for {} targets", m.intercepts.size(), targets);
    return m;
  }
  feature_matrix matrix_of(shape const& x) const {
    auto const m = feature_matrix::of(x);
    if (static_cast<std::int64_t>(coefficients.size()) != checked_mul(m.columns, targets))
      fail(error_code::malformed_model, "{} coefficients are given for {} features and {} targets", coefficients.size(),
           m.columns, targets);
    return m;
  }
  /// The scores of row `row`, before the transform.
  std::vector<double> score(tensor_view x, std::size_t row, std::size_t columns) const {
    std::vector<double> y(intercepts.begin(), intercepts.end());
    y.resize(static_cast<std::size_t>(targets));
    for (std::size_t t = 0; t < y.size(); ++t)
      for (std::size_t i = 0; i < columns; ++i)
        y[t] += coefficients[t * columns + i] * load<double>(x.type, x.data, row * columns + i);
    return y;
  }
};

/// LinearRegressor   https://onnx.ai/onnx/operators/onnx_aionnxml_LinearRegressor.html
struct linear_regressor {
  static constexpr op_schema schema{.name = "LinearRegressor", .since = 1, .domain = "ai.onnx.ml", .max_inputs = 1};
  using attributes = linear_model;

  static attributes parse(attribute_reader const& r) {
    return linear_model::parse(r, r.get<std::int64_t>("targets", 1));
  }
  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::float32; }
  static types infer(inputs const& in, attributes const& a) {
    return {{dtype::float32, shape{a.matrix_of(in.shape(0)).rows, a.targets}}};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const m = a.matrix_of(in[0].shape);
    for (std::size_t row = 0; row < static_cast<std::size_t>(m.rows); ++row) {
      auto y = a.score(in[0], row, static_cast<std::size_t>(m.columns));
      post_process(a.transform, y);
      store_run<double>(out[0].type, out[0].data, row * y.size(), y.size(), y.data());
    }
  }
};

/// LinearClassifier   https://onnx.ai/onnx/operators/onnx_aionnxml_LinearClassifier.html
struct linear_classifier {
  static constexpr op_schema schema{
      .name = "LinearClassifier", .since = 1, .domain = "ai.onnx.ml", .max_inputs = 1, .max_outputs = 2};
  struct attributes {
    linear_model model{};
    class_labels labels{};
    bool binary = false;  ///< one set of coefficients for two classes
  };

  static attributes parse(attribute_reader const& r) {
    r.ignore("multi_class");  // how the coefficients were found
    attributes a{.model = {}, .labels = class_labels::parse(r, "classlabels_ints", "classlabels_strings")};
    auto const intercepts = r.get("intercepts", std::vector<float>()).size();
    auto const classes = static_cast<std::int64_t>(a.labels.size());
    a.binary = classes == 2 && intercepts == 1;
    a.model = linear_model::parse(r, a.binary ? 1 : classes);
    return a;
  }
  static dtype element(inputs const&, attributes const& a, std::size_t output) {
    return output == 0 ? a.labels.type() : dtype::float32;
  }
  static types infer(inputs const& in, attributes const& a) {
    auto const rows = a.model.matrix_of(in.shape(0)).rows;
    return {{a.labels.type(), shape{rows}}, {dtype::float32, shape{rows, static_cast<std::int64_t>(a.labels.size())}}};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const m = a.model.matrix_of(in[0].shape);
    for (std::size_t row = 0; row < static_cast<std::size_t>(m.rows); ++row) {
      auto y = a.model.score(in[0], row, static_cast<std::size_t>(m.columns));
      bool const second = y[0] > 0;
      if (a.binary) y = {a.model.transform == post_transform::none ? 1 - y[0] : -y[0], y[0]};
      auto const best =
          a.binary ? std::size_t{second} : static_cast<std::size_t>(std::ranges::max_element(y) - y.begin());
      if (out[0]) a.labels.write(out[0], row, best);
      post_process(a.model.transform, y);
      if (out.size() > 1 && out[1]) store_run<double>(out[1].type, out[1].data, row * y.size(), y.size(), y.data());
    }
  }
};

/// Both, as one line of the list of operators.
struct linear_model_family {
  static constexpr std::array entries{entry_of<linear_regressor>(), entry_of<linear_classifier>()};
};

}  // namespace sinter

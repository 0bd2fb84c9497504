#pragma once

#include <sinter/kernels/movement.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/ml_scores.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

/// Operators of ai.onnx.ml, besides trees and linear models: what scikit-learn's estimators become.
namespace sinter {

namespace detail {

inline constexpr std::string_view ml_domain = "ai.onnx.ml";

/// An attribute list with one entry for each feature, or one for all.
struct feature_list {
  std::vector<float> values{};

  void expect(std::int64_t features, std::string_view what) const {
    if (values.size() > 1 && static_cast<std::int64_t>(values.size()) != features)
      fail(error_code::malformed_model, "the attribute '{}' has {} entries, expected one or {}", what, values.size(),
           features);
  }
  double at(std::size_t feature, double otherwise) const {
    return values.empty() ? otherwise : values[values.size() == 1 ? 0 : feature % values.size()];
  }
};

}  // namespace detail

/// ArrayFeatureExtractor: elements of the last axis.
/// https://onnx.ai/onnx/operators/onnx_aionnxml_ArrayFeatureExtractor.html
struct array_feature_extractor {
  static constexpr op_schema schema{
      .name = "ArrayFeatureExtractor", .since = 1, .domain = detail::ml_domain, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    auto extents = in.shape(0);
    if (extents.rank() == 0) fail(error_code::malformed_model, "the input is a scalar");
    if (in.element(1) != dtype::int64) fail(error_code::malformed_model, "the indices are {}", name(in.element(1)));
    if (extents.rank() == 1) extents.insert(0, 1);
    extents.back() = static_cast<std::int64_t>(in.shape(1).elements());
    return {{in.element(0), extents}};
  }
  static void evaluate(input_views in, output_views out, attributes const&) {
    auto const extent = in[0].shape.back();
    auto const at = in[1].as<std::int64_t>();
    for (std::size_t i = 0; i < out[0].elements(); ++i) {
      auto const index = at[i % at.size()];
      if (index < 0 || index >= extent)
        fail(error_code::invalid_argument, "an index is {}, expected 0 to {}", index, extent - 1);
      copy_elements(in[0], static_cast<std::int64_t>(i / at.size()) * extent + index, out[0],
                    static_cast<std::int64_t>(i), 1);
    }
  }
};

/// Binarizer: whether an element is greater than a threshold.
/// https://onnx.ai/onnx/operators/onnx_aionnxml_Binarizer.html
struct binarizer {
  static constexpr op_schema schema{.name = "Binarizer", .since = 1, .domain = detail::ml_domain, .max_inputs = 1};
  struct attributes {
    double threshold = 0;
  };

  static attributes parse(attribute_reader const& r) { return {r.get("threshold", 0.0f)}; }
  static types infer(inputs const& in, attributes const&) { return {in[0]}; }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    for (std::size_t i = 0; i < out[0].elements(); ++i)
      store<double>(out[0].type, out[0].data, i, load<double>(in[0].type, in[0].data, i) > a.threshold);
  }
};

/// Scaler: (x - offset) * scale by features.   https://onnx.ai/onnx/operators/onnx_aionnxml_Scaler.html
struct scaler {
  static constexpr op_schema schema{.name = "Scaler", .since = 1, .domain = detail::ml_domain, .max_inputs = 1};
  struct attributes {
    detail::feature_list offset{}, scale{};
  };

  static attributes parse(attribute_reader const& r) {
    using floats = std::vector<float>;
    return {.offset = {r.get("offset", floats())}, .scale = {r.get("scale", floats())}};
  }
  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::float32; }
  static types infer(inputs const& in, attributes const& a) {
    auto const features = in.shape(0).rank() ? in.shape(0).back() : 1;
    a.offset.expect(features, "offset");
    a.scale.expect(features, "scale");
    return {{dtype::float32, in.shape(0)}};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const features = in[0].shape.rank() ? static_cast<std::size_t>(in[0].shape.back()) : 1;
    for (std::size_t i = 0; i < out[0].elements(); ++i)
      store<double>(
          out[0].type, out[0].data, i,
          (load<double>(in[0].type, in[0].data, i) - a.offset.at(i % features, 0)) * a.scale.at(i % features, 1));
  }
};

/// Normalizer: rows divided by their maximum, sum or length.
/// https://onnx.ai/onnx/operators/onnx_aionnxml_Normalizer.html
struct normalizer {
  static constexpr op_schema schema{.name = "Normalizer", .since = 1, .domain = detail::ml_domain, .max_inputs = 1};
  enum class norm : std::size_t { greatest, sum, length };
  struct attributes {
    norm by = norm::greatest;
  };

  static attributes parse(attribute_reader const& r) {
    static constexpr std::array<std::string_view, 3> names{"MAX", "L1", "L2"};
    return {static_cast<norm>(r.choice("norm", "MAX", names))};
  }
  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::float32; }
  static types infer(inputs const& in, attributes const&) {
    feature_matrix::of(in.shape(0));
    return {{dtype::float32, in.shape(0)}};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const columns = static_cast<std::size_t>(feature_matrix::of(in[0].shape).columns);
    std::vector<double> row(columns);
    for (std::size_t at = 0; at < in[0].elements(); at += columns) {
      load_run<double>(in[0].type, in[0].data, at, 1, columns, row.data());
      double divisor = a.by == norm::greatest ? *std::ranges::max_element(row) : 0;
      for (auto const x : row) divisor += a.by == norm::sum ? std::abs(x) : a.by == norm::length ? x * x : 0;
      if (a.by == norm::length) divisor = std::sqrt(divisor);
      for (auto& x : row) x = divisor != 0 ? x / divisor : x;
      store_run<double>(out[0].type, out[0].data, at, columns, row.data());
    }
  }
};

/// Imputer: values in place of one that stands for none.   https://onnx.ai/onnx/operators/onnx_aionnxml_Imputer.html
struct imputer {
  static constexpr op_schema schema{.name = "Imputer", .since = 1, .domain = detail::ml_domain, .max_inputs = 1};
  struct attributes {
    std::vector<double> values{};
    double replaced = 0;
    bool integers = false;
  };

  static attributes parse(attribute_reader const& r) {
    auto const floats = r.get("imputed_value_floats", std::vector<float>());
    auto const integers = r.get("imputed_value_int64s", std::vector<std::int64_t>());
    auto const real = r.get("replaced_value_float", 0.0f);
    auto const integer = r.get<std::int64_t>("replaced_value_int64", 0);
    if (floats.empty() == integers.empty())
      fail(error_code::malformed_model, "expected either 'imputed_value_floats' or 'imputed_value_int64s'");
    attributes a{.values = {floats.begin(), floats.end()}, .replaced = real, .integers = floats.empty()};
    if (!a.integers) return a;
    a.values.assign(integers.begin(), integers.end());
    a.replaced = static_cast<double>(integer);
    return a;
  }
  static types infer(inputs const& in, attributes const& a) {
    auto const features = in.shape(0).rank() ? in.shape(0).back() : 1;
    if (is_integer(in.element(0)) != a.integers)
      fail(error_code::malformed_model, "{} is imputed into {}", a.integers ? "an integer" : "a float",
           name(in.element(0)));
    if (a.values.size() > 1 && static_cast<std::int64_t>(a.values.size()) != features)
      fail(error_code::malformed_model, "{} values are given for {} features", a.values.size(), features);
    return {in[0]};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    for (std::size_t i = 0; i < out[0].elements(); ++i) {
      auto const x = load<double>(in[0].type, in[0].data, i);
      bool const missing = std::isnan(a.replaced) ? std::isnan(x) : x == a.replaced;
      if (missing)
        store<double>(out[0].type, out[0].data, i, a.values[i % a.values.size()]);
      else
        copy_elements(in[0], static_cast<std::int64_t>(i), out[0], static_cast<std::int64_t>(i), 1);
    }
  }
};

/// FeatureVectorizer: matrices side by side, as floats.
/// https://onnx.ai/onnx/operators/onnx_aionnxml_FeatureVectorizer.html
struct feature_vectorizer {
  static constexpr op_schema schema{.name = "FeatureVectorizer", .since = 1, .domain = detail::ml_domain};
  struct attributes {
    std::vector<std::int64_t> widths{};
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{r.get("inputdimensions", std::vector<std::int64_t>())};
    if (!a.widths.empty() && a.widths.size() != r.input_count())
      fail(error_code::malformed_model, "'inputdimensions' has {} entries for {} inputs", a.widths.size(),
           r.input_count());
    return a;
  }
  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::float32; }
  /// Columns of input `i` that count.
  static std::int64_t width(shape const& s, std::size_t i, attributes const& a) {
    auto const columns = feature_matrix::of(s).columns;
    if (a.widths.empty()) return columns;
    if (a.widths[i] < 0 || a.widths[i] > columns)
      fail(error_code::malformed_model, "input {} has {} columns, expected {}", i, columns, a.widths[i]);
    return a.widths[i];
  }
  static types infer(inputs const& in, attributes const& a) {
    std::int64_t columns = 0;
    auto const rows = feature_matrix::of(in.shape(0)).rows;
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (feature_matrix::of(in.shape(i)).rows != rows)
        fail(error_code::malformed_model, "inputs have shapes {} and {}", in.shape(0), in.shape(i));
      columns = checked_add(columns, width(in.shape(i), i, a));
    }
    return {{dtype::float32, shape{rows, columns}}};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const y = out[0].as<float>();
    auto const total = static_cast<std::size_t>(out[0].shape[1]);
    std::size_t first = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
      auto const columns = static_cast<std::size_t>(feature_matrix::of(in[i].shape).columns);
      auto const kept = static_cast<std::size_t>(width(in[i].shape, i, a));
      for (std::size_t row = 0; row < static_cast<std::size_t>(out[0].shape[0]); ++row)
        load_run<float>(in[i].type, in[i].data, row * columns, 1, kept, y.data() + row * total + first);
      first += kept;
    }
  }
};

/// OneHotEncoder   https://onnx.ai/onnx/operators/onnx_aionnxml_OneHotEncoder.html
struct one_hot_encoder {
  static constexpr op_schema schema{.name = "OneHotEncoder", .since = 1, .domain = detail::ml_domain, .max_inputs = 1};
  struct attributes {
    class_labels categories{};
    bool zeros = true;  ///< for what is in no category; else an error
  };

  static attributes parse(attribute_reader const& r) {
    return {.categories = class_labels::parse(r, "cats_int64s", "cats_strings"), .zeros = r.get("zeros", true)};
  }
  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::float32; }
  static types infer(inputs const& in, attributes const& a) {
    if ((in.element(0) == dtype::string) != (a.categories.type() == dtype::string))
      fail(error_code::malformed_model, "the input holds {}, the categories are {}", name(in.element(0)),
           name(a.categories.type()));
    auto extents = in.shape(0);
    extents.push_back(static_cast<std::int64_t>(a.categories.size()));
    return {{dtype::float32, extents}};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const y = out[0].as<float>();
    std::ranges::fill(y, 0.0f);
    auto const count = a.categories.size();
    for (std::size_t i = 0; i < in[0].elements(); ++i) {
      auto const at = place(in[0], i, a.categories);
      if (at < count)
        y[i * count + at] = 1;
      else if (!a.zeros)
        fail(error_code::invalid_argument, "element {} is in no category", i);
    }
  }

 private:
  static std::size_t place(tensor_view x, std::size_t i, class_labels const& l) {
    if (x.type == dtype::string)
      return static_cast<std::size_t>(std::ranges::find(l.strings, x.as<std::string>()[i]) - l.strings.begin());
    return static_cast<std::size_t>(std::ranges::find(l.integers, load<std::int64_t>(x.type, x.data, i)) -
                                    l.integers.begin());
  }
};

/// ZipMap: a map from labels to the numbers of a row, for each row.
/// https://onnx.ai/onnx/operators/onnx_aionnxml_ZipMap.html
struct zip_map {
  static constexpr op_schema schema{.name = "ZipMap", .since = 1, .domain = detail::ml_domain, .max_inputs = 1};
  using attributes = class_labels;

  static attributes parse(attribute_reader const& r) {
    return class_labels::parse(r, "classlabels_int64s", "classlabels_strings");
  }
  static dtype map_of(attributes const& a) {
    return a.type() == dtype::string ? dtype::map_string_float32 : dtype::map_int64_float32;
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const& a) {
    if (in.element(0) != dtype::float32)
      fail(error_code::malformed_model, "the input holds {}, expected float", name(in.element(0)));
    return {unknown_shape(sequence_of(map_of(a)))};
  }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a) {
    auto const m = feature_matrix::of(in[0].shape());
    if (static_cast<std::size_t>(m.columns) != a.size())
      fail(error_code::malformed_model, "rows have {} numbers, there are {} labels", m.columns, a.size());
    auto const keys = a.tensor();
    auto const x = in[0].as<float>();
    std::vector<any_tensor> maps;
    for (std::size_t row = 0; row < static_cast<std::size_t>(m.rows); ++row) {
      auto const values = any_tensor::of<float>({m.columns}, x.subspan(row * a.size(), a.size()));
      maps.push_back(any_tensor::holding(map_of(a), {keys, values}));
    }
    return {any_tensor::holding(sequence_of(map_of(a)), std::move(maps))};
  }
};

/// All of them, as one line of the list of operators.
struct scikit_family {
  static constexpr std::array entries{entry_of<array_feature_extractor>(),
                                      entry_of<binarizer>(),
                                      entry_of<scaler>(),
                                      entry_of<normalizer>(),
                                      entry_of<imputer>(),
                                      entry_of<feature_vectorizer>(),
                                      entry_of<one_hot_encoder>(),
                                      entry_of<zip_map>()};
};

}  // namespace sinter

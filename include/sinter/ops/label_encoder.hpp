#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/kernels/movement.hpp>
#include <sinter/ops/entry.hpp>

#include <array>
#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace sinter {

/// LabelEncoder: keys to values, all else to a default. https://onnx.ai/onnx/operators/onnx_aionnxml_LabelEncoder.html
struct label_encoder {
  static constexpr op_schema schema{.name = "LabelEncoder", .since = 2, .domain = "ai.onnx.ml", .max_inputs = 1};
  struct attributes {
    any_tensor keys{}, values{}, otherwise{};
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.keys = list(r, "keys"), .values = list(r, "values")};
    if (a.keys.elements() != a.values.elements())
      fail(error_code::malformed_model, "there are {} keys and {} values", a.keys.elements(), a.values.elements());
    auto const number = r.get<std::int64_t>("default_int64", -1);
    auto const real = r.get("default_float", -0.0f);
    auto const text = r.get("default_string", std::string("_Unused"));
    a.otherwise = any_tensor(a.values.type(), shape{1});
    if (a.values.type() == dtype::string)
      a.otherwise = any_tensor::of<std::string>({1}, {text});
    else if (is_floating(a.values.type()))
      store<float>(a.otherwise.type(), a.otherwise.data(), 0, real);
    else
      store<std::int64_t>(a.otherwise.type(), a.otherwise.data(), 0, number);
    if (r.has("default_tensor")) a.otherwise = r.require<any_tensor>("default_tensor");
    if (a.otherwise.type() != a.values.type() || a.otherwise.elements() != 1)
      fail(error_code::malformed_model, "the default is {} {}, the values are {}", name(a.otherwise.type()),
           a.otherwise.shape(), name(a.values.type()));
    return a;
  }

  static dtype element(inputs const&, attributes const& a, std::size_t) { return a.values.type(); }
  static types infer(inputs const& in, attributes const& a) {
    if (in.element(0) != a.keys.type())
      fail(error_code::malformed_model, "the input holds {}, the keys are {}", name(in.element(0)),
           name(a.keys.type()));
    return {{a.values.type(), in.shape(0)}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    for (std::size_t i = 0; i < in[0].elements(); ++i) {
      auto const at = place(a.keys.view(), in[0], i);
      auto const from = at < 0 ? a.otherwise.view() : a.values.view();
      copy_elements(from, std::max<std::int64_t>(at, 0), out[0], static_cast<std::int64_t>(i), 1);
    }
  }

 private:
  /// Of several equal keys the last one counts.
  static std::int64_t place(tensor_view keys, tensor_view x, std::size_t i) {
    auto at = static_cast<std::int64_t>(keys.elements());
    while (--at >= 0 && !equal(keys, static_cast<std::size_t>(at), x, i)) {
    }
    return at;
  }
  static bool equal(tensor_view a, std::size_t i, tensor_view b, std::size_t k) {
    if (a.type == dtype::string) return a.as<std::string>()[i] == b.as<std::string>()[k];
    if (!is_floating(a.type)) return load<std::int64_t>(a.type, a.data, i) == load<std::int64_t>(b.type, b.data, k);
    auto const x = load<double>(a.type, a.data, i), y = load<double>(b.type, b.data, k);
    return x == y || (std::isnan(x) && std::isnan(y));
  }

  static any_tensor list(attribute_reader const& r, std::string const& name) {
    std::vector<any_tensor> given;
    if (r.has(name + "_tensor")) given.push_back(r.require<any_tensor>(name + "_tensor"));
    if (r.has(name + "_int64s")) given.push_back(tensor<std::int64_t>(r, name + "_int64s"));
    if (r.has(name + "_floats")) given.push_back(tensor<float>(r, name + "_floats"));
    if (r.has(name + "_strings")) given.push_back(tensor<std::string>(r, name + "_strings"));
    if (given.size() != 1)
      fail(error_code::malformed_model, "{} of the attributes '{}_…' are given, expected one", given.size(), name);
    return given[0];
  }
  template <typename T>
  static any_tensor tensor(attribute_reader const& r, std::string const& name) {
    auto const values = r.require<std::vector<T>>(name);
    return any_tensor::of<T>({static_cast<std::int64_t>(values.size())}, std::span<T const>(values));
  }
};

}  // namespace sinter

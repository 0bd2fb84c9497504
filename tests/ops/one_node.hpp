#pragma once

#include <sinter/ops/evaluate.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include <string>
#include <vector>

/// Runs a single node; `inputs` may hold empty tensors for omitted inputs. Operators of a domain are named with it:
/// "ai.onnx.ml:Scaler".
inline std::vector<sinter::any_tensor> run_all(std::string op, std::int64_t version,
                                               std::vector<sinter::any_tensor> const& inputs,
                                               sinter::attribute_map attributes = {}, std::size_t outputs = 1) {
  sinter::graph g;
  sinter::node n{.name = "n", .op = std::move(op), .version = version, .attributes = std::move(attributes)};
  if (auto const colon = n.op.find(':'); colon != std::string::npos) {
    n.domain = n.op.substr(0, colon);
    n.op.erase(0, colon + 1);
  }
  for (auto const& in : inputs) n.inputs.push_back(in ? g.add_value("x") : sinter::value_id{});
  for (std::size_t i = 0; i < outputs; ++i) n.outputs.push_back(g.add_value("y"));
  return evaluate(bind(n), n, inputs);
}

inline sinter::any_tensor run(std::string op, std::int64_t version, std::vector<sinter::any_tensor> const& inputs,
                              sinter::attribute_map attributes = {}) {
  return run_all(std::move(op), version, inputs, std::move(attributes))[0];
}

/// The message of the `sinter::error` that running the node throws; empty if it throws none.
inline std::string error_of(std::string op, std::int64_t version, std::vector<sinter::any_tensor> const& inputs,
                            sinter::attribute_map attributes = {}, std::size_t outputs = 1) {
  return sinter::test::message_of([&] { run_all(std::move(op), version, inputs, std::move(attributes), outputs); },
                                  std::nullopt);
}

template <sinter::tensor_element T>
std::vector<T> elements(sinter::any_tensor const& t) {
  auto const span = t.as<T>();
  return {span.begin(), span.end()};
}

inline sinter::any_tensor floats(sinter::shape s, std::initializer_list<float> values) {
  return sinter::any_tensor::of<float>(s, values);
}
inline sinter::any_tensor ints(sinter::shape s, std::initializer_list<std::int64_t> values) {
  return sinter::any_tensor::of<std::int64_t>(s, values);
}
inline sinter::any_tensor bools(sinter::shape s, std::initializer_list<bool> values) {
  return sinter::any_tensor::of<bool>(s, values);
}
inline sinter::any_tensor strings(sinter::shape s, std::initializer_list<std::string> values) {
  return sinter::any_tensor::of<std::string>(s, values);
}

using list = std::vector<std::int64_t>;

inline constexpr std::int64_t one = 1;  ///< an attribute's value

/// One row of pixels: 1x1xn.
inline sinter::any_tensor line(std::initializer_list<float> values) {
  return floats({1, 1, static_cast<std::int64_t>(values.size())}, values);
}

inline void check_close(sinter::any_tensor const& got, std::vector<double> const& expected) {
  REQUIRE(got.elements() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(static_cast<double>(got.as<float>()[i]) == Approx(expected[i]).epsilon(1e-6));
}

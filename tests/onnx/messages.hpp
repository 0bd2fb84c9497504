#pragma once

#include <sinter/graph/text.hpp>
#include <sinter/onnx/import.hpp>

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Models in the making, for the tests of the importer.
namespace messages {

namespace proto = ::ONNX_NAMESPACE;

inline proto::ModelProto model(std::int64_t opset = 17) {
  proto::ModelProto m;
  m.set_ir_version(8);
  m.add_opset_import()->set_version(opset);
  m.mutable_graph()->set_name("g");
  return m;
}

inline void set_type(proto::ValueInfoProto& info, std::vector<std::int64_t> const& dims, int type = 1) {
  auto& tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  auto& shape = *tensor.mutable_shape();
  for (auto const dim : dims) shape.add_dim()->set_dim_value(dim);
}

inline void add_input(proto::GraphProto& g, std::string const& name, std::vector<std::int64_t> const& dims = {2},
                      int type = 1) {
  auto& in = *g.add_input();
  in.set_name(name);
  set_type(in, dims, type);
}

inline void add_output(proto::GraphProto& g, std::string const& name) { g.add_output()->set_name(name); }

/// Appends a node to a graph or function.
template <typename Body>
proto::NodeProto& add_node(Body& g, std::string const& op, std::vector<std::string> const& inputs,
                           std::vector<std::string> const& outputs) {
  auto& n = *g.add_node();
  n.set_op_type(op);
  for (auto const& in : inputs) n.add_input(in);
  for (auto const& out : outputs) n.add_output(out);
  return n;
}

inline proto::TensorProto tensor(std::string const& name, int type, std::vector<std::int64_t> const& dims) {
  proto::TensorProto t;
  t.set_name(name);
  t.set_data_type(type);
  for (auto const dim : dims) t.add_dims(dim);
  return t;
}

inline proto::TensorProto raw_tensor(std::string const& name, int type, std::vector<std::int64_t> const& dims,
                                     std::string const& bytes) {
  auto t = tensor(name, type, dims);
  t.set_raw_data(bytes);
  return t;
}

template <typename T>
std::string bytes_of(std::vector<T> const& values) {
  return {reinterpret_cast<char const*>(values.data()), values.size() * sizeof(T)};
}

inline std::span<std::byte const> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

inline sinter::graph import_model(proto::ModelProto const& m, sinter::limits const& bounds = {}) {
  return sinter::onnx::import_bytes(as_bytes(m.SerializeAsString()), bounds);
}

/// The text form of an imported model.
inline std::string text_of(proto::ModelProto const& m) { return sinter::print(import_model(m)); }

/// A model whose one output is an initializer, and the tensor that import makes of it.
inline sinter::any_tensor import_initializer(proto::TensorProto const& t) {
  auto m = model();
  *m.mutable_graph()->add_initializer() = t;
  add_output(*m.mutable_graph(), t.name());
  auto const g = import_model(m);
  return g.at(g.outputs.at(0).value).constant;
}

/// The error that an action throws; without one, the message says so.
template <typename Action>
sinter::error error_of(Action action) {
  try {
    action();
  } catch (sinter::error const& e) {
    return e;
  }
  return {sinter::error_code::system, "no error was thrown"};
}

inline sinter::error error_of(proto::ModelProto const& m, sinter::limits const& bounds = {}) {
  return error_of([&] { import_model(m, bounds); });
}

inline bool says(sinter::error const& e, std::string_view part) {
  return std::string_view(e.what()).find(part) != std::string_view::npos;
}

}  // namespace messages

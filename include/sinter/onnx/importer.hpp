#pragma once

#include <sinter/graph/verify.hpp>
#include <sinter/onnx/gradient.hpp>
#include <sinter/onnx/graph_importer.hpp>
#include <sinter/onnx/import.hpp>
#include <sinter/onnx/parse.hpp>

namespace sinter::onnx {

namespace detail {

inline graph import_parts(byte_source const& source, external_data external, limits const& bounds) {
  if (source.size() == 0)
    fail(error_code::malformed_model, "the model is empty (0 bytes); export or download it again");
  auto const scanned = scan_message(source, message::model, bounds);
  google::protobuf::Arena arena;
  auto& model = make_message<proto::ModelProto>(arena);
  parse_scanned(model, scanned, bounds);
  if (!model.has_graph())
    fail(error_code::malformed_model, "these bytes are no ONNX model: they hold no graph; export the model again");
  opset_map opsets;
  add_opsets(model.opset_import(), opsets);
  if (opsets.empty()) opsets[""] = 1;  // before IR version 3
  function_table const functions(model);
  tensor_reader tensors(source, std::move(external), bounds);
  auto g = graph_importer(functions, tensors, bounds).run(model.graph(), opsets);
  gradient_expansion(g, bounds).run();
  verify(g);
  return g;
}

inline graph import_model(byte_source const& source, external_data external, limits const& bounds) {
  return with_system_errors([&] { return import_parts(source, std::move(external), bounds); });
}

}  // namespace detail

graph import_file(std::filesystem::path const& file, limits const& bounds) {
  return with_context(detail::in_file(file), [&] {
    byte_source const source(input_file::open(file, bounds.model_bytes));
    return detail::import_model(source, external_data(file, bounds.model_bytes - source.size()), bounds);
  });
}

graph import_bytes(std::span<std::byte const> model, limits const& bounds) {
  budget("the model", bounds.model_bytes).charge(model.size());
  return detail::import_model(byte_source(model), external_data(bounds.model_bytes), bounds);
}

any_tensor import_tensor_file(std::filesystem::path const& file, limits const& bounds) {
  return with_context(detail::in_file(file), [&] {
    byte_source const source(input_file::open(file, bounds.model_bytes));
    proto::TensorProto tensor;
    detail::parse_scanned(tensor, scan_message(source, message::tensor, bounds), bounds);
    return tensor_reader(source, external_data(file, bounds.model_bytes - source.size()), bounds).read(tensor);
  });
}

}  // namespace sinter::onnx

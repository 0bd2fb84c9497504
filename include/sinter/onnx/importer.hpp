#pragma once

#include <sinter/graph/verify.hpp>
#include <sinter/onnx/graph_importer.hpp>
#include <sinter/onnx/import.hpp>
#include <sinter/onnx/wire_scan.hpp>

#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>

namespace sinter::onnx {

namespace detail {

/// Parses the copy that `scan_message` made of a message. Messages nest as deep as `bounds` and a few levels more.
template <typename Message>
void parse_scanned(Message& message, std::string const& bytes, limits const& bounds) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<std::uint8_t const*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  constexpr std::size_t parts = 3;  // a subgraph is a graph, in an attribute, of a node
  in.SetRecursionLimit(static_cast<int>(std::min<std::size_t>(bounds.depth, 1000) * parts + 64));
  if (!message.ParseFromCodedStream(&in) || !in.ConsumedEntireMessage())
    fail(error_code::malformed_model,
         "these bytes are no ONNX model, or it is damaged: protobuf cannot parse it; export or download the model "
         "again");
}

/// A message whose parts are all in `arena`, and end with it.
template <typename Message>
Message& make_message(google::protobuf::Arena& arena) {
#if GOOGLE_PROTOBUF_VERSION >= 5026000
  return *google::protobuf::Arena::Create<Message>(&arena);
#else
  return *google::protobuf::Arena::CreateMessage<Message>(&arena);
#endif
}

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
  verify(g);
  return g;
}

inline graph import_model(byte_source const& source, external_data external, limits const& bounds) {
  return with_system_errors([&] { return import_parts(source, std::move(external), bounds); });
}

/// For `with_context`.
inline constexpr auto in_file = [](std::filesystem::path const& file) {
  return [&file] { return fmt::format("file '{}'", file.string()); };
};

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

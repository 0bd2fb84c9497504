#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/onnx/tensor.hpp>
#include <sinter/onnx/wire_scan.hpp>

#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>

/// Messages from the copies that `scan_message` makes.
namespace sinter::onnx::detail {

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

/// For `with_context`.
inline constexpr auto in_file = [](std::filesystem::path const& file) {
  return [&file] { return fmt::format("file '{}'", file.string()); };
};

}  // namespace sinter::onnx::detail

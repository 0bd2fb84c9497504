#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/onnx/byte_source.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

namespace sinter::onnx {

/// The kinds of messages in a model that the scan tells apart. `typed_model` and `typed_graph` are a model and its main
/// graph of which intermediate types are kept.
enum class message : std::uint8_t {
  drop,
  leaf,
  model,
  graph,
  node,
  attribute,
  tensor,
  sparse_tensor,
  function,
  typed_model,
  typed_graph
};

namespace detail {

/// What becomes of a length-delimited field of a message.
enum class field_action : std::uint8_t { copy, drop, descend, locate, overload };
struct field_rule {
  field_action action = field_action::copy;
  message kind = message::leaf;
};

/// The rule for field `number` of a message of kind `parent`; other fields are copied.
constexpr field_rule rule_of(message parent, std::uint32_t number) {
  using enum field_action;
  constexpr field_rule dropped{drop, message::drop};
  auto const into = [](message kind) { return field_rule{descend, kind}; };
  switch (parent) {
    case message::model:
      if (number == 7) return into(message::graph);
      if (number == 25) return into(message::function);
      if (number == 6 || number == 14 || number == 20 || number == 26) return dropped;  // documentation, training
      break;
    case message::graph:
      if (number == 1) return into(message::node);
      if (number == 5) return into(message::tensor);
      if (number == 15) return into(message::sparse_tensor);
      if (number == 11 || number == 12) return into(message::leaf);
      if (number == 10 || number == 13 || number == 14 || number == 16) return dropped;  // documentation, value_info
      break;
    case message::node:
      if (number == 5) return into(message::attribute);
      if (number == 8) return {overload, message::leaf};
      if (number == 6 || number == 9 || number == 10) return dropped;
      break;
    case message::attribute:
      if (number == 5 || number == 10) return into(message::tensor);
      if (number == 6 || number == 11) return into(message::graph);
      if (number == 22 || number == 23) return into(message::sparse_tensor);
      if (number == 13) return dropped;
      break;
    case message::tensor:
      if (number == 9) return {locate, message::leaf};
      if (number == 13) return into(message::leaf);
      if (number == 12 || number == 16) return dropped;
      break;
    case message::sparse_tensor:
      if (number == 1 || number == 2) return into(message::tensor);
      break;
    case message::function:
      if (number == 7) return into(message::node);
      if (number == 9) return into(message::leaf);
      if (number == 11) return into(message::attribute);
      if (number == 13) return {overload, message::leaf};
      if (number == 8 || number == 12 || number == 14) return dropped;
      break;
    case message::typed_model: return number == 7 ? into(message::typed_graph) : rule_of(message::model, number);
    case message::typed_graph: return number == 13 ? into(message::leaf) : rule_of(message::graph, number);
    case message::drop:
    case message::leaf: break;
  }
  return {};
}

/// Number of the field `doc_string` of a message, which carries what the scan found.
constexpr std::uint32_t note_field(message kind) {
  return kind == message::tensor ? 12 : kind == message::node ? 6 : 8;
}

class wire_scanner {
 public:
  wire_scanner(byte_source source, limits const& bounds)
      : bytes_(std::move(source)),
        depth_(bounds.depth),
        nodes_("the model's nodes", bounds.nodes),
        messages_("the model's parts", checked_messages(bounds.nodes)) {}

  std::string run(message kind) {
    scan(kind, 0, bytes_.size(), 0);
    return std::move(out_);
  }

 private:
  /// Attributes, tensors, inputs and so on for each node that is allowed.
  static std::size_t checked_messages(std::size_t nodes) { return nodes > SIZE_MAX / 16 ? SIZE_MAX : nodes * 16; }

  [[noreturn]] void broken(std::size_t at, std::string_view what) const {
    fail(error_code::malformed_model,
         "these bytes are no ONNX model, or it was cut short: {} at byte {} of {}; export or download the model again",
         what, at, bytes_.size());
  }

  std::uint64_t take_varint(std::size_t& at, std::size_t end) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (at == end) broken(at, "a number has no end");
      auto const byte = std::to_integer<std::uint64_t>(bytes_[at++]);
      if (shift < 64) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    broken(at, "a number is too long");
  }

  /// Checks that protobuf can parse `bytes` more than there are.
  void expect_room(std::size_t bytes) const {
    constexpr std::size_t frames = 64 << 10;  // lengths and tags around what is put
    if (bytes >= INT32_MAX - frames || out_.size() >= INT32_MAX - frames - bytes)
      fail(error_code::unsupported_feature,
           "the model holds more than 2 GiB besides raw tensor data; save its tensors as raw or external data");
  }

  void put(std::size_t from, std::size_t to) {
    expect_room(to - from);
    bytes_.append(from, to, out_);
  }
  void put_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  void put_note_head(message kind, std::size_t length) {
    expect_room(length);
    put_varint(std::uint64_t{note_field(kind)} << 3 | 2);
    put_varint(length);
  }
  void put_note(message kind, std::string_view text) {
    put_note_head(kind, text.size());
    out_ += text;
  }

  void scan(message kind, std::size_t at, std::size_t end, std::size_t depth) {
    bool const is_graph = kind == message::graph || kind == message::typed_graph;
    if (is_graph && ++depth > depth_)
      fail(error_code::limit_exceeded,
           "graphs are nested more than {} deep; raise sinter::limits if the model is trusted", depth_);
    messages_.charge(1);
    if (kind == message::node) nodes_.charge(1);
    while (at < end) {
      auto const start = at;
      auto const tag = take_varint(at, end);
      auto const number = static_cast<std::uint32_t>(tag >> 3);
      if (number == 0 || tag >> 32 != 0) broken(start, "a field has no valid number");
      if ((tag & 7) == 2) {
        at = scan_field(kind, number, start, at, end, depth);
        continue;
      }
      if ((tag & 7) == 0) take_varint(at, end);
      if ((tag & 7) == 1 || (tag & 7) == 5) {
        std::size_t const width = (tag & 7) == 1 ? 8 : 4;
        if (end - at < width) broken(at, "a number has no end");
        at += width;
      }
      if ((tag & 7) == 3 || (tag & 7) == 4 || (tag & 7) > 5) broken(start, "a field has no valid type");
      put(start, at);
    }
  }

  /// One length-delimited field, whose tag begins at `start` and whose length at `at`; returns where it ends.
  std::size_t scan_field(message kind, std::uint32_t number, std::size_t start, std::size_t at, std::size_t end,
                         std::size_t depth) {
    auto const tag_end = at;
    auto const length = take_varint(at, end);
    if (length > end - at) broken(start, fmt::format("a part of {} bytes has no end", length));
    auto const last = at + static_cast<std::size_t>(length);
    auto const rule = rule_of(kind, number);
    switch (rule.action) {
      case field_action::copy: put(start, last); break;
      case field_action::drop: break;
      case field_action::locate: put_note(kind, fmt::format("{}:{}", at, length)); break;
      case field_action::overload:
        put_note_head(kind, last - at);
        put(at, last);
        break;
      case field_action::descend:
        if (rule.kind == message::leaf) {
          messages_.charge(1);
          put(start, last);
          break;
        }
        put(start, tag_end);
        auto const length_at = out_.size();
        out_.append(5, '\0');
        scan(rule.kind, at, last, depth);
        put_length(length_at);
        break;
    }
    return last;
  }

  /// Writes the size of what follows the five bytes at `at` into them, as a varint padded to five bytes.
  void put_length(std::size_t at) {
    auto length = out_.size() - at - 5;
    for (std::size_t i = 0; i < 5; ++i, length >>= 7)
      out_[at + i] = static_cast<char>((length & 0x7f) | (i < 4 ? 0x80 : 0));
  }

  byte_window bytes_;
  std::size_t depth_;
  budget nodes_;
  budget messages_;
  std::string out_{};
};

}  // namespace detail

/// Walks the wire format of a message without parsing it and returns a small copy for protobuf to parse:
/// - raw tensor data is left out; the tensor's `doc_string` says "offset:size" in `source`, and is absent otherwise;
/// - `doc_string` of nodes and functions is their `overload`, a field that old ONNX headers lack;
/// - documentation, metadata, intermediate types (but those of `typed_model`) and training information are left out.
/// Lengths, nesting, and the numbers of nodes and messages are checked here, before protobuf takes memory.
inline std::string scan_message(byte_source const& source, message kind, limits const& bounds) {
  return detail::wire_scanner(source, bounds).run(kind);
}

}  // namespace sinter::onnx

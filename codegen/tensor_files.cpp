#include "tensor_files.hpp"

#include <sinter/onnx/import.hpp>

#include "output_file.hpp"
#include <algorithm>
#include <iterator>

namespace codegen {

using sinter::error_code;
using sinter::fail;

namespace {

/// The name of a tensor as that of a file: what file systems mind becomes `_`.
std::string file_name(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return c == '/' || c == '\0' || c == '\\'; }, '_');
  return name.empty() || name[0] == '.' ? "_" + name : name;
}

/// A number in protobuf's variable length.
std::string varint(std::uint64_t value) {
  std::string result;
  for (; value >= 128; value >>= 7) result += static_cast<char>(value | 128);
  return result + static_cast<char>(value);
}

/// The bytes of a TensorProto message with dims (field 1), data_type (2), name (8) and raw_data (9).
std::string tensor_message(sinter::named_tensor const& t) {
  auto const type = t.value.type;
  if (type == sinter::dtype::string || type >= sinter::dtype::uint4)
    fail(error_code::unsupported_feature, "elements of {} are not written as .pb", sinter::name(type));
  std::string result;
  for (auto const extent : t.value.shape) result += '\x08' + varint(static_cast<std::uint64_t>(extent));
  result += '\x10' + varint(static_cast<std::uint64_t>(type));
  result += '\x42' + varint(t.name.size()) + std::string(t.name);
  result += '\x4a' + varint(t.value.bytes());
  if (t.value.bytes()) result.append(static_cast<char const*>(t.value.data), t.value.bytes());
  return result;
}

}  // namespace

std::vector<named_file_tensor> read_tensors(std::filesystem::path const& file) {
  return sinter::with_context([&] { return fmt::format("file '{}'", file.string()); },
                              [&]() -> std::vector<named_file_tensor> {
                                auto const ending = file.extension();
                                if (ending == ".pb") return {{{}, sinter::onnx::import_tensor_file(file)}};
                                if (ending != ".npy" && ending != ".npz")
                                  fail(error_code::invalid_argument,
                                       "its ending says no format; expected .npy, .npz or .pb");
                                std::ifstream in(file, std::ios::binary);
                                std::string const text{std::istreambuf_iterator<char>(in), {}};
                                if (!in) fail(error_code::io, "it cannot be read");
                                auto const bytes = std::as_bytes(std::span(text));
                                if (ending == ".npz") return parse_npz(bytes);
                                return {{{}, parse_npy(bytes)}};
                              });
}

std::vector<named_file_tensor> read_inputs(std::span<std::string const> arguments, std::span<std::string const> names) {
  std::vector<named_file_tensor> result;
  std::size_t position = 0;
  for (auto const& text : arguments) {
    auto const equals = std::filesystem::exists(text) ? std::string::npos : text.rfind('=');
    auto const file = equals == std::string::npos ? text : text.substr(equals + 1);
    for (auto& t : read_tensors(file)) {
      if (equals != std::string::npos) t.name = text.substr(0, equals);
      if (t.name.empty() && position >= names.size())
        fail(error_code::invalid_argument, "'{}' is one input too many, the model has {}", file, names.size());
      if (t.name.empty()) t.name = names[position++];
      result.push_back(std::move(t));
    }
  }
  return result;
}

void write_tensors(std::filesystem::path const& to, std::span<sinter::named_tensor const> tensors) {
  auto const ending = to.extension();
  if (ending == ".npz") return write_file(to, npz_bytes(tensors));
  if (ending != ".npy" && ending != ".pb") {
    std::error_code problem;
    std::filesystem::create_directories(to, problem);
    if (problem) fail(error_code::io, "cannot make the folder '{}': {}", to.string(), problem.message());
    for (auto const& t : tensors) write_file(to / (file_name(std::string(t.name)) + ".npy"), npy_bytes(t.value));
    return;
  }
  if (tensors.size() != 1)
    fail(error_code::invalid_argument, "'{}' holds one tensor, the model has {} outputs; name a .npz file or a folder",
         to.string(), tensors.size());
  write_file(to, ending == ".pb" ? tensor_message(tensors[0]) : npy_bytes(tensors[0].value));
}

}  // namespace codegen

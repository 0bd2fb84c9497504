#pragma once

#include <sinter/onnx/export.hpp>
#include <sinter/onnx/graph_exporter.hpp>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace sinter::onnx {

namespace detail {

/// The least IR version that has the operator sets of a graph.   https://onnx.ai/onnx/repo-docs/Versioning.html
inline std::int64_t ir_version(graph const& g) {
  struct first {
    std::int64_t opset, ir;
  };
  static constexpr std::array<first, 7> table{{{25, 12}, {23, 11}, {21, 10}, {19, 9}, {15, 8}, {12, 7}, {0, 6}}};
  auto const at = g.opsets.find("");
  auto const opset = at == g.opsets.end() ? 0 : at->second;
  return std::ranges::find_if(table, [&](auto const& row) { return opset >= row.opset; })->ir;
}

}  // namespace detail

std::string export_bytes(graph const& g) {
  proto::ModelProto model;
  model.set_ir_version(detail::ir_version(g));
  model.set_producer_name("sinter");
  for (auto const& [domain, version] : g.opsets) {
    if (domain == "sinter") continue;
    auto& opset = *model.add_opset_import();
    opset.set_domain(domain);
    opset.set_version(version);
  }
  graph_exporter().run(g, *model.mutable_graph());
  if (model.ByteSizeLong() > INT_MAX)
    fail(error_code::limit_exceeded, "the model would have {} bytes, an ONNX file without external data at most {}",
         model.ByteSizeLong(), INT_MAX);
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream to(&bytes);
    google::protobuf::io::CodedOutputStream coded(&to);
    coded.SetSerializationDeterministic(true);
    model.SerializeToCodedStream(&coded);
  }
  return bytes;
}

void export_file(graph const& g, std::filesystem::path const& file) {
  auto const bytes = export_bytes(g);
  auto part = file;
  part += ".part";
  std::ofstream out(part, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  std::error_code problem;
  if (out) std::filesystem::rename(part, file, problem);
  if (out && !problem) return;
  std::filesystem::remove(part, problem);
  fail(error_code::io, "cannot write '{}'", file.string());
}

}  // namespace sinter::onnx

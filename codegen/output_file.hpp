#pragma once

#include <sinter/core/error.hpp>

#include <filesystem>
#include <fstream>
#include <string_view>

namespace codegen {

/// Makes `bytes` the content of a file. Errors: io, naming the file.
inline void write_file(std::filesystem::path const& file, std::string_view bytes) {
  std::ofstream out(file, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) sinter::fail(sinter::error_code::io, "cannot write '{}'", file.string());
}

}  // namespace codegen

#pragma once

#include <sinter/emit/x86/emit.hpp>

#include "catch.hpp"
#include <cstdio>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace sinter::test {

/// What objdump makes of code, a line for each instruction; none where it is not installed.
inline std::vector<std::string> disassembly(code_block const& code) {
  auto const file = fmt::format("/tmp/sinter_code_{}.bin", getpid());
  auto const bytes = code.bytes().subspan(code.offset(0));
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<char const*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  auto* const listing = popen(fmt::format("objdump -D -b binary -mi386:x86-64 {} 2>/dev/null", file).c_str(), "r");
  REQUIRE(listing != nullptr);
  std::vector<std::string> lines;
  char line[512];
  while (std::fgets(line, sizeof line, listing) != nullptr) {
    std::string const text = line;
    if (auto const colon = text.find(":\t"); colon != std::string::npos) lines.push_back(text.substr(colon + 2));
  }
  pclose(listing);
  std::remove(file.c_str());
  return lines;
}

}  // namespace sinter::test

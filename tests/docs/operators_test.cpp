#include <sinter/ops/operator.hpp>

#include <fmt/ranges.h>

#include "catch.hpp"
#include <fstream>
#include <map>
#include <set>
#include <string>

using namespace sinter;

/// "domain: operator" and the versions as docs/operators.md has them.
TEST_CASE("the table of operators lists what is registered") {
  std::map<std::string, std::set<std::int64_t>> versions;
  std::map<std::string, std::string> registered, listed;
  for (auto const& entry : operator_table()) {
    auto const domain = entry.schema.domain.empty() ? "ai.onnx" : entry.schema.domain;
    if (domain != "sinter") versions[fmt::format("{}: {}", domain, entry.schema.name)].insert(entry.schema.since);
  }
  for (auto const& [name, all] : versions) registered[name] = fmt::format("{}", fmt::join(all, ", "));
  std::ifstream in(SINTER_SOURCE_DIR "/docs/operators.md");
  std::string domain;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) domain = line.substr(3);
    if (!line.starts_with("| ") || line.starts_with("| operator |")) continue;
    auto const name_end = line.find(" | "), versions_end = line.find(" | ", name_end + 3);
    listed[fmt::format("{}: {}", domain, line.substr(2, name_end - 2))] =
        line.substr(name_end + 3, versions_end - name_end - 3);
  }
  INFO("write it anew: cmake --build build/test --target operator_table");
  CHECK(listed == registered);
}

#include <sinter/graph/verify.hpp>

#include "catch.hpp"
#include "messages.hpp"
#include "shared.hpp"
#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

using namespace sinter;

namespace {

std::vector<std::filesystem::path> models_below(std::filesystem::path const& folder) {
  std::vector<std::filesystem::path> files;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".onnx") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

std::string bytes_of_file(std::filesystem::path const& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Imports damaged bytes: a graph that verifies or an `error` come out, nothing else.
void import_damaged(std::string const& bytes) {
  constexpr limits small{.nodes = 100'000, .weight_bytes = std::size_t{256} << 20};
  try {
    verify(sinter::onnx::import_bytes(messages::as_bytes(bytes), small));
  } catch (error const& e) {
    REQUIRE(!e.message().empty());
    REQUIRE(e.message().find("broken graph") == std::string::npos);
  }
}

}  // namespace

TEST_CASE("every real and official model imports, verifies and survives the text form") {
  auto const models = shared("models");
  auto const official = shared("onnx-backend-tests");
  if (!models || !official) {
    WARN("SKIPPED: needs shared/models and shared/onnx-backend-tests");
    return;
  }
  auto files = models_below(*models);
  std::ranges::copy(models_below(*official), std::back_inserter(files));
  for (auto const& file : files) {
    INFO(file.string());
    auto const g = sinter::onnx::import_file(file);
    REQUIRE_NOTHROW(verify(g));
    REQUIRE(!g.outputs.empty());
    if (std::filesystem::file_size(file) > 200'000) continue;
    auto const text = print(g);
    REQUIRE(print(parse(text)) == text);
  }
  CHECK(files.size() > 1000);
}

TEST_CASE("damaged models give errors or graphs, and never crash") {
  auto const models = shared("models");
  if (!models) {
    WARN("SKIPPED: needs shared/models");
    return;
  }
  std::mt19937 random(20'240'501);
  for (auto const& file : models_below(*models)) {
    auto const bytes = bytes_of_file(file);
    INFO(file.string());
    auto const below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
    for (int round = 0; round < 60; ++round) {
      import_damaged(bytes.substr(0, below(bytes.size())));
      auto damaged = bytes;
      for (int flips = 0; flips < 1 + round % 4; ++flips)
        damaged[below(bytes.size())] ^= static_cast<char>(1u << below(8));
      import_damaged(damaged);
      // Structure lies at the ends: weights fill the middle of most models.
      damaged = bytes;
      auto const edge = std::min<std::size_t>(bytes.size(), 4096);
      auto const at = round % 2 ? below(edge) : bytes.size() - edge + below(edge);
      damaged[at] = static_cast<char>(below(256));
      import_damaged(damaged);
      auto const from = below(bytes.size()), size = below(64) + 1;
      damaged.insert(below(bytes.size()), bytes.substr(from, size));
      import_damaged(damaged);
    }
  }
}

TEST_CASE("a small model truncated at every byte gives errors") {
  auto m = messages::model();
  auto& g = *m.mutable_graph();
  messages::add_input(g, "x");
  *g.add_initializer() = messages::raw_tensor("w", 1, {2}, messages::bytes_of<float>({1, 2}));
  messages::add_node(g, "Add", {"x", "w"}, {"y"});
  messages::add_output(g, "y");
  auto const bytes = m.SerializeAsString();
  for (std::size_t size = 0; size < bytes.size(); ++size) import_damaged(bytes.substr(0, size));
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (int value = 0; value < 256; ++value) {
      auto damaged = bytes;
      damaged[i] = static_cast<char>(value);
      import_damaged(damaged);
    }
}

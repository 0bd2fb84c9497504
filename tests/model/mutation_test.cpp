#include <sinter/sinter.hpp>

#include "catch.hpp"
#include "shared.hpp"
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

using namespace sinter;

namespace {

constexpr limits small{.model_bytes = 16 << 20,
                       .nodes = 10'000,
                       .depth = 16,
                       .fold_bytes = 16 << 20,
                       .arena_bytes = 64 << 20,
                       .weight_bytes = 64 << 20,
                       .code_bytes = 16 << 20};

/// What became of damaged models.
struct tally {
  int ran = 0, refused = 0;
};

/// Loads, compiles and runs bytes that may be no model, on inputs of zeros; open dimensions are 1. An `error` may come
/// of it, nothing else.
void try_model(std::string const& bytes, tally& t) {
  try {
    auto const net = load_bytes(std::as_bytes(std::span(bytes.data(), bytes.size())), {.threads = 1, .limits = small});
    std::vector<any_tensor> tensors;
    for (auto const& in : net.inputs()) {
      shape extents;
      for (auto const& d : in.shape.dimensions.value_or(std::vector<dimension>()))
        extents.push_back(d.known() ? d.extent : 1);
      if (checked_product(extents) > (1 << 24)) fail(error_code::limit_exceeded, "a large input");
      tensors.emplace_back(in.type, extents);
    }
    std::vector<named_tensor> inputs;
    for (std::size_t i = 0; i < tensors.size(); ++i) inputs.push_back({net.inputs()[i].name, tensors[i].view()});
    auto const out = net.run(inputs);
    ++t.ran;
  } catch (error const& e) {
    REQUIRE(!e.message().empty());
    ++t.refused;
  }
}

std::string read_bytes(std::filesystem::path const& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Damages bytes in ways that depend on a seed only.
class mutator {
 public:
  mutator(std::string const& bytes, std::uint32_t seed) : bytes_(bytes), state_(seed * 2654435761u + 11) {}

  std::string damaged() {
    auto result = bytes_;
    for (auto count = 1 + below(3); count > 0 && !result.empty(); --count) damage(result);
    return result;
  }

 private:
  std::size_t below(std::size_t n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state_ >> 33) % n;
  }
  /// Structure is what surrounds weights: bytes that are text, and what stands next to them.
  std::size_t position(std::string const& in) {
    for (int i = 0; i < 40; ++i) {
      auto const at = below(in.size());
      auto const end = std::min(at + 4, in.size());
      bool const text =
          std::all_of(in.begin() + static_cast<std::ptrdiff_t>(at), in.begin() + static_cast<std::ptrdiff_t>(end),
                      [](char c) { return (c >= '0' && c <= 'z') || c == '\n' || (c >= 0 && c < 33); });
      if (text) return at;
    }
    return below(in.size());
  }
  void damage(std::string& in) {
    auto const at = position(in);
    switch (below(8)) {
      case 0: in[at] = static_cast<char>(below(256)); return;
      case 1:
      case 2: in[at] = static_cast<char>(in[at] ^ (1 << below(8))); return;
      case 3: in[at] = static_cast<char>(in[at] + (below(2) ? 1 : -1)); return;
      case 4: in.resize(at); return;
      case 5: in.erase(at, 1 + below(16)); return;
      case 6: in.insert(position(in), in.substr(at, 1 + below(64))); return;
      default: {
        auto const size = std::min<std::size_t>(1 + below(8), in.size() - at);
        in.replace(at, size, in.substr(below(in.size()), size));
      }
    }
  }

  std::string const& bytes_;
  std::uint64_t state_;
};

/// The seeds to try: some, or "from:count" of the environment variable SINTER_MUTATIONS, for a search by hand; that one
/// says on stderr where it is.
struct seeds {
  std::uint32_t from = 1, count;
  bool by_hand = false;

  explicit seeds(std::uint32_t some) : count(some) {
    auto const* const more = std::getenv("SINTER_MUTATIONS");
    by_hand = more != nullptr;
    if (more && std::sscanf(more, "%u:%u", &from, &count) != 2) FAIL("SINTER_MUTATIONS is not from:count");
  }
};

void try_mutations(std::filesystem::path const& file, seeds const& chosen) {
  auto const bytes = read_bytes(file);
  tally t;
  for (auto seed = chosen.from; seed < chosen.from + chosen.count; ++seed) {
    INFO(file.string() << " seed " << seed);
    if (chosen.by_hand) fmt::print(stderr, "{} seed {}\n", file.string(), seed);
    try_model(mutator(bytes, seed).damaged(), t);
  }
  CHECK(t.ran + t.refused == static_cast<int>(chosen.count));
}

std::vector<std::filesystem::path> small_models() {
  std::vector<std::filesystem::path> files{std::filesystem::path(SINTER_SOURCE_DIR) / "examples/hello/digits.onnx"};
  for (auto const* name :
       {"mnist_cntk", "mnist_pytorch", "keyword_spotting_fp32", "keyword_spotting_qdq", "cct_opset20"})
    if (auto const found = shared("models/" + std::string(name) + "/model.onnx")) files.push_back(*found);
  if (files.size() == 1) WARN("without shared/models: the digit classifier stands alone");
  return files;
}

}  // namespace

TEST_CASE("truncated models give errors") {
  for (auto const& file : small_models()) {
    auto const bytes = read_bytes(file);
    INFO(file.string());
    tally t;
    for (std::size_t i = 0; i < 40; ++i) try_model(bytes.substr(0, bytes.size() * i / 40), t);
    for (std::size_t i = 1; i <= 10; ++i) try_model(bytes.substr(0, bytes.size() - i), t);
    CHECK(t.ran + t.refused == 50);
  }
}

TEST_CASE("damaged models give errors or results") {
  seeds const chosen(40);
  for (auto const& file : small_models()) try_mutations(file, chosen);
}

TEST_CASE("damaged official models give errors or results") {
  auto const root = shared("onnx-backend-tests");
  if (!root) {
    WARN("SKIPPED: needs shared/onnx-backend-tests");
    return;
  }
  seeds const chosen(2);
  for (auto const* folder : {"node", "simple", "pytorch-converted", "pytorch-operator"}) {
    std::vector<std::filesystem::path> files;
    for (auto const& entry : std::filesystem::directory_iterator(*root / folder))
      if (std::filesystem::exists(entry.path() / "model.onnx")) files.push_back(entry.path() / "model.onnx");
    std::ranges::sort(files);
    for (auto const& file : files) try_mutations(file, chosen);
  }
}

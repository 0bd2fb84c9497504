#include "catch.hpp"
#include "model/real_model.hpp"
#include <cstdlib>
#include <filesystem>

using namespace sinter;
using namespace sinter::test;

namespace {

/// The models to plan: those of shared/models, and all of the folder that the environment variable SINTER_EXPORTS
/// names.
std::vector<std::filesystem::path> models() {
  std::vector<std::filesystem::path> files{std::filesystem::path(SINTER_SOURCE_DIR) / "examples/hello/digits.onnx"};
  for (auto const* name : {"mnist_cntk", "mnist_pytorch", "squeezenet_fp16", "super_resolution",
                           "keyword_spotting_fp32", "face_detector_rfb320", "yolox_nano", "cct_opset20"})
    if (auto const found = shared("models/" + std::string(name) + "/model.onnx")) files.push_back(*found);
  if (files.size() == 1) WARN("without shared/models: the digit classifier stands alone");
  if (auto const* const folder = std::getenv("SINTER_EXPORTS"))
    for (auto const& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() == ".onnx") files.push_back(entry.path());
  return files;
}

}  // namespace

TEST_CASE("plans are valid, and at most 5 % above the most bytes that live at once") {
  for (auto const& file : models())
    for (auto const batch : {1, 4}) {
      auto g = real_model(file, batch).g;
      optimize(g);
      for (target const set : {"avx512", "avx2"}) {
        INFO(file.string() << " batch " << batch << " " << to_string(set));
        auto const p = plan(g, {.machine = set});
        verify(p);
        CHECK(p.arena_bound > 0);
        CHECK(p.arena_bytes >= p.arena_bound);
        CHECK(static_cast<double>(p.arena_bytes) <= 1.05 * static_cast<double>(p.arena_bound));
      }
    }
}

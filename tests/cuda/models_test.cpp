#include "catch.hpp"
#include "cuda/emulated_run.hpp"
#include "model/real_model.hpp"
#include <array>
#include <string_view>

using namespace sinter;
using namespace sinter::test;

TEST_CASE("real models agree on an emulated CUDA device with the CPU") {
  auto const* const name = GENERATE(from_range(std::array{"mnist_pytorch", "keyword_spotting_fp32"}));
  auto const folder = shared("models/" + std::string(name));
  if (!folder) {
    WARN("SKIPPED: needs shared/models/" << name);
    return;
  }
  auto const m = read_folder(*folder);
  for (auto const& e : m.examples) {
    auto const operands = m.operands(m.converted(e.inputs));
    auto const expected = run_compiled(m.g, operands, {});
    CHECK(difference(run_emulated(m.g, operands), expected) == "");
  }
}

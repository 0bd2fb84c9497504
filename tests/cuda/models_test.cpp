#include "catch.hpp"
#include "cuda/emulated_device.hpp"
#include "model/real_model.hpp"
#include <array>
#include <string_view>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

/// The outputs of a model on an emulated device, of the second of two runs.
std::vector<any_tensor> run_emulated(real_model const& m, std::vector<any_tensor> const& operands,
                                     emulator::options how = {}) {
  emulated_device device("cuda:sm_90", how);
  model_store store({}, &device);
  auto const code = compile(graph(m.g), {.machine = device.machine()}, store, nullptr);
  workspace w(code.memory());
  std::vector<tensor_view> in;
  for (auto const& t : operands) in.push_back(t.view());
  for (int turn = 0; turn < 2; ++turn) code.run(w, in);
  std::vector<any_tensor> results;
  for (auto const& r : w.results) results.push_back(own(r));
  return results;
}

}  // namespace

TEST_CASE("real models agree on an emulated CUDA device with the CPU") {
  auto const* const name = GENERATE(from_range(std::array{"mnist_pytorch", "keyword_spotting_fp32"}));
  auto const folder = shared("models/" + std::string(name));
  if (!folder) return WARN("SKIPPED: needs shared/models/" << name);
  auto const m = read_folder(*folder);
  for (auto const& e : m.examples) {
    auto const operands = m.operands(m.converted(e.inputs));
    auto const expected = run_compiled(m.g, operands, {});
    CHECK(difference(run_emulated(m, operands), expected) == "");
  }
}

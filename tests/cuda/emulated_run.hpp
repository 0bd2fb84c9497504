#pragma once

#include <sinter/graph/text.hpp>
#include <sinter/program/verify.hpp>

#include "cuda/emulated_device.hpp"
#include "model/pipeline.hpp"
#include "passes/random_inputs.hpp"
#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// Graphs on an emulated CUDA device, and on the CPU to compare with.
namespace sinter::test {

/// The program of a graph for CUDA, verified.
inline program plan_for_cuda(graph g, sinter::precision how = sinter::precision::exact) {
  auto const s = signature_of(g);
  auto const how_passes = passes_for("cuda:sm_90");
  auto p = plan(bind(prepare(std::move(g), how_passes), s, how_passes).g,
                {.machine = "cuda:sm_90", .prefer = {.precision = how}});
  verify(p);
  return p;
}

template <typename Action>
std::size_t count_steps(program const& p) {
  std::size_t count = 0;
  for_each_action<Action>(p, [&](Action const&, std::size_t) { ++count; });
  return count;
}
inline std::size_t count_launches(program const& p) { return count_steps<launch>(p); }

/// The outputs of the second of two runs on a device.
inline std::vector<any_tensor> run_on(accelerator& device, graph const& g, std::vector<any_tensor> const& operands,
                                      preferences const& prefer = {}) {
  model_store store({}, &device);
  return run_twice(
      compile(graph(g), {.machine = device.machine(), .passes = passes_for("cuda:sm_90"), .prefer = prefer}, store,
              nullptr),
      operands);
}

inline std::vector<any_tensor> run_emulated(graph const& g, std::vector<any_tensor> const& operands,
                                            emulator::options how = {}, preferences const& prefer = {}) {
  emulated_device device("cuda:sm_90", how);
  return run_on(device, g, operands, prefer);
}

/// How the outputs of a graph on an emulated device differ from those on the CPU; nothing if they agree.
inline std::string emulated_difference(graph const& g, std::uint32_t seed = 1) {
  auto const operands = random_inputs(g, seed);
  return difference(run_emulated(g, operands), run_compiled(g, operands, {}));
}

}  // namespace sinter::test

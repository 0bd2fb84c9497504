#pragma once

#include <sinter/compile.hpp>

#include "backends.hpp"
#include "cuda/emulated_device.hpp"
#include "test_data.hpp"
#include <exception>
#include <memory>
#include <vector>

/// The backend `cuda`: kernels for CUDA on the emulator, compiled for all cases before the first runs.
namespace conformance {

inline std::vector<sinter::any_tensor> run_cuda(std::filesystem::path const& model, named_tensors const& inputs) {
  auto const device = std::make_shared<sinter::test::emulated_device>();
  return run_loaded(model, {.device = device, .threads = 1, .compile_at_load = false}, inputs);
}

/// Adds the kernels that a case needs; a case that is not understood has none.
inline void add_cuda_kernels(test_case const& c, std::vector<sinter::device_kernel>& kernels) try {
  auto g = sinter::onnx::import_file(c.model);
  auto const declared = read_declaration(c.model);
  for (std::size_t i = 0; !c.data.empty() && i < c.data[0].inputs.size() && i < declared.inputs.size(); ++i)
    for (auto const& p : g.inputs)
      if (auto& v = g.at(p.value); v.name == declared.inputs[i].name) {
        auto const value = read_value(c.data[0].inputs[i], declared.inputs[i].type);
        v.type = {value.type(), value.shape()};
      }
  auto const signature = sinter::signature_of(g);
  auto const bound = sinter::bind(sinter::prepare(std::move(g)), signature);
  auto const p = sinter::plan(bound.g, {.machine = sinter::test::emulated_device().machine()});
  kernels.insert(kernels.end(), p.device_kernels.begin(), p.device_kernels.end());
} catch (std::exception const&) {
}

inline void prepare_cuda(std::vector<test_case> const& cases) {
  constexpr std::size_t kernels_of_module = 50;
  std::vector<sinter::device_kernel> kernels;
  for (auto const& c : cases) add_cuda_kernels(c, kernels);
  sinter::test::emulated_kernels::all().add(kernels, kernels_of_module);
}

}  // namespace conformance

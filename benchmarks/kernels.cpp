// Kernels one by one, single-threaded, as a share of the FMA peak that this process measures.
// sinter_kernels [--benchmark_filter=REGEX]
#include <sinter/core/target.hpp>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "machine_rates.hpp"
#include "prepared_kernel.hpp"
#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <vector>

namespace bench {
namespace {

double peak(target const& machine) {
  static std::map<int, double> of;
  auto const [at, fresh] = of.try_emplace(machine.lanes());
  if (fresh) at->second = codegen::fma_rate(machine);
  return at->second;
}

/// CPU time of this thread in seconds.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void measure(benchmark::State& state, prepared_kernel const& kernel, double operations, target const& machine) {
  auto const start = cpu_seconds();
  for (auto _ : state) {
    kernel.run();
    benchmark::ClobberMemory();
  }
  auto const rate = operations * static_cast<double>(state.iterations()) / (cpu_seconds() - start);
  state.counters["GFLOP/s"] = rate / 1e9;
  state.counters["% of peak"] = 100 * rate / peak(machine);
  state.SetLabel(std::string(kernel.schedule_name()));
}

void add(std::string const& name, node const& n, std::vector<operand> const& operands, double operations) {
  for (target const set : library_targets) {
    if (!native_target().covers(set)) continue;
    benchmark::RegisterBenchmark(fmt::format("{}/{}", name, to_string(set)).c_str(), [=](benchmark::State& state) {
      measure(state, prepared_kernel(n, operands, set), operations, set);
    });
  }
}

/// A square convolution of batch 1 that keeps the extent where the stride is 1.
struct convolution {
  std::int64_t in, out, extent, kernel = 3, stride = 1, group = 1;
};

void add(convolution const& c) {
  using list = std::vector<std::int64_t>;
  auto const pad = c.kernel / 2;
  node const n{.domain = "sinter",
               .op = "Conv",
               .version = 1,
               .attributes = {{"kernel_shape", list{c.kernel, c.kernel}},
                              {"strides", list{c.stride, c.stride}},
                              {"dilations", list{1, 1}},
                              {"pads", list{pad, pad, pad, pad}},
                              {"group", c.group}}};
  auto const from = c.in < channel_block ? layout::row_major : layout::blocked;
  auto const result = (c.extent + 2 * pad - c.kernel) / c.stride + 1;
  add(fmt::format("conv/{}x{}/{}to{}{}at{}/s{}", c.kernel, c.kernel, c.in, c.out,
                  c.group > 1 ? fmt::format("/g{}/", c.group) : "", c.extent, c.stride),
      n,
      {{.value = filled({1, c.in, c.extent, c.extent}), .how = from},
       {.value = filled({c.out, c.in / c.group, c.kernel, c.kernel}), .constant = true},
       {.value = filled({c.out}), .constant = true}},
      2.0 * static_cast<double>(result * result * c.out * c.in / c.group * c.kernel * c.kernel));
}

void add_gemm(std::int64_t rows, std::int64_t depth, std::int64_t columns) {
  add(fmt::format("gemm/{}x{}x{}", rows, depth, columns), node{.domain = "sinter", .op = "Gemm", .version = 1},
      {{.value = filled({rows, depth})},
       {.value = filled({depth, columns}), .constant = true},
       {.value = filled({columns}), .constant = true}},
      2.0 * static_cast<double>(rows * depth * columns));
}

void add_all() {
  add({.in = 3, .out = 64, .extent = 224, .kernel = 7, .stride = 2});
  add({.in = 3, .out = 32, .extent = 224, .stride = 2});
  add({.in = 64, .out = 64, .extent = 56});
  add({.in = 128, .out = 128, .extent = 28});
  add({.in = 256, .out = 256, .extent = 14});
  add({.in = 512, .out = 512, .extent = 7});
  add({.in = 128, .out = 128, .extent = 56, .stride = 2});
  add({.in = 64, .out = 256, .extent = 56, .kernel = 1});
  add({.in = 256, .out = 64, .extent = 56, .kernel = 1});
  add({.in = 1024, .out = 256, .extent = 14, .kernel = 1});
  add({.in = 512, .out = 2048, .extent = 7, .kernel = 1});
  add({.in = 24, .out = 144, .extent = 56, .kernel = 1});
  add({.in = 32, .out = 32, .extent = 112, .group = 32});
  add({.in = 144, .out = 144, .extent = 56, .group = 144});
  add({.in = 96, .out = 96, .extent = 112, .stride = 2, .group = 96});
  add({.in = 960, .out = 960, .extent = 7, .group = 960});
  add_gemm(1, 512, 1000);
  add_gemm(1, 2048, 1000);
  add_gemm(128, 768, 768);
  add_gemm(128, 768, 3072);
  add_gemm(197, 3072, 768);
}

}  // namespace
}  // namespace bench

int main(int count, char** arguments) {
  if (sinter::runnable_here("native").device() == sinter::device_kind::none) {
    fmt::print(stderr, "this CPU has neither AVX2 nor AVX-512\n");
    return 1;
  }
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 1;
  for (sinter::target const set : sinter::library_targets)
    if (sinter::native_target().covers(set))
      fmt::print("FMA peak, {}: {:.1f} GFLOP/s\n", to_string(set), bench::peak(set) / 1e9);
  bench::add_all();
  benchmark::RunSpecifiedBenchmarks();
}

// Kernels one by one, single-threaded, as a share of what this process measures: of the FMA peak, and of the roofline,
// which is the longer of the operations at that peak and the operands' bytes from the nearest cache that holds them
// all; bfloat16 of the peak of its own instruction. Winograd convolutions, which multiply less, come to more than 100
// %. sinter_kernels [--benchmark_filter=REGEX]
#include <sinter/core/target.hpp>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "machine_rates.hpp"
#include "prepared_kernel.hpp"
#include "roofline.hpp"
#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace bench {
namespace {

codegen::roofline const& limit(target const& machine, precision rounded) {
  static std::map<std::tuple<int, bool, precision>, codegen::roofline> of;
  bool const has_tiles = machine.has(feature::amx);
  auto const [at, fresh] = of.try_emplace({machine.lanes(), has_tiles, rounded});
  if (!fresh) return at->second;
  at->second = codegen::measure_roofline(machine, nullptr);
  if (rounded == precision::bfloat16)
    at->second.a_second.lanes = has_tiles ? at->second.a_second.bfloat16_tiles : codegen::bfloat16_rate(machine);
  return at->second;
}

/// CPU time of this thread in seconds.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// What a node computes and touches at least.
struct work {
  double operations = 0;
  std::int64_t bytes = 0;
};

void measure(benchmark::State& state, prepared_kernel const& kernel, work const& w, target const& machine,
             precision rounded) {
  auto const start = cpu_seconds();
  for (auto _ : state) {
    kernel.run();
    benchmark::ClobberMemory();
  }
  auto const seconds = (cpu_seconds() - start) / static_cast<double>(state.iterations());
  auto const& l = limit(machine, rounded);
  state.counters["GFLOP/s"] = w.operations / seconds / 1e9;
  state.counters["% of peak"] = 100 * w.operations / seconds / l.a_second.lanes;
  state.counters["% of roofline"] = 100 * l.seconds({.lanes = w.operations}, w.bytes) / seconds;
  state.SetLabel(std::string(kernel.schedule_name()));
}

void add(std::string const& name, node const& n, std::vector<operand> const& operands, double operations,
         target const& set, precision rounded) {
  if (!native_target().covers(set)) return;
  benchmark::RegisterBenchmark(fmt::format("{}/{}", name, to_string(set)).c_str(), [=](benchmark::State& state) {
    try {
      prepared_kernel const kernel(n, operands, set, rounded);
      measure(state, kernel, {operations, kernel.operand_bytes()}, set, rounded);
    } catch (sinter::error const& e) {  // nothing rounds there
      state.SkipWithError(e.what());
    }
  });
}
void add_exact(std::string const& name, node const& n, std::vector<operand> const& operands, double operations) {
  for (target const set : library_targets) add(name, n, operands, operations, set, precision::exact);
}

/// The same in bfloat16 besides, by pairs and by tiles.
void add_rounded(std::string const& name, node const& n, std::vector<operand> const& operands, double operations) {
  add_exact(name, n, operands, operations);
  for (target const set : {"x86-64:avx512f,avx512bf16", "amx"})
    add(name, n, operands, operations, set, precision::bfloat16);
}

using extents = std::vector<std::int64_t>;

/// A convolution of one item whose taps and pixels lie alike along each of `axes` axes; with stride 1 it keeps their
/// extents.
struct convolution {
  std::int64_t in, out, extent, kernel = 3, stride = 1, group = 1, dilation = 1;
  std::size_t axes = 2;

  std::int64_t pad() const { return dilation * (kernel / 2); }
  std::int64_t result() const { return (extent + 2 * pad() - dilation * (kernel - 1) - 1) / stride + 1; }
  extents along_axes(std::int64_t each) const { return extents(axes, each); }
  shape with(std::int64_t first, std::int64_t second, std::int64_t each) const {
    shape s{first, second};
    for (std::size_t i = 0; i < axes; ++i) s.push_back(each);
    return s;
  }
  node operation(std::string op, std::string domain, int version) const {
    return {.domain = std::move(domain),
            .op = std::move(op),
            .version = version,
            .attributes = {{"kernel_shape", along_axes(kernel)},
                           {"strides", along_axes(stride)},
                           {"dilations", along_axes(dilation)},
                           {"pads", extents(2 * axes, pad())},
                           {"group", group}}};
  }
  std::string text() const {
    auto const window = axes == 1 ? fmt::format("{}", kernel) : fmt::format("{0}x{0}", kernel);
    return fmt::format("{}/{}to{}{}at{}/s{}{}", window, in, out, group > 1 ? fmt::format("/g{}/", group) : "", extent,
                       stride, dilation > 1 ? fmt::format("/d{}", dilation) : "");
  }
};

/// Multiply-adds, counted twice, of `pixels` pixels along each axis, where each tap meets each of them.
double operations_of(convolution const& c, std::int64_t pixels) {
  std::int64_t const inputs = c.in / c.group;
  double each = 2.0 * static_cast<double>(c.out * inputs);
  for (std::size_t i = 0; i < c.axes; ++i) each *= static_cast<double>(pixels * c.kernel);
  return each;
}

void add(convolution const& c) {
  auto const from = c.in < channel_block ? layout::row_major : layout::blocked;
  auto const each = c.group == 1 && c.axes == 2 ? add_rounded : add_exact;
  each("conv/" + c.text(), c.operation("Conv", "sinter", 1),
       {{.value = filled(c.with(1, c.in, c.extent)), .how = from},
        {.value = filled(c.with(c.out, c.in / c.group, c.kernel)), .constant = true},
        {.value = filled({c.out}), .constant = true}},
       operations_of(c, c.result()));
}

void add_transposed(convolution const& c) {
  add_exact("conv_transpose/" + c.text(), c.operation("ConvTranspose", "", 11),
            {{.value = filled(c.with(1, c.in, c.extent)), .how = layout::blocked},
             {.value = filled(c.with(c.in, c.out / c.group, c.kernel)), .constant = true},
             {.value = filled({c.out}), .constant = true}},
            operations_of(c, c.extent));
}

void add_gemm(std::int64_t rows, std::int64_t depth, std::int64_t columns) {
  add_rounded(fmt::format("gemm/{}x{}x{}", rows, depth, columns), node{.domain = "sinter", .op = "Gemm", .version = 1},
              {{.value = filled({rows, depth})},
               {.value = filled({depth, columns}), .constant = true},
               {.value = filled({columns}), .constant = true}},
              2.0 * static_cast<double>(rows * depth * columns));
}

void add_convolutions() {
  add({.in = 3, .out = 64, .extent = 224, .kernel = 7, .stride = 2});
  add({.in = 3, .out = 32, .extent = 224, .stride = 2});
  add({.in = 1, .out = 8, .extent = 28});
  add({.in = 8, .out = 8, .extent = 56});
  add({.in = 64, .out = 64, .extent = 56});
  add({.in = 128, .out = 128, .extent = 28});
  add({.in = 256, .out = 256, .extent = 14});
  add({.in = 512, .out = 512, .extent = 7});
  add({.in = 48, .out = 72, .extent = 35});
  add({.in = 128, .out = 128, .extent = 56, .stride = 2});
  add({.in = 128, .out = 128, .extent = 28, .dilation = 2});
  add({.in = 64, .out = 64, .extent = 35, .kernel = 5});
  add({.in = 64, .out = 256, .extent = 56, .kernel = 1});
  add({.in = 256, .out = 64, .extent = 56, .kernel = 1});
  add({.in = 1024, .out = 256, .extent = 14, .kernel = 1});
  add({.in = 512, .out = 2048, .extent = 7, .kernel = 1});
  add({.in = 24, .out = 144, .extent = 56, .kernel = 1});
  add({.in = 40, .out = 24, .extent = 35, .kernel = 1});
  add({.in = 128, .out = 128, .extent = 56, .group = 32});
  add({.in = 64, .out = 128, .extent = 400, .axes = 1});
  add({.in = 128, .out = 128, .extent = 400, .kernel = 5, .dilation = 2, .axes = 1});
}

void add_depthwise() {
  add({.in = 32, .out = 32, .extent = 112, .group = 32});
  add({.in = 144, .out = 144, .extent = 56, .group = 144});
  add({.in = 96, .out = 96, .extent = 112, .stride = 2, .group = 96});
  add({.in = 960, .out = 960, .extent = 7, .group = 960});
  add({.in = 240, .out = 240, .extent = 28, .kernel = 5, .group = 240});
  add({.in = 96, .out = 96, .extent = 56, .kernel = 7, .group = 96});
  add({.in = 128, .out = 128, .extent = 400, .kernel = 5, .group = 128, .axes = 1});
}

void add_products() {
  add_gemm(1, 512, 1000);
  add_gemm(1, 768, 3072);
  add_gemm(1, 2048, 1000);
  add_gemm(7, 200, 300);
  add_gemm(32, 128, 512);
  add_gemm(128, 256, 256);
  add_gemm(128, 768, 768);
  add_gemm(128, 768, 3072);
  add_gemm(197, 3072, 768);
}

void add_all() {
  add_convolutions();
  add_transposed({.in = 64, .out = 32, .extent = 56, .kernel = 2, .stride = 2});
  add_transposed({.in = 128, .out = 64, .extent = 28, .kernel = 4, .stride = 2});
  add_depthwise();
  add_products();
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
      fmt::print("FMA peak, {}: {:.1f} GFLOP/s\n", to_string(set),
                 bench::limit(set, sinter::precision::exact).a_second.lanes / 1e9);
  bench::add_all();
  benchmark::RunSpecifiedBenchmarks();
}

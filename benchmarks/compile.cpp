#include <sinter/compile.hpp>
#include <sinter/core/target.hpp>
#include <sinter/onnx/import.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <vector>

/// compile MODEL.onnx...: what each chapter of a compilation takes (medians of 5), and the memory that is planned. Open
/// dimensions become 1.
namespace {

constexpr int repetitions = 5;

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + repetitions / 2);
  return values[repetitions / 2];
}

sinter::graph import_with_shapes(char const* file) {
  auto g = sinter::onnx::import_file(file);
  for (auto const& in : g.inputs) {
    if (!in.declared)
      sinter::fail(sinter::error_code::unsupported_feature, "an input of {} has no declared rank", file);
    sinter::shape shape;
    for (auto const& d : *in.declared) shape.push_back(d.extent < 0 ? 1 : d.extent);
    g.at(in.value).type.shape = shape;
  }
  return g;
}

void report(char const* file) {
  auto const g = import_with_shapes(file);
  std::vector<double> passes, plan, emission, packing, all;
  std::int64_t arena = 0, bound = 0;
  for (int i = 0; i < repetitions; ++i) {
    sinter::weight_store store;
    sinter::compile_times t;
    auto const code = sinter::compile(g, {.machine = sinter::runnable_here("native")}, store, nullptr, &t);
    passes.push_back(t.passes);
    plan.push_back(t.plan);
    emission.push_back(t.emission);
    packing.push_back(t.packing);
    all.push_back(t.passes + t.plan + t.emission);
    arena = code.plan().arena_bytes;
    bound = code.plan().arena_bound;
  }
  fmt::print("{:>8.2f} {:>8.2f} {:>8.2f} {:>8.2f} {:>8.2f} {:>12} {:>12}  {}\n", median(passes), median(plan),
             median(emission), median(all), median(packing), arena, bound, file);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    fmt::print("{:>8} {:>8} {:>8} {:>8} {:>8} {:>12} {:>12}\n", "passes", "plan", "emission", "sum ms", "packing",
               "arena bytes", "bound");
    for (int i = 1; i < argc; ++i) report(argv[i]);
  } catch (sinter::error const& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}

#include <sinter/compile.hpp>
#include <sinter/core/target.hpp>
#include <sinter/onnx/import.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

/// compile MODEL.onnx...: what each chapter of a compilation takes (medians of 5), and the memory that is planned. Open
/// dimensions become 1; a second line is for the next signature of the same model, for which they become 2.
namespace {

constexpr int repetitions = 5;

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + repetitions / 2);
  return values[repetitions / 2];
}

/// The signature with `extent` for all that is open; defaults are kept.
sinter::signature signature_with(sinter::graph const& g, std::int64_t extent) {
  sinter::signature s;
  for (auto const& in : g.inputs) {
    if (!in.declared) sinter::fail(sinter::error_code::unsupported_feature, "an input has no declared rank");
    auto& shape = s.shapes.emplace_back();
    if (g.at(in.value).is_constant()) continue;
    shape.emplace();
    for (auto const& d : *in.declared) shape->push_back(d.extent < 0 ? extent : d.extent);
  }
  return s;
}

/// The times of several compilations.
struct times {
  std::vector<sinter::compile_times> of{};

  double median_of(double sinter::compile_times::*chapter) const {
    std::vector<double> values;
    for (auto const& t : of) values.push_back(t.*chapter);
    return median(values);
  }
  double sum() const {
    std::vector<double> values;
    for (auto const& t : of) values.push_back(t.passes + t.plan + t.emission);
    return median(values);
  }
};

void print(double prepare, times const& t, sinter::program const& p, std::string_view name) {
  using all = sinter::compile_times;
  fmt::print("{:>8.2f} {:>8.2f} {:>8.2f} {:>8.2f} {:>8.2f} {:>8.2f} {:>12} {:>12}  {}\n", prepare,
             t.median_of(&all::passes), t.median_of(&all::plan), t.median_of(&all::emission), prepare + t.sum(),
             t.median_of(&all::packing), p.arena_bytes, p.arena_bound, name);
}

void report(char const* file) {
  auto const g = sinter::onnx::import_file(file);
  auto const first = signature_with(g, 1), second = signature_with(g, 2);
  sinter::compile_options const how{.machine = sinter::runnable_here("native")};
  std::vector<double> prepare;
  times one, two;
  for (int i = 0; i < repetitions; ++i) {
    sinter::model_store store;
    double took = 0;
    auto const prepared = sinter::detail::timed(took, [&] { return sinter::prepare(g); });
    prepare.push_back(took);
    auto const code = sinter::compile(prepared, first, how, store, nullptr, &one.of.emplace_back());
    auto const next = sinter::compile(prepared, second, how, store, nullptr, &two.of.emplace_back());
    if (i + 1 < repetitions) continue;
    print(median(prepare), one, code.plan(), file);
    if (first != second) print(0, two, next.plan(), "  the next signature");
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    fmt::print("{:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>12} {:>12}\n", "prepare", "passes", "plan", "emission", "sum ms",
               "packing", "arena bytes", "bound");
    for (int i = 1; i < argc; ++i) report(argv[i]);
  } catch (sinter::error const& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}

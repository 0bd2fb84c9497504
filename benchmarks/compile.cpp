#include <sinter/compile.hpp>
#include <sinter/core/target.hpp>
#include <sinter/onnx/import.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// compile MODEL.onnx... [--second [NAME=]N]: what each chapter of a compilation takes (medians of 15), and the memory
/// that is planned. Open dimensions become 1; a second line is for the next signature of the same model, for which they
/// become 2, or those called NAME, or all, become N. Both are compiled in turn.
namespace {

constexpr int repetitions = 15;

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + repetitions / 2);
  return values[repetitions / 2];
}

/// An extent for open dimensions: those called `name`, or all.
struct open_extent {
  std::string name{};
  std::int64_t extent = 1;
};

open_extent parse_extent(std::string_view text) {
  open_extent result;
  auto const at = text.find('=');
  if (at != std::string_view::npos) result.name = text.substr(0, at);
  auto const number = at == std::string_view::npos ? text : text.substr(at + 1);
  auto const [end, problem] = std::from_chars(number.data(), number.data() + number.size(), result.extent);
  if (problem != std::errc{} || end != number.data() + number.size() || result.extent < 1)
    sinter::fail(sinter::error_code::invalid_argument, "--second '{}': expected N or NAME=N, N at least 1", text);
  return result;
}

/// The signature with 1 or what `open` says for all that is open; defaults are kept.
sinter::signature signature_with(sinter::graph const& g, open_extent const& open) {
  sinter::signature s;
  for (auto const& in : g.inputs) {
    if (!in.declared) sinter::fail(sinter::error_code::unsupported_feature, "an input has no declared rank");
    auto& shape = s.shapes.emplace_back();
    if (g.at(in.value).is_constant()) continue;
    shape.emplace();
    for (auto const& d : *in.declared) {
      bool const named = open.name.empty() || d.symbol == open.name;
      shape->push_back(d.known() ? d.extent : named ? open.extent : 1);
    }
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

void report(char const* file, open_extent const& open) {
  auto const g = sinter::onnx::import_file(file);
  auto const first = signature_with(g, {}), second = signature_with(g, open);
  sinter::compile_options const how{.machine = sinter::runnable_here("native")};
  std::vector<double> prepare;
  times one, two;
  for (int i = 0; i < repetitions; ++i) {
    sinter::model_store store;
    double took = 0;
    auto const prepared = sinter::detail::timed(took, [&] { return sinter::prepare(g); });
    prepare.push_back(took);
    auto const code = sinter::compile(prepared, first, how, store, nullptr, &one.of.emplace_back());
    bool const last = i + 1 == repetitions;
    if (last) print(median(prepare), one, code.plan(), file);
    if (first == second) continue;
    auto const next = sinter::compile(prepared, second, how, store, nullptr, &two.of.emplace_back());
    if (!last) continue;
    print(0, two, next.plan(), "  the next signature");
    auto const& kernels = code.plan().kernels;
    auto const known = std::ranges::count_if(
        next.plan().kernels, [&](auto const& k) { return std::ranges::find(kernels, k) != kernels.end(); });
    fmt::print("{:>8.3f} of the first one's time; {} of {} kernels are known\n",
               two.sum() / (median(prepare) + one.sum()), known, next.plan().kernels.size());
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    fmt::print("{:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>12} {:>12}\n", "prepare", "passes", "plan", "emission", "sum ms",
               "packing", "arena bytes", "bound");
    open_extent open{.extent = 2};
    std::vector<char const*> files;
    for (int i = 1; i < argc; ++i) {
      if (std::string_view(argv[i]) != "--second")
        files.push_back(argv[i]);
      else if (++i < argc)
        open = parse_extent(argv[i]);
    }
    for (auto const* file : files) report(file, open);
  } catch (sinter::error const& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}

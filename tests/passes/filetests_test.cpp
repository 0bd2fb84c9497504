#include <sinter/graph/text.hpp>
#include <sinter/graph/verify.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/passes/infer_types.hpp>
#include <sinter/passes/pass.hpp>

#include "catch.hpp"
#include "passes/opened.hpp"
#include "passes/random_inputs.hpp"
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace sinter;

namespace {

/// A file of tests/filetests: a first line `; passes: NAME…`, a graph, a line `; becomes`, and the graph that the
/// passes make of it.
struct filetest {
  std::vector<std::string> passes;
  std::string before;
  std::string after;
};

filetest read(std::filesystem::path const& path) {
  std::ifstream in(path);
  std::string const heading = "; passes:", separator = "\n; becomes\n";
  std::string const text{std::istreambuf_iterator<char>(in), {}};
  auto const split = text.find(separator);
  REQUIRE(text.starts_with(heading));
  REQUIRE(split != std::string::npos);
  filetest t{.passes = {}, .before = text.substr(0, split), .after = text.substr(split + separator.size())};
  std::istringstream names(text.substr(heading.size(), text.find('\n') - heading.size()));
  for (std::string name; names >> name;) t.passes.push_back(name);
  return t;
}

void run(graph& g, std::vector<std::string> const& names) {
  rewriter r(g, INT64_MAX, [](graph const& now, std::string_view) { verify(now); });
  for (auto const& name : names) {
    auto const it = std::ranges::find(pass_table(), name, &pass::name);
    INFO("pass " << name);
    REQUIRE(it != pass_table().end());
    it->run(r);
  }
}

std::string typed_text(graph g) {
  passes::infer_types(g);
  return print(g);
}

/// What rounding every intermediate value may change, relative to the largest of the outputs: of a type with p bits of
/// significand, 4 units of 2^-p.
double rounding_of(graph const& g) {
  double most = 1e-5;
  for (std::size_t i = 0; i < g.value_count(); ++i) {
    auto const element = g.at(value_id{static_cast<std::int32_t>(i)}).type.element;
    if (element == dtype::float16) most = std::max(most, 4 * 0x1p-11);
    if (element == dtype::bfloat16) most = std::max(most, 4 * 0x1p-8);
  }
  return most;
}

void check(filetest const& t) {
  auto const original = parse(t.before);
  auto g = original;
  passes::infer_types(g);
  run(g, t.passes);
  CHECK(typed_text(g) == typed_text(parse(t.after)));
  auto const inputs = random_inputs(g);
  auto const expected = evaluate(original, inputs);
  CHECK(largest_difference(expected, evaluate(g, inputs)) <= rounding_of(original));
  CHECK(largest_difference(expected, evaluate(optimize_opened(original), inputs)) <= rounding_of(original));
}

}  // namespace

TEST_CASE("passes rewrite the graphs of tests/filetests as written there") {
  int files = 0;
  for (auto const& entry : std::filesystem::directory_iterator(SINTER_SOURCE_DIR "/tests/filetests")) {
    if (entry.path().extension() != ".txt") continue;
    ++files;
    INFO("file " << entry.path().filename().string());
    CHECK_NOTHROW(check(read(entry.path())));
  }
  CHECK(files >= 10);
}

#include <sinter/expr/text.hpp>
#include <sinter/graph/text.hpp>
#include <sinter/program/parse.hpp>
#include <sinter/program/verify.hpp>
#include <sinter/vector/verify.hpp>

#include "catch.hpp"
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace sinter;

namespace {

std::string contents(std::string const& path) {
  std::ifstream in(SINTER_SOURCE_DIR "/" + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A fenced block: its info string, and the lines between the fences.
struct block {
  std::string info{};
  std::string text{};
};

std::vector<block> blocks_of(std::string const& path) {
  std::vector<block> all;
  std::ifstream in(SINTER_SOURCE_DIR "/" + path);
  bool open = false;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("```")) {
      if (open) all.back().text += line + "\n";
      continue;
    }
    open = !open;
    if (open) all.push_back({line.substr(3), ""});
  }
  CHECK_FALSE(open);
  return all;
}

void check(block const& b) {
  if (b.info == "graph") {
    static_cast<void>(parse(b.text));  // verifies
  } else if (b.info == "expression") {
    CHECK(expr::print(expr::parse(b.text)) + "\n" == b.text);
  } else if (b.info == "kernel") {
    vector::verify(vector::parse(b.text));
  } else if (b.info == "program") {
    auto const p = parse_program(b.text);
    for (auto const& k : p.kernels) vector::verify(*k);
    verify(p);
  } else if (b.info != "grammar") {
    FAIL("no test knows blocks of '" << b.info << "'");
  }
}

}  // namespace

TEST_CASE("the examples of docs/ir.md parse and verify", "[docs]") {
  auto const blocks = blocks_of("docs/ir.md");
  for (auto const* kind : {"graph", "expression", "kernel", "program"})
    CHECK(std::ranges::find(blocks, kind, &block::info) != blocks.end());
  for (auto const& b : blocks) {
    INFO(b.text);
    CHECK_NOTHROW(check(b));
  }
}

TEST_CASE("docs/ir.md has all operations", "[docs]") {
  auto const text = contents("docs/ir.md");
  for (auto const& what : vector::opcode_table)
    if (what.name != "end") CHECK_THAT(text, says(fmt::format("`{}`", what.name)));
  for (int i = static_cast<int>(expr::op::add); i <= static_cast<int>(expr::op::pow); ++i)
    CHECK_THAT(text, says(fmt::format("`{}`", expr::name(static_cast<expr::op>(i)))));
}

TEST_CASE("the code of the guides is code that is compiled", "[docs]") {
  struct guide {
    std::string file;
    std::vector<std::string> sources;
  };
  auto const row_distance = [](std::string const& file) { return "tests/docs/row_distance_" + file; };
  std::vector const operator_and_schedule{row_distance("operator.hpp"), row_distance("schedule.hpp"),
                                          row_distance("test.cpp")};
  std::string const headers = "include/sinter/";
  for (auto const& [file, sources] :
       {guide{"docs/add-an-operator.md", operator_and_schedule}, guide{"docs/add-a-schedule.md", operator_and_schedule},
        guide{"docs/custom-operators.md", {"tests/custom_operator/custom_operator_test.cpp"}},
        guide{"docs/add-a-form.md",
              {headers + "emit/cuda/forms/pointwise.cuh", headers + "emit/cuda/forms.hpp",
               headers + "program/device_forms.hpp", headers + "schedules/cuda/pointwise.hpp",
               "tests/cuda/forms_pointwise_test.cpp"}}}) {
    std::string compiled;
    for (auto const& source : sources) compiled += contents(source);
    int found = 0;
    for (auto const& b : blocks_of(file)) {
      if (b.info != "cpp") continue;
      ++found;
      INFO(file << "\n" << b.text);
      CHECK(compiled.find(b.text) != std::string::npos);
    }
    CHECK(found > 0);
  }
}

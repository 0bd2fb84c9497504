#include <sinter/graph/text.hpp>
#include <sinter/passes/pass.hpp>
#include <sinter/plan/plan.hpp>
#include <sinter/program/parse.hpp>
#include <sinter/program/verify.hpp>

#include "catch.hpp"
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace sinter;

namespace {

auto const folder = std::filesystem::path(SINTER_SOURCE_DIR "/tests/filetests/plan");

/// A file of tests/filetests/plan: a first line `; targets: NAME…`, a graph, and for each target a line
/// `; plans NAME` and the program that the optimised graph becomes, its kernels by name. Targets are those of the
/// library, with `+fp16` or `+bf16` behind them where numbers may be rounded to that.
struct filetest {
  std::vector<std::string> targets{};
  std::string graph{};  ///< with the first line
  std::string programs{};
};

std::string contents(std::filesystem::path const& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

filetest read(std::filesystem::path const& path) {
  std::string const heading = "; targets:", separator = "; plans ";
  auto const text = contents(path);
  REQUIRE(text.starts_with(heading));
  auto const split = std::min(text.find(separator), text.size());
  filetest t{.targets = {}, .graph = text.substr(0, split), .programs = text.substr(split)};
  std::istringstream names(text.substr(heading.size(), text.find('\n') - heading.size()));
  for (std::string name; names >> name;) t.targets.push_back(name);
  return t;
}

/// Numbers the names of constants, digests of 32 digits, in the order in which they appear.
std::string with_numbered_constants(std::string const& text) {
  std::map<std::string, std::size_t> numbers;
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    auto const end = std::min(text.find_first_not_of("0123456789abcdef", at), text.size());
    if (auto const word = text.substr(at, end - at); word.size() == 32)
      result += fmt::format("#{}", numbers.try_emplace(word, numbers.size()).first->second);
    else
      result += word;
    if (end < text.size()) result += text[end];
    at = end + 1;
  }
  return result;
}

/// The programs of a graph, as the file should have them.
std::string programs_of(filetest const& t) {
  std::string all;
  for (auto const& name : t.targets) {
    auto g = parse(t.graph);
    target const machine(name.substr(0, name.find('+')));
    optimize(g, passes_for(machine));
    auto const rounded = name.ends_with("+fp16")   ? precision::float16
                         : name.ends_with("+bf16") ? precision::bfloat16
                                                   : precision::exact;
    auto const p = plan(g, {.machine = machine, .prefer = {.precision = rounded}});
    auto const text = print(p, {.kernels = false});
    CHECK(print(parse_program(text), {.kernels = false}) == text);
    all += "; plans " + name + "\n" + with_numbered_constants(text);
  }
  return all;
}

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> all;
  for (auto const& entry : std::filesystem::directory_iterator(folder)) all.push_back(entry.path());
  std::ranges::sort(all);
  return all;
}

}  // namespace

TEST_CASE("graphs of tests/filetests/plan become the programs written there", "[plan]") {
  for (auto const& path : files()) {
    INFO("file " << path.filename().string() << "; plan_tests \"[regenerate]\" writes what is planned into the files");
    auto const t = read(path);
    CHECK(programs_of(t) == t.programs);
  }
}

TEST_CASE("there is a plan for each schedule", "[plan]") {
  std::vector<schedule> all_schedules;
  for (auto const device : {device_kind::x86_64, device_kind::cuda})
    std::ranges::copy(schedule_table(device), std::back_inserter(all_schedules));
  for (auto const& s : all_schedules) {
    auto name = std::string(s.name);
    std::ranges::replace(name, ' ', '_');
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    INFO("schedule " << s.name);
    auto const text = contents(folder / (name + ".txt"));
    CHECK_FALSE(text.empty());
    if (!s.name.ends_with("view")) CHECK_THAT(text, says(fmt::format("by \"{}\"", s.name)));
  }
  std::string all;
  for (auto const& path : files()) all += contents(path);
  for (auto const* part : {"by \"reorder\"", "    host ", "    island ", "      loop ", "= t0", " slot 0 axis ",
                           "    launch ", "    transfer "})
    CHECK_THAT(all, says(part));
}

TEST_CASE("write what is planned into tests/filetests/plan", "[.regenerate]") {
  for (auto const& path : files()) {
    INFO("file " << path.filename().string());
    auto const t = read(path);
    auto const programs = programs_of(t);
    std::ofstream(path) << t.graph << programs;
  }
}

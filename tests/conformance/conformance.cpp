// Runs the ONNX backend tests, or any folder in their layout, and compares with the data that they bring.

#include <CLI/CLI.hpp>

#include "cpp_backend.hpp"
#include "cuda_backend.hpp"
#include "expectations.hpp"
#include "operator_table.hpp"
#include <array>

namespace {

using namespace conformance;

constexpr std::array backends{
    backend{"evaluate", run_evaluate},
    backend{"x86", run_compiled<wide_registers>},
    backend{"x86-avx2", run_compiled<narrow_registers>},
    backend{"cuda", run_cuda, prepare_cuda},
    backend{"cpp", run_cpp, [](std::vector<test_case> const& cases) { cpp_models::all().prepare(cases); }},
};

struct options {
  fs::path root{};
  std::string filter = ".*";
  std::string backend = "evaluate";
  std::vector<fs::path> expected{};
  fs::path json{};
  fs::path table{};
  std::vector<fs::path> results{};
  std::optional<double> seconds{};  ///< for each case
  bool list = false;
  bool verbose = false;
};

/// Counts, and the record that --json writes.
struct report {
  std::size_t passed = 0, failed = 0, skipped = 0;
  nlohmann::json cases = nlohmann::json::array();

  void add(std::string const& name, result const& r) {
    (r.what == outcome::passed ? passed : r.what == outcome::failed ? failed : skipped) += 1;
    char const* const word = r.what == outcome::passed ? "passed" : r.what == outcome::failed ? "failed" : "skipped";
    cases.push_back({{"case", name}, {"outcome", word}, {"message", r.message}, {"ms", r.milliseconds}});
  }
};

std::string first_line(std::string const& text) { return text.substr(0, text.find('\n')); }

/// Runs the cases; failures are printed as they come, and a line of progress on a terminal.
report run(std::vector<test_case> const& cases, backend const& b, expectations const& expected, options const& o) {
  report r;
  if (b.prepare) b.prepare(cases);
  bool const terminal = isatty(STDERR_FILENO);
  for (auto const& c : cases) {
    if (terminal) fmt::print(stderr, "\r\033[K{}/{} {}", r.cases.size() + 1, cases.size(), c.name);
    auto const judged = expected.judge(c.name, run_isolated(c, b, o.seconds));
    r.add(c.name, judged);
    if (terminal && (judged.what == outcome::failed || o.verbose)) fmt::print(stderr, "\r\033[K");
    if (judged.what == outcome::failed) fmt::print("FAILED {}: {}\n", c.name, judged.message);
    if (judged.what == outcome::skipped && o.verbose)
      fmt::print("skipped {}: {}\n", c.name, first_line(judged.message));
    std::fflush(stdout);
  }
  if (terminal) fmt::print(stderr, "\r\033[K");
  return r;
}

int run_all(options const& o) {
  auto const* b = std::ranges::find(backends, o.backend, &backend::name);
  if (b == backends.end()) throw std::runtime_error("there is no backend '" + o.backend + "'");
  if (!fs::is_directory(o.root)) throw std::runtime_error("no folder: " + o.root.string());
  auto cases = find_cases(o.root);
  std::regex const wanted(o.filter);
  std::erase_if(cases, [&](test_case const& c) { return !std::regex_search(c.name, wanted); });
  if (o.list) {
    for (auto const& c : cases) fmt::print("{}\n", c.name);
    return 0;
  }
  if (!o.table.empty()) {
    std::ofstream(o.table) << operator_document(cases, o.results).text();
    return 0;
  }
  expectations const expected(o.expected, o.backend);
  auto const r = run(cases, *b, expected, o);
  if (!o.json.empty())
    std::ofstream(o.json) << nlohmann::json{{"backend", o.backend},
                                            {"passed", r.passed},
                                            {"failed", r.failed},
                                            {"skipped", r.skipped},
                                            {"cases", r.cases}}
                                 .dump(1)
                          << '\n';
  fmt::print("{} passed, {} failed, {} skipped\n", r.passed, r.failed, r.skipped);
  return r.failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app("Runs cases in the layout of the ONNX backend tests");
  app.add_option("--root", o.root, "Folder with cases")->required();
  app.add_option("--filter", o.filter, "Regular expression that a case's path below the root must contain");
  app.add_option("--backend", o.backend, "What runs the models: evaluate, x86, x86-avx2, cuda (emulated) or cpp");
  app.add_option("--expected", o.expected, "Files of expectations, see expected_failures.txt");
  app.add_option("--json", o.json, "File to write every case's outcome to");
  app.add_option("--table", o.table, "Only write the table of operators to this file, of --results");
  app.add_option("--results", o.results, "Files that --json wrote, one for each backend; those that exist count")
      ->needs("--table");
  app.add_option("--timeout", o.seconds, "Seconds that a case may take, to find one that never ends");
  app.add_flag("--list", o.list, "Only print the names of the cases");
  app.add_flag("--verbose", o.verbose, "Print skipped cases too");
  CLI11_PARSE(app, argc, argv);
  try {
    return run_all(o);
  } catch (std::exception const& e) {
    fmt::print(stderr, "conformance: {}\n", e.what());
    return 2;
  }
}

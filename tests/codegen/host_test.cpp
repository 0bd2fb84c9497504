#include <sinter/graph/text.hpp>
#include <sinter/sinter.hpp>

#include "catch.hpp"
#include "library_files.hpp"
#include "temporary_folder.hpp"
#include <string>

using namespace sinter;

namespace {

/// Makes a library of a graph, a program of the library and `main`, and runs that program; what it printed.
std::string printed_by(char const* graph_text, std::string const& main, temporary_folder const& folder) {
  codegen::write_library({parse(graph_text)}, {.name = "net", .sets = {"portable"}}, folder.path());
  std::ofstream(folder.path() / "main.cpp") << "#include \"net.hpp\"\n#include <cstdio>\nint main() {\n"
                                            << main << "}\n";
  auto const command = fmt::format(
      "cd {} && c++ -std=c++20 -Wall -Wextra -Werror -ffp-contract=off -I{}/include -Wa,-I. main.cpp net*.cpp -o net "
      ">messages 2>&1 && ./net >printed 2>>messages",
      folder.path().string(), SINTER_SOURCE_DIR);
  INFO(command);
  auto const failed = std::system(command.c_str());
  auto files = folder.files();
  INFO(files["messages"]);
  CHECK(failed == 0);
  return files["printed"];
}

bool has_compiler() {
  if (std::system("c++ --version >/dev/null 2>&1") == 0) return true;
  WARN("SKIPPED: there is no C++ compiler");
  return false;
}

constexpr char const* lookup = R"(graph opset 17 {
  input table: float[3x2]
  input at: int64[2]
  rows = Gather(table, at) as "the lookup"
  y = Mul(rows, rows)
  output y
})";

}  // namespace

TEST_CASE("a library calls shipped kernels, and says when an index is out of range", "[thorough]") {
  if (!has_compiler()) return;
  temporary_folder folder;
  auto const printed = printed_by(lookup, R"(
    static float const table[] = {1, 2, 3, 4, 5, 6};
    static std::int64_t const right[] = {2, -3}, wrong[] = {0, 3};
    net n;
    auto const good = n.run({.table = net::table::view(table), .at = net::at::view(right)});
    std::printf("%g %g %g %g '%s'\n", good.y[0], good.y[1], good.y[2], good.y[3], good.error.data());
    auto const bad = n.run({.table = net::table::view(table), .at = net::at::view(wrong)});
    std::printf("%.*s\n", int(bad.error.size()), bad.error.data());
  )",
                                  folder);
  CHECK(printed ==
        "25 36 1 4 ''\nnode 'the lookup' (Gather): an index or length that came at run time is out of range\n");
}

TEST_CASE("integers are computed by shipped kernels", "[thorough]") {
  if (!has_compiler()) return;
  temporary_folder folder;
  auto const printed = printed_by(R"(graph opset 17 {
  input x: int32[4]
  const slope = int32[1] {2}
  p, q = Split(x) {axis = 0}
  a = Abs(x)
  b = Neg(x)
  c = Sign(x)
  d = Relu(x)
  e = PRelu(x, slope)
  y = Concat(a, b, c, d, e, q, p) {axis = 0}
  output y
})",
                                  R"(
    static std::int32_t const x[] = {-3, 0, 5, 7};
    net n;
    for (int const v : n.run({.x = net::x::view(x)}).y) std::printf("%d ", v);
  )",
                                  folder);
  CHECK(printed == "3 0 5 7 3 0 -5 -7 -1 0 1 1 0 0 5 7 -6 0 5 7 5 7 -3 0 ");
}

TEST_CASE("what selects is a shipped kernel where the size of the result is known", "[thorough]") {
  if (!has_compiler()) return;
  temporary_folder folder;
  auto const printed = printed_by(R"(graph opset 17 {
  input x: int64[2x3]
  const m = bool[3] {1, 0, 1}
  c = Compress(x, m) {axis = 1}
  f = Compress(x, m)
  _, _, i = Unique(c)
  y = Concat(f, i) {axis = 0}
  output y
})",
                                  R"(
    static std::int64_t const x[] = {7, 8, 5, 3, 2, 7};
    net n;
    for (auto const v : n.run({.x = net::x::view(x)}).y) std::printf("%d ", int(v));
  )",
                                  folder);
  CHECK(printed == "7 5 2 1 0 2 ");
}

TEST_CASE("indices that are known in advance are checked in advance") {
  auto const header_of = [](char const* index) {
    temporary_folder folder;
    auto const text = fmt::format(
        "graph opset 17 {{\n  input x: int64[3x2]\n  const i = int64[1] {{{}}}\n  y = Gather(x, i)\n  output y\n}}",
        index);
    codegen::write_library({parse(text)}, {.name = "net", .sets = {"portable"}}, folder.path());
    return folder.files()["net.hpp"];
  };
  CHECK(header_of("2").find("std::string_view error") == std::string::npos);
  CHECK(header_of("3").find("std::string_view error") != std::string::npos);
}

TEST_CASE("kernels work in the arena") {
  auto const bytes = [](char const* type) {
    temporary_folder folder;
    auto const text = fmt::format(
        "graph opset 17 {{\n  input x: {}[64x1000]\n  const a = int64[] {{1}}\n  y = CumSum(x, a)\n  output "
        "y\n}}",
        type);
    codegen::write_library({parse(text)}, {.name = "net", .sets = {"portable"}}, folder.path());
    auto const header = folder.files()["net.hpp"];
    auto const at = header.find("arena_bytes = ");
    return std::stol(header.substr(at + 14));
  };
  // int8 is computed in 64 bits: a copy of the input, and one of the output
  CHECK(bytes("int8") == bytes("uint64") / 8 + 2 * 8 * 64000);
}

#include <sinter/emit/cpp/identifier.hpp>
#include <sinter/graph/text.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include "library_files.hpp"
#include "model_file.hpp"
#include "temporary_folder.hpp"
#include <cstdlib>

using namespace sinter;

namespace {

constexpr char const* hostile = R"(graph "x\"); int main() { return 1; } //" opset 17 {
  input "class": float[1x8]
  input "a b": float[1x8]
  input "a/b": float[1x8]
  input "*/ #error \"": float[1x8]
  input "485": float[1x8]
  input "run": float[1x8]
  input "__LINE__": float[1x8]
  input "linux": float[1x8]
  s = Add("class", "a b") as "node\\"
  t = Add(s, "a/b") as "??/ \"); system(\"false"
  u = Add(t, "*/ #error \"")
  v = Add(u, "485")
  w = Add(v, "run")
  x = Add(w, "__LINE__")
  "a.b" = Sub(x, "linux") as "#include </dev/zero>"
  "NULL" = Relu("a.b") as "*/"
  output "a.b"
  output "NULL"
})";

}  // namespace

TEST_CASE("names become identifiers") {
  CHECK(cpp::identifier("conv1.weight") == "conv1_weight");
  CHECK(cpp::identifier("485") == "_485");
  CHECK(cpp::identifier("class") == "class_");
  CHECK(cpp::identifier("//a//b") == "a_b");
  CHECK(cpp::identifier("__LINE__") == "LINE_");
  CHECK(cpp::identifier("EOF") == "EOF_");
  CHECK(cpp::identifier("\xc3\xa9") == "unnamed");
  CHECK(cpp::identifier("") == "unnamed");
  cpp::identifier_scope scope({"run"});
  CHECK(scope.add("run") == "run_2");
  CHECK(scope.add("x") == "x");
  CHECK(scope.add("x_2") == "x_2");
  CHECK(scope.add("x") == "x_3");
}

TEST_CASE("text of a model is escaped in comments and literals") {
  using namespace std::string_literals;
  CHECK(cpp::comment_text("a\n#include\\") == "a\\x0a#include\\x5c");
  CHECK(cpp::string_literal("a\"b\0c"s) == R"({"a\042b\000c", 5})");
}

TEST_CASE("hostile names give a library that compiles") {
  if (std::system("c++ --version >/dev/null 2>&1") != 0) {
    WARN("SKIPPED: there is no C++ compiler");
    return;
  }
  std::string larger = hostile;
  for (auto at = larger.find("1x8"); at != std::string::npos; at = larger.find("1x8")) larger[at] = '2';
  temporary_folder folder;
  for (auto const kind : {cpp::batch_kind::listed, cpp::batch_kind::any, cpp::batch_kind::fixed}) {
    cpp::library_batch batch{.kind = kind};
    codegen::shaped_model model{.g = parse(hostile), .signatures = {signature_of(parse(hostile))}};
    if (kind != cpp::batch_kind::fixed) {
      batch.sizes.push_back(2);
      model.signatures.push_back(signature_of(parse(larger)));
    }
    codegen::write_library(std::move(model), {.name = "hostile", .sets = {"portable"}, .batch = batch}, folder.path());
    for (auto const* file : {"hostile.cpp", "hostile_portable.cpp"}) {
      auto const command =
          fmt::format("c++ -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I{}/include {} 2>{}", SINTER_SOURCE_DIR,
                      (folder.path() / file).string(), (folder.path() / "messages").string());
      INFO(folder.files()["messages"]);
      CHECK(std::system(command.c_str()) == 0);
    }
  }
  auto const header = folder.files()["hostile.hpp"];
  for (auto const* member :
       {" class_;", " a_b;", " a_b_2;", " _485;", " run_2;", " LINE_;", " linux_;", " a_b_3;", " NULL_;"})
    CHECK(header.find(member) != std::string::npos);
}

TEST_CASE("the same model and options give the same bytes") {
  temporary_folder once, again;
  for (auto const* folder : {&once, &again}) {
    auto model =
        codegen::load_model({.file = SINTER_SOURCE_DIR "/examples/hello/digits.onnx", .shapes = {"image=3x1x8x8"}});
    codegen::write_library(std::move(model), {.name = "digits", .sets = {"portable", "avx2", "avx512"}},
                           folder->path());
  }
  auto const files = once.files();
  CHECK(files.size() == 12);
  CHECK(files == again.files());
}

TEST_CASE("a model with nodes that have no kernels is refused, and says which") {
  auto g = parse(
      "graph opset 17 {\n  input x: float[4x4]\n  input axis: int64[]\n  y = CumSum(x, axis) as \"the sum\"\n  output "
      "y\n}");
  CHECK_THROWS_WITH(codegen::write_library({std::move(g)}, {.name = "sum", .sets = {"avx2"}}, "/nowhere"),
                    says("'the sum'"));
}

TEST_CASE("a model with results whose size depends on data is refused, and says which") {
  auto const refusal_of = [](std::string const& outputs) {
    auto g = parse("graph opset 17 {\n  input x: float[4]\n  y, _, i = Unique(x) as \"the values\"\n  z = Mul(x, x)\n" +
                   outputs + "}");
    temporary_folder folder;
    return test::message_of(
        [&] { codegen::write_library({std::move(g)}, {.name = "net", .sets = {"avx2"}}, folder.path()); },
        error_code::unsupported_feature);
  };
  CHECK_THAT(refusal_of("  output y\n"), says("'y' has a shape that depends on data"));
  CHECK_THAT(refusal_of("  output i\n"), says("the size of a result depends on data") && says("'the values'"));
}

TEST_CASE("all operators that a library lacks are listed") {
  auto const text = "graph opset 17 {\n  input x: float[4]\n  a = Abc(x)\n  y = Xyz(a)\n  output y\n}";
  CHECK_THROWS_WITH(codegen::write_library({parse(text)}, {.name = "net", .sets = {"avx2"}}, "/nowhere"),
                    says("Abc") && says("Xyz"));
}

TEST_CASE("a library is for targets that C++ text reaches") {
  auto const text = "graph opset 17 {\n  input x: float[4]\n  y = Relu(x)\n  output y\n}";
  for (auto const* machine : {"none", "x86-64", "aarch64:neon"})
    CHECK_THROWS_WITH(codegen::write_library({parse(text)}, {.name = "net", .sets = {machine}}, "/nowhere"),
                      says("expected portable, x86-64"));
}

TEST_CASE("shapes on the command line") {
  CHECK(codegen::parse_shape("a=b=2x3").name == "a=b");
  CHECK(codegen::parse_shape("a=2x3").extents == shape{2, 3});
  CHECK(codegen::parse_shape("a=scalar").extents == shape{});
  for (auto const* wrong : {"a", "=2", "a=", "a=2x", "a=x2", "a=2y3", "a=-1", "a=99999999999999999999"})
    CHECK_THROWS_WITH(codegen::parse_shape(wrong), says("is no shape"));
}

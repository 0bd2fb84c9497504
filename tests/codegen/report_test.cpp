#include "report.hpp"

#include <sinter/graph/text.hpp>
#include <sinter/plan/plan.hpp>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "report_template.hpp"
#include "temporary_folder.hpp"
#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <vector>

using namespace codegen;
using nlohmann::json;

namespace {

/// A convolution with a Relu, the sum with what is a constant in the end, and names that try to leave their place.
constexpr char hostile_names[] = R"(
graph tiny opset 13 {
  input x: float[1x16x8x8]
  const w = float[16x16x1x1] random(1)
  const b = float[16] random(2)
  const c = float[1x16x1x1] random(3)
  "<img src=x onerror=alert(1)>" = Conv(x, w, b) {kernel_shape = [1, 1]} as "</script><script>alert('conv')</script>"
  r = Relu("<img src=x onerror=alert(1)>") as relu
  k = Exp(c) as exponent
  y = Add(r, k) as "sum <!-- <script> \\\" &amp; "
  output y
})";

/// The data of a report of a graph, compiled for AVX2; `steps_take` seconds each.
std::string data_of(std::string_view text, std::optional<double> steps_take = {}) {
  auto const model = shape_model(sinter::parse(text), {.file = "folder/tiny.onnx"});
  auto const bound = sinter::bind(sinter::prepare(model.g), model.signatures.front());
  auto const p = sinter::plan(bound.g, {.machine = sinter::target("avx2")});
  report_subject subject{.file = "folder/tiny.onnx",
                         .model = model,
                         .bound = bound,
                         .program = p,
                         .target = "avx2",
                         .threads = 3,
                         .runs = 5};
  if (steps_take) {
    subject.measured = profile{.steps = describe_steps(p), .run_seconds = 0.25};
    for (auto& s : subject.measured->steps) s.seconds = *steps_take;
  }
  return report_data(subject);
}

json const& named(json const& nodes, std::string const& name) {
  auto const found = std::ranges::find_if(nodes, [&](json const& n) { return n.at("name") == name; });
  REQUIRE(found != nodes.end());
  return *found;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("the data of a report say what the model is and what it needs") {
  auto const d = json::parse(data_of(hostile_names));
  CHECK(d.at("file") == "tiny.onnx");
  CHECK(d.at("bytes") == nullptr);
  CHECK(d.at("graph") == "tiny");
  CHECK(d.at("opsets") == json{{"ai.onnx", 13}});
  CHECK(d.at("target") == "avx2");
  CHECK(d.at("parameters") == 16 * 16 + 16 + 16);
  CHECK(d.at("measured") == nullptr);
  CHECK(d.at("operations") >= 2 * 16 * 16 * 64);
  CHECK(d.at("packed_bytes") >= 16 * 16 * 4);
  CHECK(d.at("weights").size() == 3);
  CHECK(d.at("weights")[0] ==
        json{{"name", "w"}, {"type", "float[16x16x1x1]"}, {"bytes", 1024}, {"users", json::array({1})}});
}

TEST_CASE("the graph before rewrites has all nodes, with types, and what became of them") {
  auto const d = json::parse(data_of(hostile_names));
  auto const& before = d.at("before");
  auto const& nodes = before.at("nodes");
  REQUIRE(nodes.size() == 6);
  CHECK(nodes.front().at("kind") == "input");
  CHECK(nodes.back().at("kind") == "output");
  auto const& conv = named(nodes, "</script><script>alert('conv')</script>");
  CHECK(conv.at("op") == "Conv");
  CHECK(conv.at("version") == 13);
  CHECK(conv.at("attributes") == json{{"kernel_shape", "[1, 1]"}});
  REQUIRE(conv.at("inputs").size() == 3);
  auto const& made = before.at("values").at(conv.at("outputs")[0].get<std::size_t>());
  CHECK(made == json{{"name", "<img src=x onerror=alert(1)>"}, {"type", "float[1x16x8x8]"}, {"bytes", 4096}});
  CHECK(before.at("values")
            .at(conv.at("inputs")[2].get<std::size_t>())
            .at("constant")
            .get<std::string>()
            .ends_with(", …"));
  CHECK(before.at("lines").size() == 5);

  auto const& after = d.at("after").at("nodes");
  REQUIRE(after.size() < nodes.size());
  CHECK(named(nodes, "exponent").at("folded") == true);
  CHECK_FALSE(named(nodes, "exponent").contains("becomes"));
  auto const fused = conv.at("becomes").get<std::size_t>();
  CHECK(named(nodes, "relu").at("becomes") == fused);
  CHECK(after.at(fused).at("kind") == "node");
  CHECK(after.at(fused).at("domain") == "sinter");
}

TEST_CASE("steps lead to nodes, tensors and weights, and times are there when they were measured") {
  auto const timed = json::parse(data_of(hostile_names, 0.5)), d = json::parse(data_of(hostile_names));
  CHECK(timed.at("measured") == json{{"threads", 3}, {"runs", 5}, {"seconds", 0.25}});
  REQUIRE(!d.at("steps").empty());
  auto const& after = d.at("after").at("nodes");
  std::set<std::size_t> computed;
  std::int64_t weights = 0;
  for (std::size_t s = 0; s < d.at("steps").size(); ++s) {
    auto const& step = d.at("steps")[s];
    CHECK(step.at("seconds") == nullptr);
    CHECK(timed.at("steps")[s].at("seconds") == 0.5);
    CHECK(!step.at("kernels").empty());
    CHECK(step.at("bytes") > 0);
    weights += step.at("weights").get<std::int64_t>();
    for (auto const& n : step.at("nodes")) computed.insert(n.get<std::size_t>());
    for (auto const& t : step.at("tensors")[0]) {
      auto const& tensor = d.at("memories")[0].at("tensors").at(t.get<std::size_t>());
      CHECK((tensor.at("first") <= s && s <= tensor.at("last")));
      CHECK(tensor.at("offset").get<std::int64_t>() + tensor.at("bytes").get<std::int64_t>() <=
            d.at("memories")[0].at("bytes"));
    }
  }
  CHECK(weights > 0);
  for (std::size_t n = 0; n < after.size(); ++n) CHECK(computed.contains(n) == (after[n].at("kind") == "node"));
}

TEST_CASE("a page loads nothing") {
  auto const page = report_page(data_of(hostile_names, 0.5));
  CHECK(count(page, "default-src 'none'") == 1);
  for (auto const* const loads :
       {"https:", "src=\"", "<link", "@import", "url(", "fetch(", "XMLHttp", "import(", "eval("})
    CHECK(count(report_template, loads) == 0);
  // The name of SVG elements is no address that anything is loaded from.
  CHECK(count(report_template, "http:") == count(report_template, "'http://www.w3.org/2000/svg'"));
}

TEST_CASE("names that look like HTML stay data") {
  auto const data = data_of(hostile_names, 0.5);
  auto const page = report_page(data);
  CHECK(count(page, "</script") == count(report_template, "</script"));
  CHECK(count(page, "<script") == count(report_template, "<script"));
  CHECK(count(page, "<!--") == 0);
  CHECK(count(page, "<img") == 0);
  std::string_view const begin = "id=\"data\">";
  auto const from = page.find(begin) + begin.size();
  CHECK(json::parse(page.substr(from, page.find("</script>", from) - from)) == json::parse(data));
}

TEST_CASE("text that is no UTF-8 is replaced") {
  auto const d = json::parse(data_of("graph { input x: float[4] y = Relu(x) as \"a\\xff\" output y }"));
  CHECK(d.at("before").at("nodes")[1].at("name") == "a\xef\xbf\xbd");
}

TEST_CASE("a report of a device has launches and no times") {
  auto const model = shape_model(sinter::parse(hostile_names), {.file = "tiny.onnx"});
  auto const bound = sinter::bind(sinter::prepare(model.g), model.signatures.front());
  auto const p = sinter::plan(bound.g, {.machine = sinter::target("cuda:sm_90")});
  auto const d =
      json::parse(report_data({.file = "tiny.onnx", .model = model, .bound = bound, .program = p, .target = "cuda"}));
  CHECK(d.at("operations") == nullptr);
  CHECK(d.at("measured") == nullptr);
  CHECK(!d.at("steps")[0].at("kernels").empty());
}

TEST_CASE("a page opens in a browser at two sizes, every view of it, without an error") {
#ifndef SINTER_TEST_BROWSER
  WARN("SKIPPED: no Chromium");
#else
  temporary_folder const folder, profile_folder;
  auto const page = folder.write("page.html", report_page(data_of(hostile_names, 0.5)));
  struct expectation {
    std::string address, part;
  };
  std::array<expectation, 5> const views{{{"view=graph&graph=after&node=1", "class=\"node"},
                                          {"view=graph&graph=before&search=conv", "1 of "},
                                          {"view=steps&search=conv", "direct"},
                                          {"view=memory&by=time", "class=\"tensor"},
                                          {"view=weights", "16×16×1×1"}}};
  for (auto const* const size : {"1400,900", "800,600"})
    for (auto const& [address, part] : views) {
      CAPTURE(size, address);
      auto const dom = folder.path() / "dom.html", log = folder.path() / "log.txt";
      auto const command = fmt::format(
          "timeout 100 '{}' --headless --no-sandbox --disable-gpu --user-data-dir='{}' --window-size={} "
          "--enable-logging=stderr --virtual-time-budget=5000 --dump-dom 'file://{}#{}' >'{}' 2>'{}'",
          SINTER_TEST_BROWSER, profile_folder.path().string(), size, page.string(), address, dom.string(),
          log.string());
      REQUIRE(std::system(command.c_str()) == 0);
      auto const files = folder.files();
      CHECK_THAT(files.at("dom.html"), says("data-ready=\""));
      CHECK_THAT(files.at("dom.html"), !says("data-error=\""));
      CHECK_THAT(files.at("dom.html"), !says("<img"));
      CHECK_THAT(files.at("dom.html"), says(part));
      CHECK_THAT(files.at("log.txt"), !says("CONSOLE"));
    }
#endif
}

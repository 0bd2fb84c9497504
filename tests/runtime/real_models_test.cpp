#include <sinter/compile.hpp>
#include <sinter/onnx/import.hpp>
#include <sinter/runtime/signature.hpp>
#include <sinter/runtime/thread_pool.hpp>

#include "catch.hpp"
#include "held_up_pool.hpp"
#include "shared.hpp"
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

using namespace sinter;

namespace {

/// A graph of static input shapes (open dimensions are 2), and operands for it.
struct loaded {
  graph g;
  std::vector<any_tensor> operands;

  explicit loaded(std::filesystem::path const& file) : g(onnx::import_file(file)) {
    signature s;
    for (auto const& p : g.inputs) {
      auto const& v = g.at(p.value);
      if (v.is_constant()) {
        s.shapes.push_back(std::nullopt);
        operands.push_back(v.constant);
        continue;
      }
      shape extents;
      for (auto const& d : p.declared.value()) extents.push_back(d.known() ? d.extent : 2);
      s.shapes.push_back(extents);
      auto& t = operands.emplace_back(v.type.element, extents);
      if (t.type() != dtype::float32) continue;
      auto const x = t.mutable_view().as<float>();
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 256) / 256;
    }
    g = specialize(std::move(g), s);
  }

  /// The bytes of all outputs of the second of two runs.
  std::vector<std::string> run(target const& set, executor* pool, memory_guard guard) const {
    model_store store;
    auto const e = compile(g, {.machine = set, .bounds = {}, .passes = {}, .guard = guard}, store, pool);
    workspace w(e.memory());
    std::vector<tensor_view> in;
    for (auto const& t : operands) in.push_back(t.view());
    std::vector<std::string> bytes;
    for (int turn = 0; turn < 2; ++turn) e.run(w, in);
    for (auto const& r : w.results) bytes.emplace_back(static_cast<char const*>(r.data), r.bytes());
    return bytes;
  }
};

std::vector<std::filesystem::path> models() {
  std::vector<std::filesystem::path> files{std::filesystem::path(SINTER_SOURCE_DIR) / "examples/hello/digits.onnx"};
  for (auto const* name : {"mnist_cntk", "mnist_pytorch", "keyword_spotting_fp32", "face_detector_rfb320"})
    if (auto const found = shared("models/" + std::string(name) + "/model.onnx")) files.push_back(*found);
  if (files.size() == 1) WARN("without shared/models: the digit classifier stands alone");
  return files;
}

}  // namespace

TEST_CASE("a guarded arena changes no bit of real models", "[thorough]") {
  for (auto const& file : models()) {
    loaded const m(file);
    for (target const set : {"avx512", "avx2"}) {
      if (!native_target().covers(set)) continue;
      INFO(file.string() << " " << to_string(set));
      CHECK(m.run(set, nullptr, memory_guard::guarded) == m.run(set, nullptr, memory_guard::plain));
    }
  }
}

TEST_CASE("real models give equal bits on any number of threads") {
  int stolen = 0;
  for (auto const& file : models()) {
    loaded const m(file);
    auto const expected = m.run(runnable_here("native"), nullptr, memory_guard::plain);
    for (int const threads : {1, 2, 3, 4, 7}) {
      thread_pool pool(threads);
      test::held_up_pool held_up(threads);
      INFO(file.string() << " on " << threads << " threads");
      CHECK(m.run(runnable_here("native"), &pool, memory_guard::plain) == expected);
      CHECK(m.run(runnable_here("native"), &held_up, memory_guard::plain) == expected);
      stolen += held_up.stolen();
    }
  }
  if (models().size() > 1) CHECK(stolen > 0);
}

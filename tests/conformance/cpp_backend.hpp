#pragma once

#include <sinter/emit/cpp/library.hpp>
#include <sinter/passes/pass.hpp>

#include "backends.hpp"
#include "library_files.hpp"
#include "run_case.hpp"
#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <memory>
#include <unordered_map>

/// The backend `cpp`: models as generated C++ libraries, which the system's compiler builds, many in one unit, before
/// the first runs. Outputs must have the bits of the in-process compiler where
/// that gets the same inputs, and runs allocate nothing.
namespace conformance {

/// Calls of operator new so far. Defined in allocations.cpp.
extern std::size_t allocations;

/// A model as a generated library, or why there is none.
struct generated_model {
  std::string refusal{};
  std::string unit{};                 ///< shared object
  std::string symbol{};               ///< bool (void const* const* inputs, void const** outputs)
  std::vector<std::string> inputs{};  ///< names, in order
  std::vector<sinter::tensor_type> outputs{};
  bool fixed = false;  ///< some inputs of the model are constants of the library
};

class cpp_models {
 public:
  static cpp_models& all() {
    static cpp_models models;
    return models;
  }

  /// Generates and builds the libraries of all cases.
  void prepare(std::vector<test_case> const& cases) {
    constexpr std::size_t unit_size = 40;
    folder_ = fs::temp_directory_path() / fmt::format("sinter_conformance_{}", getpid());
    std::vector<std::string> names;
    for (auto const& c : cases) {
      auto const name = fmt::format("case_{}", models_.size());
      auto& model = models_[c.model.string()];
      generate(c, name, model);
      if (!model.refusal.empty()) continue;
      model.symbol = "run_" + name;
      names.push_back(name);
      model.unit = (folder_ / fmt::format("unit_{}.so", units_)).string();
      if (names.size() == unit_size) build(std::exchange(names, {}));
    }
    if (!names.empty()) build(names);
  }
  ~cpp_models() {
    std::error_code ignored;
    if (!folder_.empty() && !std::getenv("SINTER_KEEP")) fs::remove_all(folder_, ignored);
  }

  generated_model const& of(fs::path const& model) const { return models_.at(model.string()); }

 private:
  /// The graph of a case: inputs have the shapes of the data. With `fixed`, inputs that look like shapes, axes or
  /// scales are constants, as exporters write them.
  static sinter::graph graph_of(test_case const& c, bool fixed) {
    auto g = sinter::onnx::import_file(c.model);
    auto const declared = read_declaration(c.model);
    for (std::size_t i = 0; i < c.data.at(0).inputs.size() && i < declared.inputs.size(); ++i) {
      auto const value = read_value(c.data[0].inputs[i], declared.inputs[i].type);
      for (auto const& p : g.inputs) {
        auto& v = g.at(p.value);
        if (v.name != declared.inputs[i].name) continue;
        v.constant = {};
        v.type = {value.type(), value.shape()};
        if (fixed && i > 0 && value.shape().rank() <= 1 && value.elements() <= 64) v.constant = value;
      }
    }
    for (auto const& p : g.inputs)
      if (auto& type = g.at(p.value).type; !type.shape) type.shape = sinter::static_shape(p.declared);
    std::erase_if(g.inputs, [&](auto const& p) { return g.at(p.value).is_constant(); });
    return g;
  }

  void generate(test_case const& c, std::string const& name, generated_model& model) const {
    for (bool const fixed : {false, true}) try {
        auto g = graph_of(c, fixed);
        model.inputs.clear();
        for (auto const& p : g.inputs) model.inputs.push_back(g.at(p.value).name);
        codegen::write_library({g}, {.name = name, .sets = {"avx2"}}, folder_);
        sinter::optimize(g);
        model.outputs.clear();
        for (auto const& p : g.outputs) model.outputs.push_back(g.at(p.value).type);
        model.refusal.clear();
        model.fixed = fixed;
        return;
      } catch (std::exception const& e) {
        model.refusal = e.what();
      }
  }

  void build(std::vector<std::string> const& names) {
    auto const base = folder_ / fmt::format("unit_{}", units_++);
    std::ofstream source(base.string() + ".cpp");
    source << R"(#include <cstring>
#include <span>
template <typename T, std::size_t N>
std::span<T const, N> view(std::span<T const, N>*, void const* at) { return std::span<T const, N>(static_cast<T const*>(at), N); }
struct address {
  void const* at;
  template <typename T, std::size_t N>
  operator std::span<T const, N>() const { return view(static_cast<std::span<T const, N>*>(nullptr), at); }
};
template <typename Outputs>
bool finish(Outputs const& from, void const** to, std::size_t count) {
  std::memcpy(to, &from, count * sizeof(void*));  // a span of fixed size is a pointer
  if constexpr (requires { from.error; }) return from.error.empty();
  return true;
}
)";
    for (auto const& name : names) {
      for (auto const* ending : {".hpp", ".cpp", "_host.cpp", "_avx2.cpp", "_weights.cpp"})
        source << "#include \"" << name << ending << "\"\n";
      auto const model = std::ranges::find(models_, "run_" + name, [](auto const& m) { return m.second.symbol; });
      std::string arguments;
      for (std::size_t i = 0; i < model->second.inputs.size(); ++i) arguments += fmt::format("address{{in[{}]}}, ", i);
      source << fmt::format(
          "extern \"C\" bool run_{0}([[maybe_unused]] void const* const* in, void const** out) {{\n  static auto& net "
          "= "
          "*new {0}();\n  return finish(net.run({{{1}}}), out, {2});\n}}\n",
          name, arguments, model->second.outputs.size());
    }
    source.close();
    auto const command = fmt::format(
        "c++ -std=c++20 -O1 -w -ffp-contract=off -fno-fast-math -mavx2 -mfma -mf16c -shared -fPIC -I{}/include "
        "-I{} -Wa,-I{} {}.cpp -o {}.so",
        SINTER_SOURCE_DIR, folder_.string(), folder_.string(), base.string(), base.string());
    if (std::system(command.c_str()) != 0) throw std::runtime_error("the compiler refuses " + base.string() + ".cpp");
  }

  fs::path folder_{};
  std::size_t units_ = 0;
  std::unordered_map<std::string, generated_model> models_{};
};

inline std::vector<sinter::any_tensor> run_cpp(fs::path const& file, named_tensors const& inputs) {
  auto const& model = cpp_models::all().of(file);
  if (!model.refusal.empty()) throw sinter::error(sinter::error_code::unsupported_feature, model.refusal);
  auto* const unit = dlopen(model.unit.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!unit) throw std::runtime_error(dlerror());
  auto* const run = reinterpret_cast<bool (*)(void const* const*, void const**)>(dlsym(unit, model.symbol.c_str()));
  std::vector<void const*> in, out(model.outputs.size());
  for (auto const& name : model.inputs) in.push_back(inputs.at(name).data());
  run(in.data(), out.data());  // makes the object
  auto const before = allocations;
  if (!run(in.data(), out.data())) throw std::runtime_error("the run reports a number that is out of range");
  if (allocations != before) throw std::runtime_error("the run allocated memory");
  std::vector<sinter::any_tensor> results;
  for (std::size_t i = 0; i < out.size(); ++i)
    results.push_back(sinter::copy_of({model.outputs[i].element, *model.outputs[i].shape, out[i]}));
  if (model.fixed) return results;  // what is folded is computed by other loops
  auto const expected = run_compiled<narrow_registers>(file, inputs);
  for (std::size_t i = 0; i < out.size(); ++i)
    if (results[i].bytes() != expected[i].bytes() ||
        std::memcmp(results[i].data(), expected[i].data(), expected[i].bytes()) != 0)
      throw std::runtime_error(fmt::format("output {} has other bits than the in-process compiler's", i));
  return results;
}

}  // namespace conformance

#include "model_file.hpp"

#include <sinter/core/dimension.hpp>
#include <sinter/onnx/import.hpp>

#include <algorithm>
#include <charconv>

namespace codegen {

using sinter::error_code;
using sinter::fail;

named_extents parse_shape(std::string_view text) {
  auto const wrong = [&] {
    fail(error_code::invalid_argument, "'{}' is no shape of an input; expected for example image=1x3x224x224", text);
  };
  auto const equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) wrong();
  named_extents result{std::string(text.substr(0, equals)), {}};
  auto rest = text.substr(equals + 1);
  if (rest == "scalar") return result;
  while (true) {
    std::int64_t extent = 0;
    auto const [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), extent);
    if (problem != std::errc{} || extent < 0) wrong();
    result.extents.push_back(extent);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (rest.empty()) return result;
    if (rest[0] != 'x') wrong();
    rest.remove_prefix(1);
  }
}

namespace {

/// Gives input `wanted.name` its shape.
void set_shape(sinter::graph& g, named_extents const& wanted) {
  std::string names;
  for (auto const& p : g.inputs) {
    auto& v = g.at(p.value);
    names += (names.empty() ? "" : ", ") + v.name;
    if (v.name != wanted.name) continue;
    if (!sinter::fits(p.declared, wanted.extents))
      fail(error_code::invalid_argument, "input '{}' is {}, the shape {} does not fit", v.name,
           sinter::to_string(p.declared), wanted.extents);
    v.constant = {};
    v.type.shape = wanted.extents;
    return;
  }
  fail(error_code::invalid_argument, "the model has no input '{}'; its inputs are {}", wanted.name, names);
}

}  // namespace

sinter::graph load_graph(model_arguments const& arguments) {
  return sinter::with_context([&] { return fmt::format("file '{}'", arguments.file); },
                              [&] {
                                auto g = sinter::onnx::import_file(arguments.file);
                                for (auto const& text : arguments.shapes) set_shape(g, parse_shape(text));
                                std::erase_if(g.inputs, [&](auto const& p) { return g.at(p.value).is_constant(); });
                                std::string open;
                                for (auto const& p : g.inputs) {
                                  auto& type = g.at(p.value).type;
                                  if (!type.shape) type.shape = sinter::static_shape(p.declared);
                                  if (!type.shape)
                                    open += fmt::format("\n  --shape {}={}", g.at(p.value).name,
                                                        sinter::to_string(p.declared));
                                }
                                if (!open.empty())
                                  fail(error_code::invalid_argument,
                                       "the model leaves shapes open; give them with numbers for the letters:{}", open);
                                return g;
                              });
}

sinter::isa parse_isa(std::string_view text) {
  if (text == "native") return sinter::detect_isa();
  for (auto const set : {sinter::isa::none, sinter::isa::avx2, sinter::isa::avx512})
    if (text == sinter::name(set)) return set;
  fail(error_code::invalid_argument, "'{}' is no instruction set; expected avx512, avx2, none or native", text);
}

}  // namespace codegen

#include "model_file.hpp"

#include <sinter/core/dimension.hpp>
#include <sinter/onnx/import.hpp>
#include <sinter/ops/evaluate.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace codegen {

using sinter::error_code;
using sinter::fail;
using sinter::cpp::batch_kind;
using sinter::cpp::library_batch;

namespace {

/// The number at the beginning of `text`, which then holds the rest; none: there is no number.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

named_extents parse_shape(std::string_view text) {
  auto const wrong = [&] {
    fail(error_code::invalid_argument, "'{}' is no shape of an input; expected for example image=1x3x224x224", text);
  };
  auto const equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) wrong();
  named_extents result{.name = std::string(text.substr(0, equals))};
  auto rest = text.substr(equals + 1);
  if (rest == "scalar") return result;
  if (rest[0] == 'N') {
    result.batched = true;
    result.extents.push_back(1);
    rest.remove_prefix(1);
  }
  while (!rest.empty() || result.extents.empty()) {
    if (!result.extents.empty()) {
      if (rest[0] != 'x') wrong();
      rest.remove_prefix(1);
    }
    auto const extent = take_number(rest);
    if (!extent) wrong();
    result.extents.push_back(*extent);
  }
  return result;
}

library_batch parse_batch(std::vector<std::string> const& texts) {
  constexpr std::int64_t most_programs = 256;
  if (texts.empty()) return {};
  library_batch result{.kind = batch_kind::listed, .sizes = {}};
  for (std::string_view const text : texts) {
    auto rest = text;
    auto const first = take_number(rest);
    auto last = first;
    if (first && texts.size() == 1 && rest.starts_with("..")) {
      rest.remove_prefix(2);
      last = take_number(rest);
      result.kind = batch_kind::any;
    }
    if (!last || !rest.empty() || *first < 1 || *last < *first || (result.kind == batch_kind::any && *first != 1))
      fail(error_code::invalid_argument, "'{}' is no batch; expected sizes, as 1,4,16, or any size up to one, as 1..16",
           text);
    if (*last - *first >= most_programs)
      fail(error_code::invalid_argument, "a batch of {} asks for as many programs; a library has at most {}", text,
           most_programs);
    for (auto n = *first; n <= *last; ++n) result.sizes.push_back(n);
  }
  std::ranges::sort(result.sizes);
  result.sizes.erase(std::unique(result.sizes.begin(), result.sizes.end()), result.sizes.end());
  return result;
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

/// The shape of an input with `batch` for a first extent that is open; none: more is open.
std::optional<sinter::shape> with_batch(sinter::declared_dimensions declared, std::int64_t batch) {
  if (!declared || declared->empty() || declared->front().known()) return std::nullopt;
  declared->front() = {.extent = batch};
  return sinter::static_shape(declared);
}

/// Sets the shapes of all inputs for a batch of `batch`; 0: there is none.
void set_shapes(sinter::graph& g, std::vector<named_extents> const& given, std::int64_t batch) {
  int batched = 0;
  for (auto wanted : given) {
    if (wanted.batched && batch == 0)
      fail(error_code::invalid_argument, "the first extent of input '{}' is N, but no batch is given", wanted.name);
    if (wanted.batched) wanted.extents[0] = batch;
    batched += wanted.batched;
    set_shape(g, wanted);
  }
  std::erase_if(g.inputs, [&](auto const& p) { return g.at(p.value).is_constant(); });
  std::string open, all;
  for (auto const& p : g.inputs) {
    auto& type = g.at(p.value).type;
    auto const declared = fmt::format("\n  --shape {}={}", g.at(p.value).name, sinter::to_string(p.declared));
    all += declared;
    if (type.shape) continue;
    type.shape = sinter::static_shape(p.declared);
    if (type.shape) continue;
    if (batch) type.shape = with_batch(p.declared, batch);
    batched += type.shape.has_value();
    if (!type.shape) open += declared;
  }
  if (!open.empty())
    fail(error_code::invalid_argument, "the model leaves shapes open; give them with numbers for the letters{}:{}",
         batch ? ", or N for the batch in front" : "", open);
  if (batch && batched == 0)
    fail(error_code::invalid_argument,
         "no input has the batch in front; export the model with dynamic axes, or give N for it in a shape:{}", all);
}

}  // namespace

std::vector<sinter::graph> load_graphs(model_arguments const& arguments, library_batch const& batch) {
  return sinter::with_context([&] { return fmt::format("file '{}'", arguments.file); },
                              [&] {
                                auto const imported = sinter::onnx::import_file(arguments.file);
                                sinter::check_supported(imported);
                                print_warnings(sinter::warnings(imported));
                                std::vector<named_extents> given;
                                for (auto const& text : arguments.shapes) given.push_back(parse_shape(text));
                                std::vector<sinter::graph> result;
                                for (auto const n : batch.sizes) {
                                  result.push_back(imported);
                                  set_shapes(result.back(), given, batch.kind == batch_kind::fixed ? 0 : n);
                                }
                                return result;
                              });
}

sinter::graph load_graph(model_arguments const& arguments) { return std::move(load_graphs(arguments, {}).front()); }

void print_warnings(std::span<std::string const> warnings) {
  for (auto const& text : warnings) fmt::print(stderr, "sinter: warning: {}\n", text);
}

sinter::isa parse_isa(std::string_view text) {
  if (text == "native") return sinter::detect_isa();
  for (auto const set : {sinter::isa::none, sinter::isa::avx2, sinter::isa::avx512})
    if (text == sinter::name(set)) return set;
  fail(error_code::invalid_argument, "'{}' is no instruction set; expected avx512, avx2, none or native", text);
}

}  // namespace codegen

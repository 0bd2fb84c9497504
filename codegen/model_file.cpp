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

sinter::dimension_bound parse_bound(std::string_view text) {
  auto const equals = text.rfind('=');
  auto rest = equals == std::string_view::npos ? std::string_view() : text.substr(equals + 1);
  auto const most = take_number(rest);
  if (!most || !rest.empty() || equals == 0)
    fail(error_code::invalid_argument,
         "'{}' is no bound; expected a dimension of the model and the most it can be, as {}", text, "past=4096");
  return {std::string(text.substr(0, equals)), *most};
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

/// Makes an input that a shape is given for one that a run must give.
void open_input(sinter::graph& g, named_extents const& wanted) {
  std::string names;
  for (auto const& p : g.inputs) {
    auto& v = g.at(p.value);
    names += (names.empty() ? "" : ", ") + v.name;
    if (v.name != wanted.name) continue;
    if (v.is_constant()) v.constant = {}, v.type.shape.reset();
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

/// Dimensions that have a bound, without extent.
sinter::declared_dimensions with_bounds(sinter::declared_dimensions declared,
                                        std::vector<sinter::dimension_bound> const& bounds) {
  if (!declared) return declared;
  for (auto& d : *declared)
    if (!d.known() && std::ranges::count(bounds, d.symbol, &sinter::dimension_bound::symbol) > 0) d.extent = 0;
  return declared;
}

/// The shapes of all inputs for a batch of `batch`; 0: there is none.
sinter::signature shapes_of(sinter::graph const& g, std::vector<named_extents> const& given, std::int64_t batch,
                            std::vector<sinter::dimension_bound> const& bounds) {
  sinter::signature s;
  int batched = 0;
  std::string open, all;
  for (auto const& p : g.inputs) {
    auto const& name = g.at(p.value).name;
    auto const declared = fmt::format("\n  --shape {}={}", name, sinter::to_string(p.declared));
    all += declared;
    auto& extents = s.shapes.emplace_back(sinter::static_shape(with_bounds(p.declared, bounds)));
    if (auto const wanted = std::ranges::find(given, name, &named_extents::name); wanted != given.end()) {
      extents = wanted->extents;
      if (wanted->batched) (*extents)[0] = batch;
      if (!sinter::fits(p.declared, *extents))
        fail(error_code::invalid_argument, "input '{}' is {}, the shape {} does not fit", name,
             sinter::to_string(p.declared), *extents);
      batched += wanted->batched;
    } else if (!extents) {
      if (batch) extents = with_batch(p.declared, batch);
      batched += extents.has_value();
    }
    if (!extents) open += declared;
  }
  if (!open.empty())
    fail(error_code::invalid_argument, "the model leaves shapes open; give them with numbers for the letters{}:{}",
         batch ? ", or N for the batch in front" : "", open);
  if (batch && batched == 0)
    fail(error_code::invalid_argument,
         "no input has the batch in front; export the model with dynamic axes, or give N for it in a shape:{}", all);
  return s;
}

}  // namespace

shaped_model shape_model(sinter::graph g, model_arguments const& arguments, library_batch const& batch) {
  shaped_model result{.g = std::move(g)};
  std::vector<named_extents> given;
  for (auto const& text : arguments.shapes) given.push_back(parse_shape(text));
  bool const fixed = batch.kind == batch_kind::fixed;
  for (auto const& wanted : given) {
    if (wanted.batched && fixed)
      fail(error_code::invalid_argument, "the first extent of input '{}' is N, but no batch is given", wanted.name);
    open_input(result.g, wanted);
  }
  std::erase_if(result.g.inputs, [&](auto const& p) { return result.g.at(p.value).is_constant(); });
  for (auto const n : batch.sizes)
    result.signatures.push_back(shapes_of(result.g, given, fixed ? 0 : n, arguments.bounds));
  return result;
}

shaped_model load_model(model_arguments const& arguments, library_batch const& batch) {
  return sinter::with_context([&] { return fmt::format("file '{}'", arguments.file); },
                              [&] {
                                auto g = sinter::onnx::import_file(arguments.file);
                                print_warnings(sinter::warnings(g));
                                return shape_model(std::move(g), arguments, batch);
                              });
}

void print_warnings(std::span<std::string const> warnings) {
  for (auto const& text : warnings) fmt::print(stderr, "sinter: warning: {}\n", text);
}

}  // namespace codegen

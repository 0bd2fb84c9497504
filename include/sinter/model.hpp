#pragma once

// Implementation of sinter.hpp: include it once per program.

#include <sinter/compile.hpp>
#include <sinter/context.hpp>
#include <sinter/model_state.hpp>
#include <sinter/onnx/import.hpp>
#include <sinter/ops/custom.hpp>
#include <sinter/passes/infer_types.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace sinter {
namespace detail {

inline optimize_options passes_within(limits const& bounds, target const& machine) {
  auto how = passes_for(machine);
  how.fold_bytes = bounds.fold_bytes;
  return how;
}

inline executable compile_for_model(rewritten_graph const& prepared, signature const& s, compile_environment const& e) {
  compile_options const how{.machine = e.machine,
                            .bounds = e.limits,
                            .passes = passes_within(e.limits, e.machine),
                            .prefer = e.prefer,
                            .cached_signatures = e.cached_signatures};
  return compile(prepared, s, how, *e.store, e.pool);
}

/// Gives outputs that the model declares no element type for the one that they have.
inline void type_outputs(graph& g) {
  auto const typed = [&](port const& p) { return g.at(p.value).type.element != dtype::undefined; };
  if (std::ranges::all_of(g.outputs, typed)) return;
  auto inferred = g;
  passes::infer_types(inferred);
  for (auto const& p : g.outputs) g.at(p.value).type.element = inferred.at(p.value).type.element;
}

inline model make_model(graph g, options const& how) {
  bind_custom(g, how.operators);
  type_outputs(g);
  auto const passes = passes_within(how.limits, how.device ? how.device->machine() : how.target);
  auto const prepare_within = [&](graph imported) { return prepare(std::move(imported), passes); };
  return model_state::make(std::move(g), how, compile_for_model, prepare_within);
}

}  // namespace detail

outputs::outputs(outputs&& other) noexcept
    : state_(std::move(other.state_)), lease_(std::exchange(other.lease_, nullptr)) {}

outputs& outputs::operator=(outputs&& other) noexcept {
  std::swap(state_, other.state_);
  std::swap(lease_, other.lease_);
  return *this;
}

outputs::~outputs() {
  if (lease_) state_->release(lease_);
}

std::size_t outputs::size() const { return lease_->memory.results.size(); }

tensor_view outputs::operator[](std::size_t index) const& {
  if (index >= size()) fail(error_code::invalid_argument, "output {} is asked for, the model has {}", index, size());
  return lease_->memory.results[index];
}

tensor_view outputs::operator[](std::string_view name) const& {
  return lease_->memory.results[state_->output_index(name)];
}

outputs::iterator outputs::begin() const { return {this, 0}; }
outputs::iterator outputs::end() const { return {this, size()}; }
named_tensor outputs::at(std::size_t index) const { return {state_->outputs()[index].name, (*this)[index]}; }

std::span<port_info const> model::inputs() const { return std::span(state_->inputs()).first(state_->required()); }
std::span<port_info const> model::optional_inputs() const {
  return std::span(state_->inputs()).subspan(state_->required());
}
std::span<port_info const> model::outputs() const { return state_->outputs(); }
std::span<std::string const> model::warnings() const { return state_->warnings; }
memory_report model::memory() const { return state_->memory(); }
target model::compiled_for() const { return state_->machine(); }
int model::threads() const { return state_->threads(); }

outputs model::run(std::span<named_tensor const> inputs) const {
  sinter::outputs handle(state_, state_->acquire(inputs));
  handle.lease_->run();
  return handle;
}

context model::context(std::span<named_shape const> shapes) const {
  if (!state_->grows()) {
    sinter::context made(state_, state_->acquire(shapes));
    made.kept_ = detail::make_kept_state(*state_, *made.lease_);
    return made;
  }
  sinter::context made(state_, nullptr);
  made.growing_ = detail::make_growing_state(*state_, shapes);
  made.lease_ = made.growing_->rooms()[0].l;
  made.kept_ = detail::make_kept_state(*state_, *made.lease_);
  return made;
}

model load(std::string const& file, options const& how) {
  auto g = onnx::import_file(file, how.limits);
  return with_context([&] { return fmt::format("file '{}'", file); },
                      [&] { return detail::make_model(std::move(g), how); });
}

model load_bytes(std::span<std::byte const> bytes, options const& how) {
  return detail::make_model(onnx::import_bytes(bytes, how.limits), how);
}

load_result try_load(std::string const& file, options const& how) {
  try {
    return load(file, how);
  } catch (error const& why) {
    return why;
  }
}

}  // namespace sinter

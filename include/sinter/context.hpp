#pragma once

// Implementation of sinter.hpp, included by model.hpp: contexts.

#include <sinter/model_state.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace sinter {
namespace detail {

/// State of fixed shape for runs of a context's workspace; null: there is none. Errors: invalid_argument where what
/// comes out has another shape than what goes in.
inline std::unique_ptr<kept_state> make_kept_state(model_state const& m, lease& l) {
  std::vector<tensor_view> first;
  std::vector<state_link> links;
  for (auto const& link : m.links()) {
    if (link.axis) continue;
    links.push_back(link);
    auto const& in = m.inputs()[link.input];
    auto const shape = *l.code->made_for().shapes[link.input];
    auto const& out = l.code->code().memory().outputs[link.output].type;
    if (out.element != in.type || out.shape != shape)
      fail(error_code::invalid_argument, "state '{}' of shape {} comes out as {} of shape {}; state keeps its shape",
           in.name, shape, m.outputs()[link.output].name, out.shape ? to_string(*out.shape) : "that depends on data");
    auto const usual = in.optional ? m.default_of(link.input) : tensor_view{};
    first.push_back(usual && usual.shape == shape ? usual : tensor_view{in.type, shape, nullptr});
  }
  if (links.empty()) return nullptr;
  return std::make_unique<kept_state>(links, first, m.limits().arena_bytes, l);
}

inline std::unique_ptr<growing_state> make_growing_state(model_state& m, std::span<named_shape const> shapes) {
  std::int64_t added = 0;
  auto rooms = m.acquire_rooms(shapes, added);
  try {
    std::vector<state_link> links;
    std::vector<tensor_type> types;
    for (auto const& link : m.links()) {
      if (!link.axis) continue;
      links.push_back(link);
      types.push_back({m.inputs()[link.input].type, rooms[0].l->code->made_for().shapes[link.input]});
    }
    std::vector<growing_state::given_input> given;
    for (auto const& p : m.growth().ports.inputs) {
      auto const& in = m.inputs()[p.input];
      given.push_back({p.input, p.axis, p.with_rows, in.name, {in.type, rooms[0].l->code->made_for().shapes[p.input]}});
    }
    return std::make_unique<growing_state>(links, types, given, rooms, added, m.limits().arena_bytes);
  } catch (...) {
    for (auto const& r : rooms) m.release(r.l);
    throw;
  }
}

}  // namespace detail

context::context(std::shared_ptr<model_state> state, lease* l) : state_(std::move(state)), lease_(l) {}

context::context(context&& other) noexcept
    : state_(std::move(other.state_)),
      lease_(std::exchange(other.lease_, nullptr)),
      kept_(std::move(other.kept_)),
      growing_(std::move(other.growing_)) {}

context& context::operator=(context&& other) noexcept {
  std::swap(state_, other.state_);
  std::swap(lease_, other.lease_);
  std::swap(kept_, other.kept_);
  std::swap(growing_, other.growing_);
  return *this;
}

context::~context() {
  if (growing_) {
    for (auto const& r : growing_->rooms()) state_->release(r.l);
  } else if (lease_) {
    state_->release(lease_);
  }
}

void context::set_input(std::size_t index, tensor_view value) {
  auto const& ports = state_->inputs();
  if (index >= ports.size())
    fail(error_code::invalid_argument, "input {} is set, the model has {}", index, ports.size());
  if (std::ranges::count(state_->links(), index, &state_link::input) > 0)
    fail(error_code::invalid_argument, "input '{}' is state that this context keeps; set it with restore_state",
         ports[index].name);
  state_->check_input(index, value);
  if (growing_ && growing_->takes(index)) return growing_->set(index, value);
  auto const& expected = lease_->code->made_for().shapes[index];
  if (!expected)
    fail(error_code::invalid_argument, "input '{}' keeps its default in this context; name its shape in model::context",
         ports[index].name);
  if (*expected != value.shape)
    fail(error_code::invalid_argument, "input '{}': this context is for shape {}, got {}; ask the model for another {}",
         ports[index].name, *expected, value.shape, "context");
  lease_->inputs[index] = value;
}

void context::set_input(std::string_view name, tensor_view value) { set_input(state_->input_index(name), value); }

void context::set_output(std::size_t index, mutable_tensor_view memory) {
  auto const& ports = state_->outputs();
  if (index >= ports.size())
    fail(error_code::invalid_argument, "output {} is set, the model has {}", index, ports.size());
  if (std::ranges::count(state_->links(), index, &state_link::output) > 0)
    fail(error_code::invalid_argument, "output '{}' is state that this context keeps; read it with output",
         ports[index].name);
  auto const& made = lease_->code->code().memory().outputs[index].type;
  if (memory.type != made.element || (made.shape && *made.shape != memory.shape))
    fail(error_code::invalid_argument, "output '{}': expected memory for {} {}, got {} {}", ports[index].name,
         name(made.element), made.shape ? to_string(*made.shape) : "of a shape that depends on data", name(memory.type),
         memory.shape);
  lease_->outputs[index] = memory;
}

void context::set_output(std::string_view name, mutable_tensor_view memory) {
  set_output(state_->output_index(name), memory);
}

void context::check_inputs() const {
  for (std::size_t i = 0; i < lease_->inputs.size(); ++i)
    if (!lease_->inputs[i])
      fail(error_code::invalid_argument, "input {} is not set", detail::describe(state_->inputs()[i]));
}

/// Before a run: the workspace that has place for what state grows by.
void context::start() {
  if (growing_) lease_ = growing_->next(lease_);
  check_inputs();
}

/// After a run that has not failed: what it made of state is the state.
void context::finish() {
  if (kept_) kept_->advance(*lease_);
  if (growing_) growing_->advance();
}

void context::run() {
  start();
  lease_->run();
  finish();
}

void context::run_on(void* stream) {
  start();
  if (!lease_->memory.device())
    fail(error_code::invalid_argument, "the model runs on a CPU, which has no streams; name a device in {}",
         "options::device, or call run()");
  lease_->run_on(stream);
  finish();
}

tensor_view context::output(std::size_t index) const {
  auto const& results = lease_->memory.results;
  if (index >= results.size())
    fail(error_code::invalid_argument, "output {} is asked for, the model has {}", index, results.size());
  for (auto const& link : state_->links())
    if (link.axis && link.output == index)
      fail(error_code::invalid_argument, "output '{}' is state that grows; read it with save_state",
           state_->outputs()[index].name);
  return results[index];
}

tensor_view context::output(std::string_view name) const { return output(state_->output_index(name)); }

void context::reset_state() {
  if (kept_) kept_->reset(*lease_);
  if (growing_) growing_->reset();
}

std::vector<any_tensor> context::save_state() const {
  std::vector<any_tensor> saved;
  std::size_t kept = 0, growing = 0;
  for (auto const& link : state_->links())
    saved.push_back(link.axis ? growing_->save(growing++) : copy_of((*kept_)[kept++]));
  return saved;
}

void context::restore_state(std::span<any_tensor const> saved) {
  auto const links = state_->links();
  if (saved.size() != links.size())
    fail(error_code::invalid_argument, "{} tensors of state are given, the context keeps {}", saved.size(),
         links.size());
  std::vector<tensor_view> values;
  std::vector<any_tensor const*> rows;
  for (std::size_t i = 0; i < saved.size(); ++i) {
    auto const& in = state_->inputs()[links[i].input];
    if (links[i].axis) {
      growing_->expect(rows.size(), saved[i], in.name);
      rows.push_back(&saved[i]);
      continue;
    }
    auto const kept = (*kept_)[values.size()];
    if (saved[i].type() != kept.type || saved[i].shape() != kept.shape)
      fail(error_code::invalid_argument, "state '{}': expected {} {}, got {} {}", in.name, name(kept.type), kept.shape,
           name(saved[i].type()), saved[i].shape());
    values.push_back(saved[i].view());
  }
  if (growing_) growing_->restore(rows);
  if (kept_) kept_->set(values);
}

}  // namespace sinter

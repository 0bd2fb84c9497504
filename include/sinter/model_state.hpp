#pragma once

#include <sinter/model_growth.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/passes/prepare.hpp>
#include <sinter/runtime/growing_state.hpp>
#include <sinter/runtime/kept_state.hpp>
#include <sinter/runtime/lease.hpp>
#include <sinter/runtime/lru_cache.hpp>
#include <sinter/runtime/signature.hpp>
#include <sinter/runtime/thread_pool.hpp>
#include <sinter/sinter.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter {

/// What is done once for a model.
using preparer = std::function<rewritten_graph(graph)>;
/// Turns a model into an executable for one signature.
using compiler = std::function<executable(rewritten_graph const&, signature const&, compile_environment const&)>;

/// What the handles `model`, `outputs` and `context` refer to: the prepared graph, the executables compiled from it,
/// and the workspaces that are not in use.
class model_state : public std::enable_shared_from_this<model_state> {
 public:
  /// A model of `g`. With static input shapes it is compiled now.
  static model make(graph g, options const& how, compiler compile, preparer const& prepare = as_imported);

  model_state(graph g, options const& how, compiler compile, preparer const& prepare);
  model_state(model_state const&) = delete;
  model_state& operator=(model_state const&) = delete;
  ~model_state() { delete recent_.load(std::memory_order_acquire); }

  std::vector<port_info> const& inputs() const { return inputs_; }
  std::vector<port_info> const& outputs() const { return outputs_; }
  /// How many inputs have no default; they come first.
  std::size_t required() const {
    return static_cast<std::size_t>(std::ranges::count(inputs_, false, &port_info::optional));
  }
  /// What contexts keep, in the order of `options::state`.
  std::span<state_link const> links() const { return kept_.links; }
  detail::model_growth const& growth() const { return kept_.growth; }
  bool grows() const { return growth().grows(); }
  std::vector<std::string> const warnings;  ///< for people
  target machine() const { return environment_.machine; }
  sinter::limits const& limits() const { return environment_.limits; }
  int threads() const { return environment_.pool ? environment_.pool->workers() : 1; }
  memory_report memory() const;

  /// A workspace for a run on `given`, whose operands are bound.
  lease* acquire(std::span<named_tensor const> given);
  /// A workspace for inputs of given shapes, whose operands are not bound.
  lease* acquire(std::span<named_shape const> given);
  /// Workspaces for a context with state that grows, one for each capacity, and how many rows a run adds.
  std::vector<growing_state::room> acquire_rooms(std::span<named_shape const> given, std::int64_t& added);
  void release(lease* l) noexcept;

  std::size_t input_index(std::string_view name) const { return detail::port_index(inputs_, name, "input"); }
  std::size_t output_index(std::string_view name) const { return detail::port_index(outputs_, name, "output"); }
  /// Checks a tensor for input `i` against what the model declares.
  void check_input(std::size_t i, tensor_view const& t) const;
  /// The default of input `i`, or nothing.
  tensor_view default_of(std::size_t i) const { return graph_.g.at(graph_.g.inputs[i].value).constant.view(); }

 private:
  static rewritten_graph as_imported(graph g) { return {.g = std::move(g)}; }
  static graph required_first(graph g);
  signature signature_for(std::span<named_shape const> given) const;
  executable compile_for(signature const& s) const;
  void bind_defaults(lease& l) const;
  /// The shape of input `i` in a context that was not given one; none where it is open, or keeps its default.
  std::optional<shape> usual_shape(std::size_t i) const;
  void bind(std::span<named_tensor const> given, std::span<tensor_view> operands) const;
  bool fits(signature const& s, std::span<tensor_view const> operands) const;
  lease* acquire(signature const& s);
  /// Frees what only further compilations would need; the model must be compiled for the only shapes that it takes.
  void drop_graph() { graph_ = {}; }
  static void park(std::unique_ptr<lease> l) noexcept;
  std::unique_ptr<lease> take_recent() {
    return std::unique_ptr<lease>(recent_.exchange(nullptr, std::memory_order_acq_rel));
  }

  rewritten_graph graph_;  ///< prepared
  compiler const compile_;
  std::shared_ptr<thread_pool> threads_;
  sinter::device const device_;  ///< null: the CPU
  model_store store_;
  compile_environment environment_;
  std::vector<port_info> inputs_;
  std::vector<port_info> outputs_;
  detail::linked_state kept_;
  lru_cache<signature, compiled> cache_;
  std::atomic<lease*> recent_{nullptr};  ///< the workspace given back last, for runs that need no lock
};

inline model_state::model_state(graph g, options const& how, compiler compile, preparer const& prepare)
    : warnings(sinter::warnings(g)),
      graph_{.g = required_first(std::move(g))},
      compile_(std::move(compile)),
      device_(how.device),
      store_(how.limits, how.device.get()),
      inputs_(detail::describe_ports(graph_.g, graph_.g.inputs)),
      outputs_(detail::describe_ports(graph_.g, graph_.g.outputs)),
      kept_(detail::link_state(inputs_, outputs_, how.state, how.bounds)),
      cache_(std::max<std::size_t>(how.cached_signatures, 1), how.limits.cached_signatures_bytes) {
  if (how.threads < 0)
    fail(error_code::invalid_argument, "options.threads is {}, expected 0 (all available) or more", how.threads);
  auto const machine = device_ ? device_->machine() : runnable_here(how.target);
  precision_on(machine, how.prefer.precision);  // an error at load
  environment_ = {machine, how.limits, &store_, how.executor, how.cached_signatures, how.prefer};
  graph_ = prepare(std::move(graph_.g));
  if (how.executor || how.threads == 1) return;
  threads_ = shared_thread_pool(how.threads);
  if (threads_->workers() > 1) environment_.pool = threads_.get();
}

inline model model_state::make(graph g, options const& how, compiler compile, preparer const& prepare) {
  auto const state = std::make_shared<model_state>(std::move(g), how, std::move(compile), prepare);
  bool const fixed =
      std::ranges::all_of(state->inputs_, [](port_info const& p) { return p.optional || p.shape.known().has_value(); });
  if (how.compile_at_load && fixed) state->release(state->acquire(std::span<named_shape const>{}));
  if (how.compile_at_load && fixed && state->required() == state->inputs_.size()) state->drop_graph();
  return model(state);
}

inline graph model_state::required_first(graph g) {
  std::vector<port> inputs;
  for (bool const optional : {false, true})
    for (auto const& p : g.inputs)
      if (g.at(p.value).is_constant() == optional) inputs.push_back(p);
  g.inputs = std::move(inputs);
  return g;
}

inline void model_state::check_input(std::size_t i, tensor_view const& t) const {
  auto const& p = inputs_[i];
  if (t.type != p.type)
    fail(error_code::invalid_argument, "input '{}': expected elements of {}, got {}; convert them first", p.name,
         name(p.type), name(t.type));
  if (!sinter::fits(p.shape.dimensions, t.shape))
    fail(error_code::invalid_argument,
         "input '{}': expected shape {}, got {}; reshape the tensor or export the model {}", p.name, p.shape, t.shape,
         "with that dimension open");
  if (!t.data && t.elements() > 0)
    fail(error_code::invalid_argument, "input '{}': the tensor of shape {} has no data", p.name, t.shape);
}

/// Sorts tensors given by name into the order of the model's inputs, and checks them.
inline void model_state::bind(std::span<named_tensor const> given, std::span<tensor_view> operands) const {
  std::ranges::fill(operands, tensor_view{});
  for (std::size_t k = 0; k < given.size(); ++k) {
    auto const& [name, tensor] = given[k];
    auto const i = k < inputs_.size() && inputs_[k].name == name ? k : input_index(name);
    if (operands[i]) fail(error_code::invalid_argument, "input '{}' is given twice", name);
    check_input(i, tensor);
    operands[i] = tensor;
  }
  for (std::size_t i = 0; i < operands.size(); ++i)
    if (!operands[i] && !inputs_[i].optional)
      fail(error_code::invalid_argument, "input {} is not given", detail::describe(inputs_[i]));
}

inline bool model_state::fits(signature const& s, std::span<tensor_view const> operands) const {
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (s.shapes[i].has_value() != static_cast<bool>(operands[i])) return false;
    if (operands[i] && *s.shapes[i] != operands[i].shape) return false;
  }
  return true;
}

inline lease* model_state::acquire(std::span<named_tensor const> given) {
  auto recent = take_recent();
  std::vector<tensor_view> unbound(recent ? 0 : inputs_.size());
  auto operands = recent ? std::span(recent->inputs) : std::span(unbound);
  struct put_back {
    model_state* state;
    std::unique_ptr<lease>& held;
    ~put_back() {
      if (held) state->release(held.release());
    }
  } const guard{this, recent};
  bind(given, operands);
  lease* l = nullptr;
  if (recent && fits(recent->code->made_for(), operands)) {
    l = recent.release();
  } else {
    signature s;
    for (auto const& t : operands) s.shapes.push_back(t ? std::optional(t.shape) : std::nullopt);
    l = acquire(s);
    std::ranges::copy(operands, l->inputs.begin());
    if (recent) park(std::move(recent));
  }
  for (std::size_t i = 0; i < l->inputs.size(); ++i)
    if (!l->inputs[i]) l->inputs[i] = default_of(i);
  std::ranges::fill(l->outputs, mutable_tensor_view{});
  return l;
}

inline std::optional<shape> model_state::usual_shape(std::size_t i) const {
  auto const link = std::ranges::find(kept_.links, i, &state_link::input);
  if (link == kept_.links.end() && !growth().is_given(i))
    return inputs_[i].optional ? std::nullopt : inputs_[i].shape.known();
  auto dimensions = inputs_[i].shape.dimensions;
  if (dimensions && link != kept_.links.end() && link->axis) (*dimensions)[*link->axis].extent = 0;
  for (auto const& p : growth().ports.inputs)
    if (p.input == i) (*dimensions)[p.axis].extent = 0;
  return static_shape(dimensions);
}

inline signature model_state::signature_for(std::span<named_shape const> given) const {
  signature s;
  for (std::size_t i = 0; i < inputs_.size(); ++i) s.shapes.push_back(usual_shape(i));
  for (auto const& [name, extents] : given) {
    auto const i = input_index(name);
    if (!sinter::fits(inputs_[i].shape.dimensions, extents))
      fail(error_code::invalid_argument, "input '{}': expected shape {}, got {}", name, inputs_[i].shape, extents);
    s.shapes[i] = extents;
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    if (!s.shapes[i] && !inputs_[i].optional)
      fail(error_code::invalid_argument, "the shape of input {} is open: give it", detail::describe(inputs_[i]));
  return s;
}

inline void model_state::bind_defaults(lease& l) const {
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    l.inputs[i] = l.code->made_for().shapes[i] ? tensor_view{} : default_of(i);
  std::ranges::fill(l.outputs, mutable_tensor_view{});
}

inline lease* model_state::acquire(std::span<named_shape const> given) {
  auto* const l = acquire(signature_for(given));
  bind_defaults(*l);
  return l;
}

inline std::vector<growing_state::room> model_state::acquire_rooms(std::span<named_shape const> given,
                                                                   std::int64_t& added) {
  auto s = signature_for(given);
  growth().set_capacity(s, checked_add(growth().most, 1));
  added = s.added = rows_added(specialize(graph_.g, s), growth().ports);
  std::vector<growing_state::room> rooms;
  try {
    for (auto const capacity : capacities(growth().largest(added), added)) {
      growth().set_capacity(s, capacity);
      rooms.push_back({capacity, acquire(s)});
      bind_defaults(*rooms.back().l);
    }
  } catch (...) {
    for (auto const& r : rooms) release(r.l);
    throw;
  }
  return rooms;
}

inline executable model_state::compile_for(signature const& s) const {
  if (s.capacity == 0) return compile_(graph_, s, environment_);
  auto with_length = s;
  with_length.shapes.emplace_back(shape{});
  return compile_(detail::with_capacity(graph_, s, growth()), with_length, environment_);
}

inline lease* model_state::acquire(signature const& s) {
  auto const code = cache_.get(s, [&] {
    return with_context([&] { return fmt::format("the model for input shapes {}", to_string(s)); },
                        [&] { return std::make_shared<compiled>(s, compile_for(s)); });
  });
  auto l = code->take();
  if (!l) return new lease(code, environment_.limits.arena_bytes);
  l->code = code;
  return l.release();
}

inline void model_state::release(lease* l) noexcept {
  lease* expected = nullptr;
  if (l->code->made_for().capacity > 0) return park(std::unique_ptr<lease>(l));
  if (recent_.compare_exchange_strong(expected, l, std::memory_order_acq_rel)) return;
  park(std::unique_ptr<lease>(l));
}

/// Gives a workspace to the executable that it is for.
inline void model_state::park(std::unique_ptr<lease> l) noexcept {
  auto const code = l->code;
  try {
    code->give_back(std::move(l));
  } catch (std::bad_alloc const&) {  // the workspace is freed
  }
}

inline memory_report model_state::memory() const {
  memory_report report;
  cache_.for_each([&](compiled const& c) {
    if (report.signatures++ == 0) {
      auto const& plan = c.code().plan();
      report.arena_bytes = static_cast<std::size_t>(plan.arena_bytes);
      report.arena_bound = static_cast<std::size_t>(plan.arena_bound);
      report.scratch_bytes = c.code().memory().scratch_stride() * c.code().memory().workers;
    }
  });
  report.code_bytes = store_.code.bytes();
  report.weight_bytes = store_.weights.bytes();
  return report;
}

}  // namespace sinter

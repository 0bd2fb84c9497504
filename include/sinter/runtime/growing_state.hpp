#pragma once

#include <sinter/core/growing_rows.hpp>
#include <sinter/core/limits.hpp>
#include <sinter/runtime/kept_state.hpp>
#include <sinter/runtime/lease.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter {

/// The capacities for which code is compiled of state that grows to at most `most` rows, `added` a run: steps of a half
/// and a third, so that what is computed beyond a length is at most half of it.
inline std::vector<std::int64_t> capacities(std::int64_t most, std::int64_t added) {
  constexpr std::int64_t least = 64;
  std::vector<std::int64_t> all;
  for (auto next = least; next < most; next *= 2)
    for (auto const capacity : {next, next / 2 * 3})
      if (capacity >= 2 * added && capacity < most) all.push_back(capacity);
  all.push_back(most);
  return all;
}

/// State that grows along an axis. Each tensor has memory for its bound, in which it lies as the code wants it that has
/// the least capacity for the next run: with room behind its rows, which that run writes in place. Between codes, when
/// a capacity is reached, rows are moved. What is behind the rows is zero, unless a run has failed.
class growing_state {
 public:
  /// Code for one capacity, with a workspace; its inputs are those of the model and, behind them, the length.
  struct room {
    std::int64_t capacity = 0;
    lease* l = nullptr;
  };

  /// An input that grows with the state and is given for each run.
  struct given_input {
    std::size_t input = 0, axis = 0;  ///< which, and along which axis
    bool with_rows = false;           ///< its extent is the length and what a run adds; else the length
    std::string name{};
    tensor_type type{};  ///< with any extent along its axis
  };

  /// `types` are those of the state with any extent along its axis; the rooms' capacities ascend, and each has place
  /// for `added` rows. Errors: limit_exceeded.
  growing_state(std::span<state_link const> links, std::span<tensor_type const> types,
                std::span<given_input const> inputs, std::vector<room> rooms, std::int64_t added,
                std::size_t limit_bytes)
      : rooms_(std::move(rooms)), added_(added) {
    budget memory("the state of a context", limit_bytes);
    for (auto const& in : inputs) {
      given g{.what = in, .rows = rows_of(in.type, in.axis)};
      (*g.what.type.shape)[in.axis] = rooms_.back().capacity;
      memory.charge(dense_bytes(in.type.element, *g.what.type.shape));
      g.memory = any_tensor(in.type.element, *g.what.type.shape);
      given_.push_back(std::move(g));
    }
    for (std::size_t i = 0; i < links.size(); ++i) {
      auto const axis = *links[i].axis;
      kept t{.link = links[i], .axis = axis, .extents = *types[i].shape, .rows = rows_of(types[i], axis)};
      t.extents[t.axis] = rooms_.back().capacity;
      memory.charge(dense_bytes(types[i].element, t.extents));
      t.memory = any_tensor(types[i].element, t.extents);
      all_.push_back(std::move(t));
    }
    for (auto const& r : rooms_) bind(r);
  }

  std::span<room const> rooms() const { return rooms_; }
  std::size_t size() const { return all_.size(); }
  std::int64_t length() const { return length_; }
  std::int64_t most() const { return rooms_.back().capacity - added_; }

  /// Whether input `i` is one that grows and is given.
  bool takes(std::size_t i) const {
    return std::ranges::any_of(given_, [&](given const& g) { return g.what.input == i; });
  }
  /// Sets that input; runs read its memory. Errors: invalid_argument for a shape that differs besides its axis.
  void set(std::size_t i, tensor_view value) {
    auto& g = *std::ranges::find(given_, i, [](given const& each) { return each.what.input; });
    auto s = *g.what.type.shape;
    if (value.shape.rank() == s.rank()) s[g.what.axis] = value.shape[g.what.axis];
    if (value.shape != s)
      fail(error_code::invalid_argument,
           "input '{}': this context is for shape {} with another extent of axis {}, got {}", g.what.name, s,
           g.what.axis, value.shape);
    g.value = value;
  }

  /// The workspace of the next run, with the operands of `now` besides state. Errors: invalid_argument where there is
  /// no more place.
  lease* next(lease* now) {
    if (length_ > most())
      fail(error_code::invalid_argument, "the state has {} rows, and a run takes at most {} ({}): reset it, or {}",
           length_, most(), "options::bounds", "load the model with another bound");
    auto const fitting = room_for(length_ + added_);
    if (fitting != at_) move_to(fitting);
    for (auto& g : given_) take(g);
    auto* const l = rooms_[at_].l;
    if (l == now) return l;
    for (std::size_t i = 0; i + 1 < l->inputs.size(); ++i)
      if (!takes(i) && std::ranges::count(all_, i, [](kept const& t) { return t.link.input; }) == 0)
        l->inputs[i] = now->inputs[i];
    for (std::size_t i = 0; i < l->outputs.size(); ++i)
      if (std::ranges::count(all_, i, [](kept const& t) { return t.link.output; }) == 0)
        l->outputs[i] = now->outputs[i];
    return l;
  }
  /// A run has written its rows.
  void advance() { length_ += added_; }

  void reset() {
    length_ = 0, at_ = 0;
    for (auto& t : all_) std::memset(t.memory.data(), 0, t.rows.bytes(capacity()));
  }

  any_tensor save(std::size_t i) const {
    auto const& t = all_[i];
    auto s = t.extents;
    s[t.axis] = length_;
    any_tensor saved(t.memory.type(), s);
    t.rows.save(static_cast<std::byte const*>(t.memory.data()), static_cast<std::size_t>(length_), capacity(),
                static_cast<std::byte*>(saved.data()));
    return saved;
  }
  /// An error unless `value` is one for tensor `i`, called `name`, with at most as many rows as there is place for.
  void expect(std::size_t i, any_tensor const& value, std::string_view name) const {
    auto const& t = all_[i];
    auto s = t.extents;
    auto const most = rooms_.back().capacity;
    bool const ranked = value.shape().rank() == s.rank();
    s[t.axis] = ranked ? std::min(value.shape()[t.axis], most) : most;
    if (value.type() != t.memory.type() || value.shape() != s)
      fail(error_code::invalid_argument, "state '{}': expected {} {} with 0 to {} along axis {}, got {} {}", name,
           sinter::name(t.memory.type()), s, most, t.axis, sinter::name(value.type()), value.shape());
  }
  /// Sets all tensors, which are as `expect` wants them. Errors: invalid_argument where they differ in rows.
  void restore(std::span<any_tensor const* const> values) {
    auto const rows = [&](std::size_t i) { return values[i]->shape()[all_[i].axis]; };
    for (std::size_t i = 1; i < all_.size(); ++i)
      if (rows(i) != rows(0))
        fail(error_code::invalid_argument, "the state given has {} rows and {} rows, expected one number", rows(0),
             rows(i));
    reset();
    length_ = rows(0);
    at_ = room_for(std::min(length_ + added_, rooms_.back().capacity));
    for (std::size_t i = 0; i < all_.size(); ++i)
      all_[i].rows.restore(bytes_of(all_[i]), static_cast<std::size_t>(length_), capacity(),
                           static_cast<std::byte const*>(values[i]->data()));
  }

 private:
  struct kept {
    state_link link{};
    std::size_t axis = 0;
    shape extents{};  ///< with the largest capacity
    growing_rows rows{};
    mutable any_tensor memory{};
  };

  struct given {
    given_input what{};  ///< with the largest capacity
    growing_rows rows{};
    any_tensor memory{};
    tensor_view value{};  ///< the caller's
  };

  static growing_rows rows_of(tensor_type const& type, std::size_t axis) {
    auto const& s = *type.shape;
    return {s.elements(0, axis), s.elements(axis + 1, s.rank()) * size_of(type.element)};
  }

  /// Lays an input out as the code wants it, with zeros behind.
  void take(given& g) {
    auto const rows = length_ + (g.what.with_rows ? added_ : 0);
    auto const axis = g.what.axis;
    if (!g.value) fail(error_code::invalid_argument, "input '{}' is not set", g.what.name);
    if (g.value.shape[axis] != rows)
      fail(error_code::invalid_argument, "input '{}': the state has {} rows, axis {} must be {}, got {}", g.what.name,
           length_, axis, rows, g.value.shape[axis]);
    g.rows.restore(static_cast<std::byte*>(g.memory.data()), static_cast<std::size_t>(rows), capacity(),
                   static_cast<std::byte const*>(g.value.data));
  }

  static std::byte* bytes_of(kept& t) { return static_cast<std::byte*>(t.memory.data()); }
  /// That for which the rows are laid out.
  std::size_t capacity() const { return static_cast<std::size_t>(rooms_[at_].capacity); }

  std::size_t room_for(std::int64_t rows) const {
    auto const fits = [&](room const& r) { return r.capacity >= rows; };
    return static_cast<std::size_t>(std::ranges::find_if(rooms_, fits) - rooms_.begin());
  }

  void move_to(std::size_t larger) {
    for (auto& t : all_)
      t.rows.widen(bytes_of(t), static_cast<std::size_t>(length_), capacity(),
                   static_cast<std::size_t>(rooms_[larger].capacity));
    at_ = larger;
  }

  void bind(room const& r) {
    for (auto& t : all_) {
      auto s = t.extents;
      s[t.axis] = r.capacity;
      r.l->inputs[t.link.input] = {t.memory.type(), s, t.memory.data()};
      r.l->outputs[t.link.output] = {t.memory.type(), s, t.memory.data()};
    }
    for (auto& g : given_) {
      auto s = *g.what.type.shape;
      s[g.what.axis] = r.capacity;
      r.l->inputs[g.what.input] = {g.memory.type(), s, g.memory.data()};
    }
    r.l->inputs.back() = {dtype::int64, shape{}, &length_};
  }

  std::vector<kept> all_{};
  std::vector<given> given_{};
  std::vector<room> rooms_{};
  std::int64_t added_ = 0, length_ = 0;
  std::size_t at_ = 0;  ///< the room in which the rows lie
};

}  // namespace sinter

#pragma once

#include <sinter/core/tensor.hpp>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sinter {

class graph;

/// The value of an attribute, as ONNX stores it. A subgraph captures nothing: import appends the outer values that the
/// subgraphs of a node use to the node's inputs and, in the same order, to the inputs of each of these subgraphs. Outer
/// constants are constants of the subgraph instead.
using attribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>,
                               std::vector<std::string>, any_tensor, std::shared_ptr<graph const>>;

/// The attributes of a node by name, in the order of names. Copies share them: a change makes a list of its own.
class attribute_map {
 public:
  using value_type = std::pair<std::string, attribute>;
  using const_iterator = value_type const*;

  attribute_map() = default;
  /// The first of several attributes of one name counts.
  explicit attribute_map(std::vector<value_type> all) {
    if (!std::ranges::is_sorted(all, {}, &value_type::first)) std::ranges::stable_sort(all, {}, &value_type::first);
    auto const same_name = [](value_type const& a, value_type const& b) { return a.first == b.first; };
    all.erase(std::unique(all.begin(), all.end(), same_name), all.end());
    entries_ = std::make_shared<list>(std::move(all));
  }
  attribute_map(std::initializer_list<value_type> all) : attribute_map(std::vector<value_type>(all)) {}

  const_iterator begin() const { return entries_ ? entries_->data() : nullptr; }
  const_iterator end() const { return entries_ ? entries_->data() + entries_->size() : nullptr; }
  std::size_t size() const { return entries_ ? entries_->size() : 0; }
  bool empty() const { return size() == 0; }

  const_iterator find(std::string_view name) const {
    auto const at = place_of(name);
    return at != end() && at->first == name ? at : end();
  }
  bool contains(std::string_view name) const { return find(name) != end(); }
  /// Whether both are copies of one list, and so equal.
  bool shares_entries(attribute_map const& other) const { return entries_ == other.entries_; }

  /// The attribute of that name, to be written before this is copied; added where there is none.
  attribute& operator[](std::string_view name) {
    bool const known = contains(name);
    auto const at = place_of(name) - begin();
    auto made = entries_ ? std::make_shared<list>(*entries_) : std::make_shared<list>();
    if (!known) made->emplace(made->begin() + at, std::string(name), attribute());
    auto& written = (*made)[static_cast<std::size_t>(at)].second;
    entries_ = std::move(made);
    return written;
  }
  void erase(std::string_view name) {
    if (!contains(name)) return;
    auto made = std::make_shared<list>(*entries_);
    made->erase(made->begin() + (find(name) - begin()));
    entries_ = std::move(made);
  }
  void clear() { entries_.reset(); }

 private:
  using list = std::vector<value_type>;

  const_iterator place_of(std::string_view name) const {
    return std::lower_bound(begin(), end(), name, [](auto const& entry, auto what) { return entry.first < what; });
  }

  std::shared_ptr<list const> entries_;
};

}  // namespace sinter

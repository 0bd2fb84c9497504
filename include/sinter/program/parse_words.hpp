#pragma once

#include <sinter/core/line_reader.hpp>
#include <sinter/expr/text.hpp>
#include <sinter/program/program.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter::detail {

/// Reads what stands in the lines of a program: types, extents, addresses, views and operators.
class program_word_reader : protected line_reader {
 protected:
  explicit program_word_reader(std::string_view text) : line_reader(text, ",[]():") {}

  /// `prefix` and the number of the next element of a list.
  void numbered(std::string_view prefix, std::size_t expected) {
    auto const text = word();
    if (text != fmt::format("{}{}", prefix, expected)) reject("{}{} is expected, not '{}'", prefix, expected, text);
  }

  /// Calls `f` for each part of a text like 1x4x2.
  template <typename F>
  static void each_extent(std::string_view text, F&& f) {
    for (std::size_t from = 0, to = 0; to != std::string_view::npos; from = to + 1) {
      to = text.find('x', from);
      f(text.substr(from, to - from));
    }
  }

  dtype element() {
    auto const name = word();
    auto const found = dtype_named(name);
    if (found == dtype::undefined && name != sinter::name(found)) reject("'{}' is no data type", name);
    return found;
  }

  tensor_type type() {
    tensor_type t{element(), std::nullopt};
    if (t.element == dtype::undefined || !accept("[")) return t;
    t.shape.emplace();
    if (!accept("]")) {
      each_extent(word(), [&](std::string_view text) {
        t.shape->push_back(number<std::int64_t>(text));
        if (t.shape->back() < 0) reject("a dimension is {}", t.shape->back());
      });
      expect("]");
    }
    static_cast<void>(dense_bytes(t.element, *t.shape));
    return t;
  }

  static extent take_extent(std::string_view text) {
    extent e;
    auto const plus = text.find('+');
    if (!text.ends_with('n')) {
      e.base = number<std::int32_t>(text);
    } else {
      e.base = plus == std::string_view::npos ? 0 : number<std::int32_t>(text.substr(0, plus));
      text.remove_prefix(plus == std::string_view::npos ? 0 : plus + 1);
      e.step = number<std::int32_t>(text.substr(0, text.size() - 1));
    }
    if (e.base < 0 || e.step < 0) reject("an extent is negative");
    return e;
  }

  address take_address() {
    auto const whole = word();
    auto text = whole;
    std::size_t in = 0;
    while (in < space_prefixes.size() && !text.starts_with(space_prefixes[in])) ++in;
    if (in == space_prefixes.size()) reject("'{}' is no address", whole);
    address a{.in = static_cast<space>(in)};
    text.remove_prefix(space_prefixes[in].size());
    auto const part = [&] {  // up to the next sign that is not the first character
      auto const end = std::min(text.find_first_of("+-", 1), text.size());
      auto const taken = text.substr(0, end);
      text.remove_prefix(end);
      return taken;
    };
    if (is_numbered(a.in)) a.index = number<std::uint32_t>(part());
    while (!text.empty()) add_term(a, part());
    return a;
  }

  static void add_term(address& a, std::string_view term) {
    auto const star = term.find('*');
    auto digits = term.substr(0, star);
    if (digits.starts_with('+'))
      digits.remove_prefix(1);
    else if (!digits.starts_with('-'))
      reject("a sign is expected before '{}'", term);
    auto const bytes = number<std::int64_t>(digits);
    if (star == std::string_view::npos) return static_cast<void>(a.offset = checked_add(a.offset, bytes));
    auto const index = term.substr(star + 1);
    auto const i = index.starts_with('i') ? number<std::size_t>(index.substr(1)) : index_rank;
    if (i >= index_rank) reject("'{}' is no index, i0 to i{} are", index, index_rank - 1);
    a.stride[i] = checked_add(a.stride[i], bytes);
  }

  /// A kernel as program/device_text.hpp prints it, but for its number.
  device_kernel take_device_kernel() {
    device_kernel k{.form = std::string(word())};
    expect("threads");
    k.threads = number<std::int32_t>(word());
    expect("shared");
    k.shared_bytes = number<std::int32_t>(word());
    if (accept_word("computes")) k.computes = element();
    while (!at_end() && rest().front() != '"') {
      auto const what = word();
      auto const equals = what.find('=');
      if (equals != std::string_view::npos)
        k.constants.push_back({std::string(what.substr(0, equals)), number<std::int64_t>(what.substr(equals + 1))});
      else if (what == "in" || what == "out")
        k.arguments.push_back(take_device_argument(what == "out"));
      else
        reject("'{}' is no constant or argument", what);
    }
    if (!at_end()) k.function = expr::parse(name());
    return k;
  }

  device_argument take_device_argument(bool written) {
    device_argument a{.element = element(), .written = written, .bytes = number<std::int64_t>(word())};
    if (!accept_word("steps")) return a;
    do a.strides.push_back(number<std::int64_t>(word()));
    while (accept(","));
    return a;
  }

  /// The number behind "slot"; -1: there is none.
  std::int32_t slot() {
    if (!accept_word("slot")) return -1;
    auto const number_of = number<std::int32_t>(word());
    if (number_of < 0) reject("a slot is numbered from 0 on, not {}", number_of);
    return number_of;
  }

  view_binding view() {
    view_binding v;
    if (accept_word("_")) return v;
    bool const constant = accept_word("const");
    if (!constant) v.where = take_address();
    expect(":");
    v.type = type();
    if (constant) v.constant = without_elements(v.type);
    v.slot = slot();
    if (v.is_bound()) {
      expect("axis");
      v.axis = number<std::size_t>(word());
    }
    return v;
  }

  static any_tensor without_elements(tensor_type const& t) {
    return {t.element, t.shape.value_or(shape{}), std::shared_ptr<void const>()};
  }

  std::int32_t required_slot() {
    auto const at = slot();
    if (at < 0) reject("'slot' or '_' is expected before '{}'", rest());
    return at;
  }

  template <typename T, typename Take>
  std::vector<T> list(Take take, std::string_view stop) {
    std::vector<T> all;
    while (!at_end() && !rest().starts_with(')') && (stop.empty() || peek() != stop)) {
      if (!all.empty()) expect(",");
      all.push_back(take());
    }
    return all;
  }

  bound_operator take_operator() {
    if (accept_word("_")) return {};
    node n;
    operator_name(n);
    auto const* const entry = find_operator(n.domain, n.op, n.version);
    if (!entry || entry->schema.since != n.version) reject("there is no definition {}@{}", n.op, n.version);
    return {entry, nullptr};
  }

  void operator_name(node& n) {
    auto const take = [&] {
      if (at_end() || rest().front() == '"') return name();
      auto text = std::string(peek().substr(0, peek().find('@')));
      expect(text);
      return text;
    };
    n.op = take();
    if (accept(":")) n.domain = std::exchange(n.op, take());
    expect("@");
    n.version = number<std::int64_t>(word());
    if (n.op.empty()) reject("an operator has a name");
  }
};

}  // namespace sinter::detail

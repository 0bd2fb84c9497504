#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/graph/text_lexer.hpp>
#include <sinter/graph/text_tensor.hpp>
#include <sinter/graph/verify.hpp>

#include <charconv>
#include <map>
#include <string>
#include <vector>

namespace sinter::detail {

/// Reads the text form of a graph; see graph/text.hpp.
class graph_parser {
 public:
  explicit graph_parser(std::string_view text) : lexer_(text) {}

  graph run() {
    auto const start = lexer_.peek().offset;
    auto g = take_graph();
    if (lexer_.peek().what != text_token::kind::end)
      error_here("expected the end of the text, found " + lexer_.found());
    try {
      verify(g);
    } catch (error const& e) {
      lexer_.fail_at(start, e.what());
    }
    return g;
  }

 private:
  struct scope {
    graph& g;
    std::map<std::string, value_id> names{};  ///< key: the name with its suffix
  };

  [[noreturn]] void error_here(std::string_view message) const { lexer_.fail_at(lexer_.peek().offset, message); }

  graph take_graph() {
    if (!lexer_.accept_word("graph")) error_here("expected 'graph', found " + lexer_.found());
    if (++depth_ > limits{}.depth) error_here("graphs are nested too deeply");
    graph g;
    if (lexer_.peek().is_name() && !lexer_.peek().is_word("opset")) g.name = lexer_.next().text;
    while (lexer_.accept_word("opset")) {
      auto const first = take_name("a domain or version");
      auto const number = lexer_.peek().what == text_token::kind::word && !lexer_.peek().is_word("opset");
      g.opsets[number ? first.text : ""] = to_number<std::int64_t>(number ? lexer_.next() : first);
    }
    scope s{g};
    lexer_.expect('{');
    while (!lexer_.accept('}')) take_statement(s);
    --depth_;
    return g;
  }

  void take_statement(scope& s) {
    bool const captured = lexer_.accept_word("capture");
    if (captured || lexer_.accept_word("input")) {
      auto const id = define(s);
      if (lexer_.accept(':')) s.g.at(id).type = take_type();
      s.g.inputs.push_back(take_declared(s.g, id));
      s.g.inputs.back().captured = captured;
    } else if (lexer_.accept_word("output")) {
      auto const id = use(s);
      s.g.outputs.push_back(take_declared(s.g, id));
    } else if (lexer_.accept_word("const")) {
      auto const id = define(s);
      lexer_.expect('=');
      auto const offset = lexer_.peek().offset;
      auto const type = take_type();
      s.g.make_constant(id, take_tensor(type, offset));
    } else {
      take_node(s);
    }
  }

  void take_node(scope& s) {
    node n;
    do {
      if (lexer_.accept_word("_")) {
        n.outputs.push_back({});
        continue;
      }
      n.outputs.push_back(define(s));
      if (lexer_.accept(':')) s.g.at(n.outputs.back()).type = take_type();
    } while (lexer_.accept(','));
    lexer_.expect('=');
    n.op = take_name("an operator").text;
    if (lexer_.accept(':')) n.domain = std::exchange(n.op, take_name("an operator").text);
    auto const opset = s.g.opsets.find(n.domain);
    n.version = opset == s.g.opsets.end() ? 1 : opset->second;
    if (lexer_.accept('@')) n.version = to_number<std::int64_t>(take_name("a version"));
    lexer_.expect('(');
    if (!lexer_.accept(')')) {
      do n.inputs.push_back(lexer_.accept_word("_") ? value_id{} : use(s));
      while (lexer_.accept(','));
      lexer_.expect(')');
    }
    if (lexer_.accept('{') && !lexer_.accept('}')) {
      do {
        auto const name = take_name("an attribute");
        lexer_.expect('=');
        if (n.attributes.contains(name.text))
          lexer_.fail_at(name.offset, fmt::format("attribute '{}' occurs twice", name.text));
        n.attributes[name.text] = take_attribute();
      } while (lexer_.accept(','));
      lexer_.expect('}');
    }
    if (lexer_.accept_word("as")) n.name = take_name("a name").text;
    s.g.add_node(std::move(n));
  }

  text_token take_name(std::string_view what) {
    if (!lexer_.peek().is_name()) error_here(fmt::format("expected {}, found {}", what, lexer_.found()));
    return lexer_.next();
  }

  /// A name with its suffix: the name, and the key that tells it from others.
  std::pair<text_token, std::string> take_value_name() {
    text_token name{.what = text_token::kind::quoted, .text = {}, .offset = lexer_.peek().offset};
    if (lexer_.peek().what != text_token::kind::suffix) name = take_name("a value");
    auto key = quote(name.text);
    if (lexer_.peek().what == text_token::kind::suffix) key += lexer_.next().text;
    return {std::move(name), std::move(key)};
  }

  value_id define(scope& s) {
    auto const [name, key] = take_value_name();
    auto const [it, fresh] = s.names.emplace(key, value_id{});
    if (!fresh) lexer_.fail_at(name.offset, fmt::format("value {} is defined twice", key));
    return it->second = s.g.add_value(name.text);
  }

  value_id use(scope& s) {
    auto const [name, key] = take_value_name();
    auto const it = s.names.find(key);
    if (it == s.names.end()) lexer_.fail_at(name.offset, fmt::format("value {} is not defined above", key));
    return it->second;
  }

  template <typename Number>
  Number to_number(text_token const& token) const {
    Number x{};
    auto const* const end = token.text.data() + token.text.size();
    auto const [p, code] = std::from_chars(token.text.data(), end, x);
    if (token.what != text_token::kind::word || p != end || code != std::errc{})
      lexer_.fail_at(token.offset,
                     fmt::format("expected {}, found '{}'",
                                 std::is_integral_v<Number> ? "an integer in range" : "a number", token.text));
    return x;
  }

  tensor_type take_type() {
    auto const token = take_name("a type");
    auto const element = dtype_named(token.text);
    if (element == dtype::undefined && token.text != name(element))
      lexer_.fail_at(token.offset, fmt::format("'{}' is no data type", token.text));
    tensor_type type{element, std::nullopt};
    if (!lexer_.accept('[')) return type;
    type.shape.emplace();
    if (!lexer_.peek().is(']')) {
      auto extents = take_name("a shape");
      for (std::size_t from = 0, to = 0; to != std::string::npos; from = to + 1) {
        to = extents.text.find('x', from);
        type.shape->push_back(
            to_number<std::int64_t>({extents.what, extents.text.substr(from, to - from), extents.offset + from}));
      }
    }
    lexer_.expect(']');
    return type;
  }

  port take_declared(graph const& g, value_id id) {
    port p{id, std::nullopt};
    if (lexer_.accept_word("declared")) {
      if (lexer_.accept('?')) return p;
      lexer_.expect('[');
      p.declared.emplace();
      if (lexer_.accept(']')) return p;
      do p.declared->push_back(take_dimension());
      while (lexer_.accept(','));
      lexer_.expect(']');
    } else if (auto const& type = g.at(id).type; type.shape) {
      p.declared.emplace();
      for (auto const extent : type.shape->span()) p.declared->push_back({extent, {}});
    }
    return p;
  }

  dimension take_dimension() {
    if (lexer_.accept('?')) return {};
    auto const token = take_name("a dimension");
    bool const number =
        token.what == text_token::kind::word && token.text.find_first_not_of("0123456789") == std::string::npos;
    return number ? dimension{to_number<std::int64_t>(token), {}} : dimension{-1, token.text};
  }

  attribute take_attribute() {
    auto const& token = lexer_.peek();
    if (token.is_word("graph")) return std::make_shared<graph const>(take_graph());
    if (token.is('[')) return take_list(0);
    if (token.what == text_token::kind::quoted) return lexer_.next().text;
    if (token.what != text_token::kind::word) error_here("expected an attribute, found " + lexer_.found());
    if (is_number(token)) return take_number();
    auto const offset = token.offset;
    if (lexer_.accept_word("floats")) return take_list('f');
    if (lexer_.accept_word("strings")) return take_list('s');
    auto const type = take_type();
    return take_tensor(type, offset);
  }

  static bool is_number(text_token const& token) {
    auto const from = token.text[0] == '-' ? 1u : 0u;
    auto const rest = std::string_view(token.text).substr(from);
    return rest == "inf" || rest == "nan" || (!rest.empty() && rest[0] >= '0' && rest[0] <= '9');
  }

  attribute take_number() {
    if (lexer_.peek().text.find_first_of(".en") == std::string::npos) return to_number<std::int64_t>(lexer_.next());
    return to_number<float>(lexer_.next());
  }

  /// A list of one type; `type` is 'f', 's' or, if the first item decides, 0.
  attribute take_list(char type) {
    lexer_.expect('[');
    std::vector<std::int64_t> integers;
    std::vector<float> floats;
    std::vector<std::string> strings;
    if (!lexer_.accept(']')) {
      do {
        auto const& token = lexer_.peek();
        if (token.what == text_token::kind::end) error_here("the list has no end");
        char const kind = token.what == text_token::kind::quoted                                ? 's'
                          : token.text.find_first_of(".en") != std::string::npos || type == 'f' ? 'f'
                                                                                                : 'i';
        if (type == 0) type = kind;
        if (kind != type) error_here("the items of a list are of one type");
        if (kind == 's') strings.push_back(lexer_.next().text);
        if (kind == 'f') floats.push_back(to_number<float>(lexer_.next()));
        if (kind == 'i') integers.push_back(to_number<std::int64_t>(lexer_.next()));
      } while (lexer_.accept(','));
      lexer_.expect(']');
    }
    if (type == 'f') return floats;
    if (type == 's') return strings;
    return integers;
  }

  any_tensor take_tensor(tensor_type const& type, std::size_t offset) {
    if (type.element == dtype::undefined || !type.shape)
      lexer_.fail_at(offset, "a tensor needs a data type and a shape: float[2x3]");
    constexpr std::int64_t most_elements = std::int64_t{1} << 31;  // a text is written by hand or by print
    if (checked_product(*type.shape) > static_cast<std::size_t>(most_elements))
      lexer_.fail_at(offset, "the tensor is too large for the text form");
    any_tensor t(type.element, *type.shape);
    auto const count = text_count(t);
    if (lexer_.accept_word("fill")) {
      lexer_.expect('(');
      auto const token = lexer_.next();
      for (std::size_t i = 0; i < count; ++i) set_element(t, i, token);
      lexer_.expect(')');
    } else if (lexer_.accept_word("random")) {
      lexer_.expect('(');
      auto const seed = to_number<std::uint64_t>(lexer_.next());
      auto* const bytes = static_cast<std::byte*>(t.data());
      auto const width = text_width(t.type());
      for (std::size_t i = 0; i < count; ++i) write_random(t.type(), bytes + i * width, i, seed);
      lexer_.expect(')');
    } else {
      lexer_.expect('{');
      for (std::size_t i = 0; i < count; ++i) {
        if (i != 0) lexer_.expect(',');
        set_element(t, i, lexer_.next());
      }
      lexer_.expect('}');
    }
    return t;
  }

  void set_element(any_tensor& t, std::size_t i, text_token const& token) const {
    switch (text_element_of(t.type())) {
      case text_element::half:
        static_cast<std::uint16_t*>(t.data())[i] = float_to_half(to_number<float>(token));
        return;
      case text_element::bfloat:
        static_cast<std::uint16_t*>(t.data())[i] = float_to_bfloat16(to_number<float>(token));
        return;
      case text_element::single: static_cast<float*>(t.data())[i] = to_number<float>(token); return;
      case text_element::real: static_cast<double*>(t.data())[i] = to_number<double>(token); return;
      case text_element::text:
        if (token.what != text_token::kind::quoted) lexer_.fail_at(token.offset, "expected a quoted string");
        static_cast<std::string*>(t.data())[i] = token.text;
        return;
      case text_element::integer: break;
    }
    visit_integer(t.type(), t.data(), i, [&](auto* p) { *p = to_number<std::remove_pointer_t<decltype(p)>>(token); });
  }

  text_lexer lexer_;
  std::size_t depth_ = 0;
};

}  // namespace sinter::detail

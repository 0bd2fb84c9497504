#pragma once

#include <sinter/graph/text_parse.hpp>
#include <sinter/graph/text_print.hpp>

#include <string>
#include <string_view>

namespace sinter {

struct text_options {
  /// Constants of more numbers that are neither a fill nor a random sequence print as `{...}`, which does not parse.
  std::size_t most_numbers = SIZE_MAX;
};

/// The text form of a graph: one statement a line, every value defined above its uses.
///
///     graph tiny opset 17 {
///       input x: float[1x3x8x8] declared [N, 3, 8, 8]
///       const w = float[4x3x3x3] random(1)
///       const b = float[4] {0.5, 1, -1, 0}
///       const zero = float[4x8] fill(0)
///       y: float[1x4x8x8] = Conv(x, w, b) {group = 1, pads = [1, 1, 1, 1]} as conv1
///       z = Relu(y)
///       s, _ = sinter:some_op(z, _, x) {alpha = 0.5, mode = "linear", table = int64[2] {1, 2}}
///       output s declared [N, ?]
///     }
///
/// Blanks and line ends separate words and mean nothing else; a `;` starts a comment that ends with its line.
///
///     graph      = "graph" [name] {"opset" [domain] version} "{" {statement} "}"
///     statement  = ("input" | "capture") name [":" type] [declared]     ; capture: from the graph around a subgraph
///                | "const" name "=" tensor
///                | "output" name [declared]
///                | result {"," result} "=" [domain ":"] op ["@" version] "(" [operand {"," operand}] ")" [attributes]
///                  ["as" name]
///     result     = "_" | name [":" type]                     ; "_": an omitted output
///     operand    = "_" | name                                ; "_": an omitted input
///     type       = dtype ["[" shape "]"]                     ; dtype as name(dtype); no brackets: an unknown shape
///     shape      = "" | extent {"x" extent}                  ; "" is a scalar
///     declared   = "declared" ("?" | "[" [dim {"," dim}] "]")     ; "?": even the rank is open
///     dim        = extent | symbol | "?"
///     tensor     = dtype "[" shape "]" numbers
///     numbers    = "{" [number {"," number}] "}" | "fill(" number ")" | "random(" seed ")"
///     attributes = "{" [name "=" attribute {"," name "=" attribute}] "}"
///     attribute  = integer | float | string | tensor | graph
///                | "[" [item {"," item}] "]" | "floats[" … "]" | "strings[" … "]"
///     name       = letters, digits and _ . / + - together, or a quoted string; then perhaps "%" and digits
///
/// - A number with a point or an exponent (and inf, nan) is a float attribute, other numbers are integers. The first
///   item of a list gives its type; the empty lists of floats and strings are `floats[]` and `strings[]`.
/// - An opset without a domain is that of ai.onnx. A node has the version of its domain's opset (1 if the graph has
///   none) unless `@` says otherwise. The domain of a node stands before its operator; ai.onnx has none.
/// - Without `declared`, a port declares the shape of its type, or nothing if that is unknown.
/// - `random(seed)` is a fixed sequence: floats are multiples of 2^-8 in [-1, 1), integers spread over 8 bits.
///   `fill` repeats one element. Types without arithmetic (float8, float4) list their bits as integers, complex ones
///   two numbers an element.
/// - `%` and digits tell values of equal name (or none: `%7`) apart; they are no part of the name.
///
/// print(parse(print(g))) == print(g), and parse(print(g)) is `g` up to the numbers of values and nodes; values that
/// nothing defines or uses, and constants that nothing uses, are not printed.
inline std::string print(graph const& g, text_options const& options = {}) {
  return detail::graph_printer(g, options.most_numbers).run();
}

/// Reads what `print` wrote, or a person. A mistake is `error_code::malformed_model`; the message begins with line and
/// column. The result satisfies `verify`.
inline graph parse(std::string_view text) { return detail::graph_parser(text).run(); }

}  // namespace sinter

#pragma once

#include <sinter/graph/graph.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace sinter {

/// How a node runs its subgraphs, in terms of its inputs and outputs: If, Loop and Scan in one form.
///
/// Two bodies are branches, of which a condition chooses one: the first if it holds. One body runs in turns. It takes
/// the number of the turn (int64) and `true`, if it is `numbered`; then what the turn before carries to it, slices of
/// the scanned inputs, and the values that it captures: the node's inputs from `first` on. It gives whether to go on,
/// if it is `numbered`; then what it carries, which after the last turn are the node's first outputs, and slices of
/// the others.
struct control_form {
  /// An axis of a whole along which each turn has one position; negative: from the end.
  struct sliced {
    std::int64_t axis = 0;
    bool backwards = false;  ///< the first turn has the last position

    /// The axis of a whole of this rank; `rank` or more where there is none.
    std::size_t of(std::size_t rank) const {
      return static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis);
    }
  };

  std::vector<std::shared_ptr<graph const>> bodies{};
  std::optional<std::size_t> count{};      ///< the input that is the most turns
  std::optional<std::size_t> condition{};  ///< the input that chooses, or says whether there is a first turn
  bool numbered = false;
  std::size_t first = 0;
  std::size_t carried = 0;
  std::vector<sliced> scanned{};
  std::vector<sliced> stacked{};

  bool is_choice() const { return bodies.size() == 2; }
  /// What a body takes before what it carries, and gives before that.
  std::size_t inputs_ahead() const { return numbered ? 2 : 0; }
  std::size_t outputs_ahead() const { return numbered ? 1 : 0; }
};

/// The form of a node, or none if it has no subgraphs or they cannot be put so. Defined in ops/planned_bodies.hpp.
std::optional<control_form> control_form_of(node const& n);

/// The types of the inputs of a node's bodies, if all are known. Defined in ops/planned_bodies.hpp.
std::optional<std::vector<tensor_type>> body_input_types(graph const& g, node const& n, control_form const& form);

/// Whether all that a node and its subgraphs compute has known shapes, so that its subgraphs can be planned with the
/// graph around them: what a turn carries has the types that it takes, and branches give the same. Defined in
/// ops/planned_bodies.hpp.
bool has_planned_bodies(graph const& g, node const& n);

}  // namespace sinter

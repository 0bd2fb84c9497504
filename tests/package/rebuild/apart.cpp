#include <second.hpp>

/// The score of the second class.
float apart(float const* scores) { return scores[second::scores::size > 1 ? 1 : 0]; }

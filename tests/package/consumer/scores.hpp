#pragma once

#include <sinter/sinter.hpp>

/// The number of scores that the model gives for an empty 8x8 picture.
std::size_t count_scores(sinter::model const& net);

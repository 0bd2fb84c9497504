#pragma once

// The parts of the library that are compiled once per program.

#include <sinter/core/target_native.hpp>
#include <sinter/core/target_text.hpp>
#include <sinter/devices.hpp>
#include <sinter/emit/x86/emitter.hpp>
#include <sinter/formatters.hpp>
#include <sinter/model.hpp>
#include <sinter/onnx/describer.hpp>
#include <sinter/onnx/exporter.hpp>
#include <sinter/onnx/importer.hpp>
#include <sinter/ops/all.hpp>
#include <sinter/passes/all.hpp>
#include <sinter/plan/planner.hpp>
#include <sinter/schedules/all.hpp>

#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

/// The path of a file or folder of the shared test data (real models, the ONNX backend tests), if it is there. The data
/// is found by the environment variable SINTER_SHARED, else where the build was told that it is. A test that needs it
/// says so without it: `WARN("SKIPPED: needs shared/models"); return;`.
inline std::optional<std::filesystem::path> shared(std::string_view relative) {
  auto const* from_environment = std::getenv("SINTER_SHARED");
  std::filesystem::path const root = from_environment ? from_environment : SINTER_SHARED_DIR;
  if (root.empty()) return std::nullopt;
  auto const path = root / relative;
  return std::filesystem::exists(path) ? std::optional(path) : std::nullopt;
}

/// The file of a model that was exported from PyTorch, NAME.onnx, if it is there: in the folder that the environment
/// variable SINTER_MODELS names, else where the build was told that they are.
inline std::optional<std::filesystem::path> exported_model(std::string_view name) {
  auto const* from_environment = std::getenv("SINTER_MODELS");
  std::filesystem::path const root = from_environment ? from_environment : SINTER_MODELS_DIR;
  auto const path = root / (std::string(name) + ".onnx");
  return std::filesystem::exists(path) ? std::optional(path) : std::nullopt;
}

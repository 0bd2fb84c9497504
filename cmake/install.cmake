# cmake --install: headers, both libraries, and a package that find_package(sinter) finds.
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/sinter)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/sinter DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/cmake/implementation.cpp DESTINATION ${CMAKE_INSTALL_DATADIR}/sinter)
install(TARGETS sinter sinter_headers sinter_compiled EXPORT sinter ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS sinter_simd EXPORT sinter_model)
install(EXPORT sinter NAMESPACE sinter:: FILE sinterTargets.cmake DESTINATION ${package_folder})
install(EXPORT sinter_model NAMESPACE sinter:: FILE sinterModelTargets.cmake DESTINATION ${package_folder})

# The component `model` is sinter_add_model alone, which needs none of the library's dependencies: for cross-compilation.
file(CONFIGURE OUTPUT sinterConfig.cmake CONTENT [[
include("${CMAKE_CURRENT_LIST_DIR}/sinterModelTargets.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/sinter_add_model.cmake")
set_property(GLOBAL PROPERTY SINTER_LIBRARY_TARGETS @library_targets@)
set(sinter_model_FOUND TRUE)
if(NOT "${sinter_FIND_COMPONENTS}" STREQUAL "model")
  set(SINTER_IMAGES @SINTER_IMAGES@)
  include("${CMAKE_CURRENT_LIST_DIR}/dependencies.cmake")
  include("${CMAKE_CURRENT_LIST_DIR}/sinterTargets.cmake")
endif()
]] @ONLY)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/sinterConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sinterConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/sinterConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/dependencies.cmake ${PROJECT_SOURCE_DIR}/cmake/sinter_add_model.cmake
        DESTINATION ${package_folder})

# For those who build without CMake.
list(TRANSFORM CMAKE_DL_LIBS PREPEND -l OUTPUT_VARIABLE sinter_pc_dl)
list(JOIN sinter_pc_dl " " sinter_pc_dl)
set(sinter_pc_images "")
if(SINTER_IMAGES)
  set(sinter_pc_images lept)
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/sinter.pc.in sinter.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sinter.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# cpack makes a Debian package.
if(PROJECT_IS_TOP_LEVEL)
  set(CPACK_GENERATOR DEB)
  set(CPACK_PACKAGE_CONTACT "the developers of sinter")
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
  set(CPACK_DEBIAN_PACKAGE_DEPENDS "libprotobuf-dev, libonnx-dev, libfmt-dev, libxbyak-dev, libxsimd-dev")
  if(SINTER_IMAGES)
    string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libleptonica-dev")
  endif()
  include(CPack)
endif()

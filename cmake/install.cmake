# cmake --install: headers, both libraries, and a package that find_package(sinter) finds.
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/sinter)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/sinter DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/cmake/implementation.cpp DESTINATION ${CMAKE_INSTALL_DATADIR}/sinter)
install(TARGETS sinter sinter_headers sinter_compiled sinter_simd EXPORT sinter ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT sinter NAMESPACE sinter:: FILE sinterTargets.cmake DESTINATION ${package_folder})

file(CONFIGURE OUTPUT sinterConfig.cmake CONTENT [[
include("${CMAKE_CURRENT_LIST_DIR}/dependencies.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/sinterTargets.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/sinter_add_model.cmake")
]] @ONLY)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/sinterConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sinterConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/sinterConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/dependencies.cmake ${PROJECT_SOURCE_DIR}/cmake/sinter_add_model.cmake
        DESTINATION ${package_folder})

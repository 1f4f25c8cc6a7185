# What `cmake --install` lays down: each layer's library and headers, the command, and what find_package(sidestep) reads.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/sidestep)

install(DIRECTORY bus operators DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sidestep FILES_MATCHING PATTERN "*.hpp")
if(SIDESTEP_TRAINER)
  install(DIRECTORY kernels trainer DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sidestep FILES_MATCHING PATTERN "*.hpp")
else()
  install(DIRECTORY trainer/control trainer/callbacks DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sidestep/trainer
          FILES_MATCHING PATTERN "*.hpp")
endif()
if(TARGET sidestep_command)
  set_target_properties(sidestep_command PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  install(TARGETS sidestep_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# The packages that an installed layer links, and so its user has to find: those whose targets a layer's interface names.
get_property(layers GLOBAL PROPERTY SIDESTEP_LAYERS)
set(linked "")
foreach(layer IN LISTS layers)
  get_target_property(libraries ${layer} INTERFACE_LINK_LIBRARIES)
  list(APPEND linked ${libraries})
endforeach()
set(SIDESTEP_DEPENDENCIES "")
foreach(package Threads TBB fmt nlohmann_json dnnl ZLIB CLI11 tomlplusplus)
  string(TOUPPER ${package} upper)
  if(linked MATCHES "(${package}|${upper})::")
    string(APPEND SIDESTEP_DEPENDENCIES "find_dependency(${package})\n")
  endif()
endforeach()

if(linked MATCHES "Boost::context")
  string(APPEND SIDESTEP_DEPENDENCIES "find_dependency(Boost COMPONENTS context)\n")
endif()

configure_package_config_file(cmake/sidestepConfig.cmake.in sidestepConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(sidestepConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sidestepConfig.cmake ${PROJECT_BINARY_DIR}/sidestepConfigVersion.cmake
        DESTINATION ${package_folder})
if(layers)
  install(EXPORT sidestep-targets NAMESPACE sidestep:: DESTINATION ${package_folder})
endif()
